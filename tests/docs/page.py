"""What a page of the tutorial shows: per section its files and its commands.

A fenced block is one of these:

    ```console      lines that begin with `$ ` are commands, `> ` goes on with the one
                    above; what stands below a command is what it prints
    ```LANGUAGE     a file, whose first line is a comment with its name: `# client.py`
    ```sh           only in the first section: how to build, which whoever runs a test has
                    done

In what is printed, … stands for anything in its line, and a line of nothing but … for any
number of lines. A section goes from one heading `## ` to the next.
"""
import re
from dataclasses import dataclass, field

FENCE = re.compile(r'^```(\S*)\n(.*?)^```$', re.M | re.S)
FILE_NAME = re.compile(r'(?:#|;|//) (\S+)$')


@dataclass
class File:
    name: str
    text: str


@dataclass
class Command:
    text: str
    printed: list = field(default_factory=list)

    def pattern(self):
        """A regular expression for all that it prints."""
        parts = []
        for line in self.printed:
            if line == '…':
                parts.append(r'(?:[^\n]*\n)*')
            else:
                parts.append('[^\n]*'.join(map(re.escape, line.split('…'))) + r'\n')
        return ''.join(parts)


@dataclass
class Section:
    title: str
    steps: list


class PageError(Exception):
    """A block that is none of those above."""


def commands_of(text):
    commands = []
    for line in text.splitlines():
        if line.startswith('$ '):
            commands.append(Command(line[2:]))
        elif not commands:
            raise PageError(f'a console block must begin with a command: {line!r}')
        elif line.startswith('> ') and not commands[-1].printed:
            commands[-1].text += '\n' + line[2:]
        else:
            commands[-1].printed.append(line)
    return commands


def file_of(text):
    first = text.partition('\n')[0]
    named = FILE_NAME.match(first)
    if not named:
        raise PageError(f'a block without the name of its file: {first!r}')
    return File(named[1], text)


def steps_of(text, is_first):
    steps = []
    for language, inner in FENCE.findall(text):
        if language == 'console':
            steps += commands_of(inner)
        elif language != 'sh' or not is_first:
            steps.append(file_of(inner))
    return steps


def read_page(path):
    with open(path, encoding='utf-8') as f:
        text = f.read()
    if text.count('\n```') % 2:
        raise PageError('a block that does not end')
    sections = []
    for part in re.split(r'^## ', text, flags=re.M)[1:]:
        title, _, rest = part.partition('\n')
        sections.append(Section(title, steps_of(rest, not sections)))
    return sections
