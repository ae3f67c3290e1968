#!/usr/bin/env python3
"""A co-process for `type = exec`, `mode = frames`: turns each text to capitals.

It takes all the requests that have come, answers them in any order (here: the shortest
text first), and writes all the answers at once. See revd-protocol(7) for the frames.
"""
import os
import struct

HEADER = struct.Struct('<BBBBIQ')  # 0xFF, version, operation or status, flags, length, id
REPLY = 0x80
OK = 0


def requests():
    """Yields the (id, text) of all whole frames that one read() has brought."""
    data = b''
    while more := os.read(0, 1 << 16):
        data += more
        at, found = 0, []
        while len(data) - at >= HEADER.size:
            _, _, _, _, length, number = HEADER.unpack_from(data, at)
            end = at + HEADER.size + length
            if end > len(data):
                break
            found.append((number, data[at + HEADER.size:end]))
            at = end
        data = data[at:]
        yield found


for batch in requests():
    answers = []
    for number, text in sorted(batch, key=lambda request: len(request[1])):
        reply = text.upper()
        answers.append(HEADER.pack(0xFF, 1, OK, REPLY, len(reply), number) + reply)
    out = b''.join(answers)
    while out:
        out = out[os.write(1, out):]
