"""postconf --postfix-version beside other versions' own postconf.

They come from tests/vectors/fetch-postfix-versions, each in a root of its own.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mailconf.source import decode, encode
from tests.vectors.postconf_inputs import Case
from tests.vectors.postconf_wild import wild_case
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
RANDOM = 150
SITE = {
    name: (ROOT / "examples/postfix/etc/postfix" / name).read_text(encoding="utf-8")
    for name in ("main.cf", "master.cf")
}


@pytest.fixture(scope="module", params=["bullseye", "trixie", "sid"])
def release(request: pytest.FixtureRequest) -> Path:
    subprocess.run([ROOT / "tests/vectors/fetch-postfix-versions", request.param], check=True)
    root: Path = VERSIONS / request.param
    return root


Answer = tuple[int, str, str, bytes, bytes]


def both(root: Path, main: str, arguments: list[str]) -> list[Answer]:
    return side_by_side(root, version_of(root), Case(main, SITE["master.cf"], arguments))


def version_of(root: Path) -> str:
    asked = ["chroot", str(root), "postconf", "-c", "/usr/share/postfix", "-dh", "mail_version"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def side_by_side(root: Path, version: str, case: Case) -> list[Answer]:
    """What the postconf in ``root`` and ours make of a case: status, output, messages, and the two files."""
    real = ["chroot", str(root), "postconf"]
    ours = [sys.executable, "-m", "mailconf", "postconf", "--root", str(root), "--postfix-version", version]
    found = []
    for command in (real, ours):
        with tempfile.TemporaryDirectory(dir=root / "tmp") as name:
            folder, inside = Path(name), "/tmp/" + Path(name).name
            for file, text in (("main.cf", case.main), ("master.cf", case.master)):
                (folder / file).write_bytes(encode(text))
                os.utime(folder / file, OLD)
            done = subprocess.run(
                [*command, "-c", inside, *(encode(argument) for argument in case.arguments)],
                capture_output=True,
                env={**os.environ, "NORANDOMIZE": "1", "PYTHONPATH": str(ROOT)},
                check=False,
            )
            said = [decode(text).replace(inside, "FOLDER") for text in (done.stdout, done.stderr)]
            said[0] = re.sub(r'("process_id": "|process_id = )\d+', r"\1N", said[0])
            said[0] = re.sub(r"(?m)^\d{4,}$", "N", said[0])  # with -h; no parameter's number is compared then
            main, master = ((folder / file).read_bytes() for file in ("main.cf", "master.cf"))
            found.append((done.returncode, said[0], said[1], main, master))
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


def test_wild_configurations_and_options(release: Path) -> None:
    version = version_of(release)
    dice = random.Random(f"wild {release.name}")
    cases = [wild_case(dice) for _ in range(RANDOM)]
    with ThreadPoolExecutor(8) as pool:  # a fatal error costs the real one a second of sleep
        answers = list(pool.map(lambda case: side_by_side(release, version, case), cases))
    for case, (real, ours) in zip(cases, answers, strict=True):
        if real[0] >= 0:  # else it crashed
            assert ours == real, case


EDITS = [
    ["-e", "z = 1", "foo=2", "a=3", "always_bcc=4", "m=5"],
    ["-X", "alias_maps", "myhostname"],
    ["-Me", "x/unix=x unix - - - - - smtp -v -o a=b"],
    ["-Pe", "*/*/foo=bar"],
]


@pytest.mark.parametrize("arguments", EDITS, ids=lambda arguments: arguments[0])
def test_edits(release: Path, arguments: list[str]) -> None:
    real, ours = both(release, SITE["main.cf"], arguments)
    assert ours == real


OPTIONS = ["de", "dn", "eX", "X#", "nX#", "hHnX#", "dehn#", "efnX#", "dehX", "fX", "xX", "hH", "MF", "aAl", "pP", "MPF"]


def test_options_that_exclude_each_other(release: Path) -> None:
    version = version_of(release)
    cases = [Case("myorigin = x\n", SITE["master.cf"], [f"-{letters}"]) for letters in OPTIONS]
    with ThreadPoolExecutor(8) as pool:
        for real, ours in pool.map(lambda case: side_by_side(release, version, case), cases):
            assert ours == real
