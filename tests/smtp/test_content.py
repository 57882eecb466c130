"""The end of a message's content, whole and byte by byte, in each way of reading; cost grows with the size."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.smtp.content import ContentReader

sys.path.insert(0, str(Path(__file__).parent.parent / "vectors"))

from line_end_dialogues import BODIES, ENDS, HEAD, SMUGGLED

FALSE_ENDS = [name for name in ENDS if name != "CRCRLF.CRLF"]  # that one has <CR><LF>.<CR><LF> in it


def read(data: bytes, step: int, *, strict: bool) -> tuple[bytes, bytes, bool]:
    """The content, what follows its end (None without one), and whether a line ended in LF alone."""
    reader, buffer, content = ContentReader(strict=strict), bytearray(), bytearray()
    for at in range(0, len(data), step):
        buffer += data[at : at + step]
        while (found := reader.read(buffer)) is not None:
            content += found[0]
            if found[1]:
                return bytes(content), bytes(buffer) + data[at + step :], reader.bare
    return bytes(content), b"", reader.bare


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", [*ENDS, *BODIES])
def test_pieces_make_no_difference(name: str, strict: bool) -> None:
    text = ENDS.get(name, "") + BODIES.get(name, "")
    data = f"{HEAD}first{text}{SMUGGLED}\r\n.\r\nQUIT\r\n".encode("latin-1")
    whole = read(data, len(data), strict=strict)
    for step in (1, 2, 3, 7) if len(data) < 5000 else (1000,):
        assert read(data, step, strict=strict) == whole


@pytest.mark.parametrize("step", [1, 5, 10_000])
@pytest.mark.parametrize("name", FALSE_ENDS)
def test_only_the_standard_end_is_one(name: str, step: int) -> None:
    data = f"{HEAD}first{ENDS[name]}{SMUGGLED}".encode("latin-1")
    content, rest, _ = read(data, step, strict=True)
    assert not rest and b"MAIL FROM:<evil@b.example>" in content


@given(st.lists(st.sampled_from([b"\r", b"\n", b".", b"a", b"\r\n", b"\r\n.\r\n"]), max_size=40).map(b"".join))
def test_any_mixture(data: bytes) -> None:
    for strict in (False, True):
        whole = read(data, len(data) + 1, strict=strict)
        assert read(data, 1, strict=strict) == whole
    ends = (b"\r\n" + data).find(b"\r\n.\r\n")
    content, rest, bare = read(data, 1, strict=True)
    assert len(rest) == (0 if ends < 0 else len(data) - ends - 3)
    used = data if ends < 0 else data[: ends + 3]
    complete = used[: used.rfind(b"\n") + 1]
    assert bare == (b"\n" in complete.replace(b"\r\n", b""))
    assert len(content) <= len(used)


@given(st.lists(st.binary(max_size=6).map(lambda b: b.translate(bytes(b"\r\n.ab"[n % 5] for n in range(256))))))
def test_chunks_of_any_size(chunks: list[bytes]) -> None:
    for strict in (False, True):
        reader, whole = ContentReader(strict=strict), ContentReader(strict=strict)
        pieces = b"".join(reader.take(chunk) for chunk in chunks) + reader.rest()
        assert pieces == whole.take(b"".join(chunks)) + whole.rest()
        assert not strict or reader.bare == whole.bare == (b"\n" in b"".join(chunks).replace(b"\r\n", b""))


HOSTILE = {
    "CRs": b"\r",
    "a dot and CRs": b".\r",
    "no line ends": b"a",
    "LFs": b"\n",
    "dots": b".\n",
    "dots and CRLF": b".\r\n",
    "CRs and LF": b"\r\r\r\r\n",
    "almost the end": b"\r\n.\r",
}


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", HOSTILE)
def test_cost_grows_with_size(name: str, strict: bool) -> None:
    def cost(size: int) -> float:
        """Process time, the best of three, in packets of 1000 bytes."""
        data = b"x\r\n" + HOSTILE[name] * (size // len(HOSTILE[name]))
        best = float("inf")
        for _ in range(3):
            began = time.process_time()
            read(data, 1000, strict=strict)
            reader = ContentReader(strict=strict)
            for at in range(0, len(data), 1000):
                reader.take(data[at : at + 1000])
            best = min(best, time.process_time() - began)
        return best

    # On a busy machine one comparison may be off: one of five must hold.
    assert any(cost(2_000_000) <= 6 * max(cost(500_000), 0.005) for _ in range(5))
