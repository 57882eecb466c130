"""What check says of ports, mail filters and maps in a .mc, beside what sendmail says of the lines that they become."""

from __future__ import annotations

import os
import re
import string
import subprocess
from pathlib import Path

import pytest

from mailconf.check.sendmail.daemons import PORT_KEYS
from mailconf.check.sendmail.map_types import MAP_TYPES
from mailconf.check.sendmail.milters import FILTER_KEYS
from tests.live.sendmail_side import LIBRARIES, TOOLS

pytestmark = pytest.mark.live
HEAD = """\
V10/Berkeley
Dwlocalhost
Djlocalhost.example.org
O DontProbeInterfaces=True
O QueueDirectory={folder}
O AliasFile={folder}/aliases
Mlocal, P=/bin/true, F=l, S=0, R=0, A=true
Mprog, P=/bin/true, F=l, S=0, R=0, A=true
S0
S3
S4
"""
# What only some builds of sendmail have.
OPTIONAL_TYPES = {"cdb", "dbm", "hesiod", "netinfo", "nis", "nisplus", "ph", "ldap", "socket"}


def complaints(folder: Path, lines: list[str]) -> dict[str, str]:
    """By line, what sendmail says of it when it reads its configuration."""
    head = HEAD.format(folder=folder)
    (folder / "aliases").write_text("")
    (folder / "cf").write_text(head + "\n".join(lines) + "\n")
    command = ["unshare", "--uts", "sh", "-c", 'hostname mail.example.org; exec "$@"', "sendmail"]
    command += [str(TOOLS / "sendmail"), "-C", str(folder / "cf"), "-bi"]
    environment = {**os.environ, "LD_LIBRARY_PATH": LIBRARIES}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    first = head.count("\n") + 1
    found = re.findall(r"line (\d+): (.*)", done.stdout + done.stderr)
    assert found, done.stderr
    said: dict[str, str] = {}
    for number, message in found:
        line = lines[int(number) - first]
        said[line] = f"{said.get(line, '')}{message}\n"
    return said


@pytest.mark.parametrize("option", ["DaemonPortOptions", "ClientPortOptions"])
def test_keys_of_ports(option: str, tmp_path: Path) -> None:
    lines = {f"O {option}={letter}x=1": letter for letter in string.ascii_letters}
    said = complaints(tmp_path, list(lines))
    unknown = {lines[line] for line, message in said.items() if "unknown" in message and "parameter" in message}
    assert unknown == {letter for letter in string.ascii_letters if letter not in PORT_KEYS}


def test_types_of_maps(tmp_path: Path) -> None:
    lines = {f"K{kind} {kind} -o {tmp_path}/map": kind for kind in sorted(MAP_TYPES | {"lmdb", "dnsbl", "none"})}
    said = complaints(tmp_path, list(lines))
    missing = {lines[line] for line, message in said.items() if "not available" in message}
    assert missing - OPTIONAL_TYPES == {"lmdb", "dnsbl", "none"}
    assert "no file" in complaints(tmp_path, ["Kx hash"])["Kx hash"].lower()


def test_filters(tmp_path: Path) -> None:
    lines = [f"X{n}, S=local:/x, {letter}=1" for n, letter in enumerate(string.ascii_letters) if letter != "T"]
    said = complaints(tmp_path, [*lines, "Xnone", "Xflags, F=T", "Xport, S=inet:25", "Xgood, S=inet:25@localhost"])
    unknown = {line[-3] for line, message in said.items() if "unknown filter equate" in message}
    assert unknown == set(string.ascii_letters) - FILTER_KEYS
    assert "socket" in said["Xnone"]
    assert "socket" in said["Xflags, F=T"]
    assert "port@host" in said["Xport, S=inet:25"]
    assert "Xgood" not in "".join(said)
