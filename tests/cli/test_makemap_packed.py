"""makemap prints and stores the same where entries are packed and where each is an object."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from mailconf.arrays import arrays
from mailconf.cli.sendmail import makemap
from mailconf.maps.database.bdb_btree import BtreeFile
from mailconf.maps.database.bdb_hash import HashFile
from mailconf.tables import packed

pytestmark = pytest.mark.skipif(arrays() is None, reason="numpy is not installed")
TEXTS = (
    b"Aa b\nc d e\n# x\n\nf g\n",
    b"a b\nA c\nd e\na f\n",
    b"a\n b\nc d\n" + b"l " + b"x" * 1100 + b"\ne f\n",
    b"a\nb\n",
    b"".join(b"%x v%d\n" % (number, number % 7) for number in range(2000)),
    b"".join(b"%x v\n" % (number % 1500) for number in range(2000)),
)


@pytest.mark.parametrize("kind", ["hash", "btree"])
@pytest.mark.parametrize("flags", ["", "-N", "-v", "-r", "-d", "-dN", "-dv", "-df", "-o", "-ov", "-do"])
def test_alike(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    kind: str,
    flags: str,
) -> None:
    cf = tmp_path / "cf"
    cf.write_text("V10/Berkeley\nO DontBlameSendmail=MapInUnsafeDirPath\n")
    reader = {"hash": HashFile, "btree": BtreeFile}[kind]
    for number, text in enumerate(TEXTS):
        found = []
        for large in (1 << 22, 0):
            target = tmp_path / f"{number}-{large}.db"
            with monkeypatch.context() as patch:
                patch.setattr(packed, "MANY", large)
                patch.setattr("mailconf.maps.build.change.MANY", large)
                words = ["-C", str(cf), *(["-d"] if flags == "-do" else []), kind, str(target)]
                patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"aa before\n0 before\n")))
                statuses = [makemap.run("makemap", words)]
                patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
                statuses.append(makemap.run("makemap", [*([flags] if flags else []), *words]))
                sys.stdout.flush()
            said = [stream.replace(str(target).encode(), b"") for stream in capfdbinary.readouterr()]
            database = reader(target, str(target))
            found.append((statuses, said, database.repeats, sorted(database.items())))
            database.close()
        assert found[0] == found[1], text[:50]
