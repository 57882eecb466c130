"""postconf --postfix-version beside other versions' own postconf.

They come from tests/vectors/fetch-postfix-versions, each in a root of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.vectors.record_postconf import OLD

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
VERSIONS = ROOT / ".live/postfix-versions"
DEPRECATED = """\
smtp_use_tls = yes
disable_dns_lookups = no
virtual_maps = hash:/x
unknown = 1
myorigin = $undefined ${domain_to_ascii{$mydomain}}
mydomain = m\u00fcller.example
forward_path = a"b\\c\td/\u00e9
"""
SITE = {name: (ROOT / "examples/etc-postfix" / name).read_text(encoding="utf-8") for name in ("main.cf", "master.cf")}


@pytest.fixture(scope="module", params=["bullseye", "trixie", "sid"])
def release(request: pytest.FixtureRequest) -> Path:
    subprocess.run([ROOT / "tests/vectors/fetch-postfix-versions", request.param], check=True)
    root: Path = VERSIONS / request.param
    return root


def both(root: Path, main: str, arguments: list[str]) -> list[tuple[int, list[bytes], list[bytes]]]:
    folder = root / "tmp/mailconf-versions"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in (("main.cf", main), ("master.cf", SITE["master.cf"])):
        (folder / name).write_text(text, encoding="utf-8")
        os.utime(folder / name, OLD)
    real = ["chroot", str(root), "postconf"]
    inside = "/" + str(folder.relative_to(root))
    asked = [*real, "-c", inside, "-dh", "mail_version"]
    version = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    ours = [sys.executable, "-m", "mailconf", "postconf", "--root", str(root), "--postfix-version", version.strip()]
    found = []
    for command in (real, ours):
        done = subprocess.run(
            [*command, "-c", inside, *arguments],
            capture_output=True,
            env={**os.environ, "NORANDOMIZE": "1", "PYTHONPATH": str(ROOT)},
            check=False,
        )
        lines = [
            line for line in done.stdout.split(b"\n") if b'process_id"' not in line and b"process_id =" not in line
        ]
        found.append((done.returncode, lines, done.stderr.split(b"\n")))
    return found


SHOWN = ["-d", "-dx", "-df", "", "-x", "-n", "-nx", "-M", "-Mfx", "-C service", "-d -n", "-Z"]
JSON = ["-qn", "-jn", "-jM", "-jF", "-jqP", "-jd", "-jfn", "-ja", "-jX a", "-j -e a=b", "-jqx myorigin"]


@pytest.mark.parametrize("arguments", SHOWN)
def test_a_site(release: Path, arguments: str) -> None:
    real, ours = both(release, SITE["main.cf"], arguments.split())
    assert ours == real


@pytest.mark.parametrize("arguments", ["-n", "-M", "-nx", "mydomain", "-C user"])
def test_deprecated_parameters_and_functions(release: Path, arguments: str) -> None:
    real, ours = both(release, DEPRECATED, arguments.split())
    assert ours == real


@pytest.mark.parametrize("arguments", JSON)
def test_json_and_quiet(arguments: str) -> None:
    subprocess.run([ROOT / "tests/vectors/fetch-postfix-versions", "sid"], check=True)
    real, ours = both(VERSIONS / "sid", DEPRECATED, arguments.split())
    assert ours == real
