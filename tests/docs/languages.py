#!/usr/bin/env python3
"""Checks that the pages of the tutorial show the same commands, files and output, section
by section, whatever language they explain them in.

languages.py DIRECTORY PAGE PAGE. Prints TAP.
"""
import os
import sys
from page import read_page


def main():
    folder, *names = sys.argv[1:]
    first, second = (read_page(os.path.join(folder, name)) for name in names)
    print(f'1..{len(first) + 1}')
    same = len(first) == len(second)
    print(f'{"ok" if same else "not ok"} 1 - they have the same number of sections')
    failed = not same
    for i, (a, b) in enumerate(zip(first, second), 2):
        same = a.steps == b.steps
        failed |= not same
        print(f'{"ok" if same else "not ok"} {i} - {a.title} / {b.title}')
        for x, y in zip(a.steps, b.steps):
            if x != y:
                print(f'# {x}\n# {y}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
