"""Postfix's sendmail command: what it says, and the message that it leaves, as recorded."""

from __future__ import annotations

import pwd
from pathlib import Path
from typing import Any

import pytest

from mailconf.cli import main
from mailconf.mta.control.client import open_queue
from tests.vectors.record_postfix_sendmail import masked
from tests.vectors.store import load

VECTORS = load("postfix_sendmail")
ROOT = pwd.struct_passwd(("root", "x", 0, 0, "root", "/root", "/bin/sh"))


def site(top: Path) -> Path:
    (top / "etc").mkdir()
    settings = {**VECTORS.head.common["settings"], "queue_directory": f"{top}/queue", "compatibility_level": "3.6"}
    (top / "etc/main.cf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    (top / "etc/master.cf").write_text("")
    return top / "etc"


@pytest.mark.parametrize("case", VECTORS.cases, ids=lambda case: f"{' '.join(case['words'])}:{case['stdin'][:20]!r}")
def test_a_call(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    etc = site(tmp_path)
    monkeypatch.setattr("os.getuid", lambda: 0)
    monkeypatch.setattr("pwd.getpwuid", lambda uid: ROOT)
    (tmp_path / "in").write_bytes(case["stdin"].encode("latin-1"))
    with (tmp_path / "in").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        status = main(["sendmail", "-C", str(etc), *case["words"]])
    out, err = (text.decode().replace(str(etc), "ETC") for text in capfdbinary.readouterr())
    assert (out, err, status) == (case["out"], case["err"], case["status"])
    listed = list(open_queue(tmp_path / "queue").listings())
    assert len(listed) == (case["message"] is not None)
    for each in listed:
        assert main(["postcat", "-c", str(etc), "-q", each.id]) == 0
        assert masked(capfdbinary.readouterr().out.decode("latin-1")) == case["message"]
