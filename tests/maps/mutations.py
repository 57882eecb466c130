"""Damages map files in ways that hurt: bytes, page numbers, offsets and counts changed, pages exchanged, files cut."""

from __future__ import annotations

import random
import struct

NUMBERS = (0, 1, 2, 3, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutate(data: bytes, dice: random.Random, page_size: int = 512) -> bytes:
    """A damaged copy of ``data``; ``page_size`` tells where the structures lie that are worth damaging."""
    damaged = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 5))):
        if len(damaged) < 2 * page_size:
            break
        page = dice.randrange(len(damaged) // page_size) * page_size
        what = dice.randrange(10)
        if what == 0:
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        elif what == 1:  # somewhere in a page's header or its first offsets
            damaged[page + dice.randrange(64)] = dice.choice((0, 1, 2, 3, 5, 7, 12, 13, 127, 255, dice.randrange(256)))
        elif what == 2:
            number = dice.choice((*NUMBERS, dice.randrange(len(damaged) // page_size + 2)))
            struct.pack_into(dice.choice("<>") + "I", damaged, page + 4 * dice.randrange(64), number)
        elif what == 3:
            struct.pack_into("<H", damaged, page + 20 + 2 * dice.randrange(40), dice.randrange(65536))
        elif what == 4:
            other = dice.randrange(len(damaged) // page_size) * page_size
            damaged[page : page + page_size] = damaged[other : other + page_size]
        elif what == 5:
            del damaged[dice.randrange(len(damaged)) :]
        elif what == 6:
            damaged[page : page + page_size] = bytes(page_size)
        else:  # the page before or behind, or a number anywhere on a page: cycles, and pages past the end
            pages = len(damaged) // page_size
            number = dice.choice((page // page_size, page // page_size + 1, dice.randrange(pages + 2), *NUMBERS))
            at = page + dice.choice((12, 16) if what == 7 else (2 * dice.randrange(page_size // 2 - 1),))
            struct.pack_into(dice.choice("<<>") + "IH"[what == 9], damaged, at, number & (0xFFFF if what == 9 else -1))
    return bytes(damaged)
