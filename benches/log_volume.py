#!/usr/bin/env python3
"""Writes a large log out of loghub's sets, with ids, numbers and times that keep growing.

    benches/log_volume.py LOGHUB BYTES > large.log

Lines of all sets are mixed. Each digit run of four or more becomes another one, hex ids
too, so that hardly a line comes twice; one line in 500 has a word never seen before.
"""

import pathlib
import random
import re
import sys

NUMBER = re.compile(r"\d{4,}")
HEX = re.compile(r"\b[0-9a-f]{8,}\b")


def main():
    folder, wanted = pathlib.Path(sys.argv[1]), int(float(sys.argv[2]))
    lines = []
    for path in sorted(folder.glob("*/*_2k.log")):
        lines += path.read_text(encoding="utf-8", errors="replace").splitlines()
    draw = random.Random(7)
    draw.shuffle(lines)
    written, round_ = 0, 0
    while written < wanted:
        round_ += 1
        out = []
        for at, line in enumerate(lines):
            grown = round_ * 7919 + at
            line = NUMBER.sub(lambda found: str((int(found[0]) + grown) % 10 ** len(found[0])), line)
            line = HEX.sub(lambda found: f"{draw.getrandbits(4 * len(found[0])):0{len(found[0])}x}", line)
            if at % 500 == 0:
                line += f" by {''.join(draw.choices('abcdefghijklmnopqrstuvwxyz', k=12))}"
            out.append(line)
        text = "\n".join(out) + "\n"
        written += len(text.encode())
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
