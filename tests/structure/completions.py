#!/usr/bin/env python3
"""Checks that the completions of each shell know exactly the options of a program.

completions.py DIRECTORY PROGRAM...

DIRECTORY holds PROGRAM.bash, _PROGRAM (zsh) and PROGRAM.fish; the options are those of
PROGRAM --help, and of the lines of the completions that are no comments. Prints TAP.
"""
import os
import re
import subprocess
import sys

LONG = r'(?<![\w-])--([a-z][a-z-]*)'


def options_of(program):
    out = subprocess.run([program, '--help'], check=True, capture_output=True, text=True)
    lines = re.findall(r'^ +(?:-\w, )?--[a-z-]+', out.stdout, re.M)
    return set(re.findall(LONG, '\n'.join(lines)))


def completed(path, pattern):
    with open(path, encoding='utf-8') as file:
        lines = [line for line in file if not line.lstrip().startswith('#')]
    return set(re.findall(pattern, ''.join(lines), re.M))


def main():
    folder, *programs = sys.argv[1:]
    print(f'1..{3 * len(programs)}')
    n = failed = 0
    for program in programs:
        name = os.path.basename(program)
        options = options_of(program)
        for path, pattern in ((f'{name}.bash', LONG), (f'_{name}', LONG),
                              (f'{name}.fish', r'^complete\b.* -l ([a-z-]+)')):
            found = completed(os.path.join(folder, path), pattern) - {''}
            wrong = sorted(options ^ found)
            n += 1
            failed += bool(wrong or not options)
            if wrong:
                print(f'# {path}: missing or too many: {", ".join(wrong)}')
            print(f'{"not ok" if wrong or not options else "ok"} {n} - {path} knows all options')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
