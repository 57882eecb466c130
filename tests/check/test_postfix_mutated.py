"""Whatever becomes of a configuration, check and postconf report or refuse; nothing else gets out of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailconf.check.rules import check
from mailconf.cli.postfix.postconf import run
from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of

SITE = Path(__file__).parents[2] / "examples/postfix/etc/postfix"
PIECES = [
    *(b"${", b"}", b"$(", b"\n", b" ", b"{", b"\0", b"=", b"hash:", b":", b",", b"#", b"$", b"!", b"//", b"[", b"\xff"),
    *(b"regexp:/x", b"static:", b"inline:{", b"unionmap:{", b"ldap:x", b"proxy:", b"check_client_access ", b" -o "),
    *(b"\nmynetworks = ", b"\ntransport_maps = ", b"\nmyhostname = ", b"\nsmtpd_restriction_classes = ", b"-1"),
]
# (where, in parts of a thousand; how many bytes go; what comes instead)
CHANGE = st.tuples(st.integers(0, 1000), st.integers(0, 30), st.sampled_from(PIECES))
CHANGES = st.lists(CHANGE, max_size=8)


def changed(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for place, size, piece in changes:
        at = len(data) * place // 1000
        data = data[:at] + piece + data[at + size :]
    return data


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(main=CHANGES, master=CHANGES)
def test_changed_files(
    main: list[tuple[int, int, bytes]],
    master: list[tuple[int, int, bytes]],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "etc/postfix"
    if not folder.exists():
        shutil.copytree(SITE, folder)
    for name, changes in (("main.cf", main), ("master.cf", master)):
        (folder / name).write_bytes(changed((SITE / name).read_bytes(), changes))
    root, sink = Root(tmp_path), Sink()
    configuration = Configuration.load("/etc/postfix", sink, root)
    check(configuration, site_of(configuration), root, sink)
    assert all(d.message and (d.span or d.file) for d in sink)
    for options in (["-nf"], ["-Mx"], ["-e", "myorigin = x"]):
        capfd.readouterr()
        status = run("postconf", [*options, "-c", str(folder)])
        said = capfd.readouterr().err
        assert status == 0 or "postconf: fatal: " in said
