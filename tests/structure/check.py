#!/usr/bin/env python3
"""Checks the structure of the tree, as CONTRIBUTING.md describes it.

check.py SOURCE BUILD

A module is a .c file with the header of its name. One module needs another one
if it includes its header (from the sources) or uses a global symbol of its
object file (by nm, from the build). Then:

  - needs point downwards only, by the ranks of the rooms below;
  - no modules need each other in a circle;
  - no global name is defined twice;
  - no header has more than 200 lines, but for the two contracts and the kernels.

Prints TAP. There is no list of exceptions.
"""
import collections
import os
import re
import subprocess
import sys

# A room may need those of a lower rank, and itself.
RANKS = [
    ['src/include'],
    ['src/util'],
    ['src/proto', 'src/text', 'src/config', 'src/loop', 'src/exec', 'src/natslink', 'backends/base'],
    ['src/traffic', 'src/service', 'src/librevc',
     'backends/fifo', 'backends/mqueue', 'backends/stdio', 'backends/uds'],
    ['src/server', 'src/revc', 'src/bench', 'backends'],
    ['src/daemon'],
]
HEADER_LINES = 200
# The public contracts, and bodies of functions that are compiled once an instruction set.
LARGE_HEADERS = ('src/include/revd/backend.h', 'src/include/revd/service.h', 'src/text/')
# Who includes <revd/x.h> sees it in src/include, "common/x.h" below backends, "x/y.h" below src.
INCLUDE_DIRS = ['', 'src', 'src/include', 'backends']

RANK = {room: rank for rank, rooms in enumerate(RANKS) for room in rooms}


def room_of(path):
    """The longest room that the path lies in; None: it lies in none."""
    while path:
        path = os.path.dirname(path)
        if path in RANK:
            return path
    return None


def module_of(path):
    return os.path.splitext(path)[0]


def sources(top):
    for room in ('src', 'backends'):
        for folder, _, files in os.walk(os.path.join(top, room)):
            for name in files:
                if name.endswith(('.c', '.h')):
                    yield os.path.relpath(os.path.join(folder, name), top)


def resolve(top, path, name):
    for base in [os.path.dirname(path)] + INCLUDE_DIRS:
        found = os.path.normpath(os.path.join(base, name))
        if os.path.exists(os.path.join(top, found)):
            return found
    return None


def includes(top, path):
    with open(os.path.join(top, path), encoding='utf-8') as file:
        for name in re.findall(r'^\s*#\s*include\s*["<]([^">]+)[">]', file.read(), re.M):
            found = resolve(top, path, name)
            if found:
                yield found


def objects(build):
    """Each object file of the product with its source."""
    for room in ('src', 'backends'):
        for folder, _, files in os.walk(os.path.join(build, room)):
            for name in files:
                if name.endswith('.c.o'):
                    place = os.path.dirname(os.path.relpath(folder, build))
                    yield os.path.join(folder, name), os.path.join(place, name[:-2])


def symbols(path):
    """The global names that an object file defines, and those that it uses."""
    defined, used = set(), set()
    out = subprocess.run(['nm', '-g', '-P', path], check=True, capture_output=True, text=True)
    for line in out.stdout.splitlines():
        name, kind = line.split()[:2]
        if name == '_.stapsdt.base':  # of <sys/sdt.h>: weak, and one for all of a program
            continue
        (used if kind in 'Uwv' else defined).add(name)
    return defined, used


def find_needs(top, build):
    needs = collections.defaultdict(dict)  # module -> module -> why
    twice = []
    for path in sources(top):
        for found in includes(top, path):
            needs[module_of(path)].setdefault(module_of(found), f'{path} includes {found}')
    owner, uses = {}, {}
    for path, source in objects(build):
        if not os.path.exists(os.path.join(top, source)):
            continue  # made by the build
        defined, uses[source] = symbols(path)
        for name in defined - {'main'}:
            if owner.setdefault(name, source) != source:
                twice.append(f'{name} is defined in {owner[name]} and {source}')
    for source, names in uses.items():
        for name in names & owner.keys():
            needs[module_of(source)].setdefault(module_of(owner[name]), f'{source} uses {name}')
    for module in needs:
        needs[module].pop(module, None)
    return needs, sorted(set(twice))


def upward(needs):
    bad = []
    for module, others in sorted(needs.items()):
        for other, why in sorted(others.items()):
            here, there = room_of(module), room_of(other)
            if here is None or there is None:
                bad.append(f'{why}: not in a room of the list')
            elif here != there and RANK[there] >= RANK[here]:
                bad.append(f'{why}: from {here} up to {there}')
    return bad


def circles(needs):
    """Strongly connected components of more than one module (Tarjan 1972)."""
    index, low, stack, found = {}, {}, [], []
    sys.setrecursionlimit(10000)

    def visit(module):
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in needs.get(module, {}):
            if other not in index:
                visit(other)
            if other in stack:
                low[module] = min(low[module], low[other])
        if low[module] == index[module]:
            part = stack[stack.index(module):]
            del stack[stack.index(module):]
            if len(part) > 1:
                found.append(sorted(part))

    for module in sorted(needs):
        if module not in index:
            visit(module)
    bad = []
    for part in found:
        inside = [why for a in part for b, why in sorted(needs[a].items()) if b in part]
        bad.append(f'{len(part)} modules: ' + '; '.join(inside))
    return bad


def long_headers(top):
    bad = []
    for path in sorted(sources(top)):
        if path.endswith('.h') and not path.startswith(LARGE_HEADERS):
            with open(os.path.join(top, path), encoding='utf-8') as file:
                n = sum(1 for _ in file)
            if n > HEADER_LINES:
                bad.append(f'{path} has {n} lines')
    return bad


def main():
    top, build = sys.argv[1:]
    needs, twice = find_needs(top, build)
    checks = [
        ('there are modules, and they need each other',
         [] if sum(map(len, needs.values())) > 200 else ['hardly any was found']),
        ('needs point downwards', upward(needs)),
        ('no circle of modules', circles(needs)),
        ('no global name is defined twice', twice),
        (f'no header has more than {HEADER_LINES} lines', long_headers(top)),
    ]
    print(f'1..{len(checks)}')
    for i, (what, bad) in enumerate(checks, 1):
        for line in bad:
            print(f'# {line}')
        print(f'{"not ok" if bad else "ok"} {i} - {what}')
    return 1 if any(bad for _, bad in checks) else 0


if __name__ == '__main__':
    sys.exit(main())
