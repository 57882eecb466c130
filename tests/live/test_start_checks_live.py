"""Values in main.cf that keep Postfix's table tools from starting: ours beside theirs."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mailconf.postfix.parameters.start import START

pytestmark = pytest.mark.live
WRONG = ("xx!", "0", "-1", "11", "99999999999", "9999999999999999999999", "1000w", "5x", "yes", "5", "+7")
NAMES = ("myhostname", "mydomain")
TEXTS = {name for name, kind, *_ in START if kind == "s"} - {name for name, kind, *_ in START if kind == "x"}
SETTINGS = [f"{name} = {value}" for name, *_ in START if name not in {*NAMES, *TEXTS} for value in WRONG] + [
    *(f"{name} =" for name, *_ in START if name not in NAMES),
    *(f"syslog_facility = {word}" for word in ("MAIL", "authpriv", "local7", "local8", "kern", "mark")),
    *(f"inet_protocols = {word}" for word in ("", "IPV4", "all, ipv4", "ipv4 bogus ipv6", ",")),
    *(f"mynetworks_style = {word}" for word in ("Host", "host,", "class,class", "host subnet", ",", "subnet")),
    "maillog_file = /varx/log", "maillog_file = /dev/stdout", "maillog_file = /var/x\nmaillog_file_prefixes = /usr",
    "verp_delimiter_filter = +", "default_verp_delimiters = -x", "default_verp_delimiters = +",
    *(f"myorigin = {value}" for value in ("/nonexistent/x", "a b", "a.test,", "$mydestination", "/etc")),
    *(f"myorigin = {origin}\n{other}" for origin in ("/nonexistent/x", "a b") for other in (
        "info_log_address_format =", "default_process_limit = x", "in_flow_delay = 99", "mynetworks_style = x",
        "default_verp_delimiters = -x", "maillog_file = /varx/log", "mydomain = 1.2", "syslog_facility = x",
    )),
    "soft_bounce = YES", "max_use = $nosuch", "max_idle = 1H", "myhostname = a!",
]  # fmt: skip
BOTH = [f"{name} = {'' if kind == 's' else 'xx!'}" for name, kind, *_ in START if name not in NAMES]
PAIRS = [f"{a}\n{b}" for a, b in itertools.pairwise(BOTH)]


def said(command: list[str], folder: Path) -> tuple[int, str, str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    words = [*command, "-c", str(folder), "-q", "x", "static:y"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("tool", ["postmap", "postalias"])
def test_what_keeps_a_tool_from_starting(tmp_path: Path, tool: str) -> None:
    texts = SETTINGS + PAIRS if tool == "postmap" else BOTH
    folders = []
    for number, text in enumerate(texts):
        folder = tmp_path / str(number)
        folder.mkdir()
        name = "" if "myhostname" in text or "mydomain" in text else "myhostname = host.a.test\n"
        (folder / "main.cf").write_text(f"compatibility_level = 3.6\n{name}{text}\n")
        os.utime(folder / "main.cf", (1_000_000_000, 1_000_000_000))
        folders.append(folder)
    with ThreadPoolExecutor(100) as pool:  # a program of theirs that ends with a fatal error waits a second
        theirs = list(pool.map(lambda folder: said([tool], folder), folders))
    with ThreadPoolExecutor(1) as pool:
        ours = list(pool.map(lambda folder: said([sys.executable, "-m", "mailconf", tool], folder), folders))
    different = [(text, a, b) for text, a, b in zip(texts, theirs, ours, strict=True) if a != b]
    assert not different, f"{len(different)} of {len(texts)}: {different[:20]}"
    assert sum(status != 0 for status, _, _ in theirs) > len(texts) // 3
