"""Values in main.cf that keep Postfix's table tools from starting: ours beside theirs."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mailconf.check.postfix.start import CK090
from mailconf.check.rules import check
from mailconf.diagnostics import Severity, Sink
from mailconf.files import Root
from mailconf.postfix.parameters.start import START
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of

pytestmark = pytest.mark.live
WRONG = ("xx!", "0", "-1", "11", "99999999999", "9999999999999999999999", "1000w", "5x", "yes", "5", "+7")
NAMES = ("myhostname", "mydomain")
CHECKED = [row for row in START if row[1] != "n"]
TEXTS = {name for name, kind, *_ in START if kind == "s"} - {name for name, kind, *_ in START if kind == "x"}
SETTINGS = [f"{name} = {value}" for name, *_ in CHECKED if name not in {*NAMES, *TEXTS} for value in WRONG] + [
    *(f"{name} =" for name, *_ in CHECKED if name not in NAMES),
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
BOTH = [f"{name} = {'' if kind == 's' else 'xx!'}" for name, kind, *_ in CHECKED if name not in NAMES]
# A reference has a value where main.cf sets the other one, or where its default has been read.
GOOD = {"b": "yes", "i": "6", "l": "1000000", "t": "9", "s": "/var/x"}
MACHINE = {"mynetworks_style", "myorigin", "mail_owner", "setgid_group", "default_privs"}
PLAIN = [row for row in CHECKED if row[1] in GOOD and row[3] is None and row[0] not in MACHINE]
OTHERS = [
    *("mail_name", "mydomain", "myhostname", "mydestination", "inet_interfaces", "alias_database", "process_name"),
    *("export_environment", "parent_domain_matches_subdomains", "message_drop_headers", "known_tcp_ports", "x"),
    *("config_directory", "smtpd_banner", "mail_release_date", "mynetworks", "max_idle", "soft_bounce", "ipc_ttl"),
]
REFERENCES = [
    f"{name} = ${{{other}?{{{'' if kind == 's' else 'xx!'}}}:{{{GOOD[kind]}}}}}"
    for (name, kind, *_), others in zip(
        PLAIN, itertools.cycle(OTHERS[at : at + 4] for at in range(0, len(OTHERS), 3)), strict=False
    )
    for other in others
    if other != name
] + [
    *(f"{name} = {text}" for name in NAMES for text in (
        "a.$mail_name", "$mail_name.b", "a.$mydomain", "a.$myhostname", "a.b.${mail_name?c}", "a.${inet_protocols}",
        "${mail_name?{a.b}:{c.d}}", "${mail_name?{a..b}:{c.d}}", "${inet_protocols?{a..b}:{c.d}}", "$x", "a.${x?b}",
        "${config_directory?{a..b}:{c.d}}", "${process_name}", "${mynetworks?{a..b}:{c.d}}", "${compatibility_level}",
    )),
    "mydomain = $x.y\nx = $myhostname", "mydomain = $x.y\nx = a", "myhostname = $x.y\nx = $mail_name",
    "myhostname = h.$mydomain\nmydomain = $x\nx = a.b", "mydomain = a.$myhostname\nmyhostname = b.c",
    "max_idle = $max_use\nmax_use = 5", "max_use = $max_idle\nmax_idle = 5", "max_use = $max_idle",
]  # fmt: skip
PAIRS = [f"{a}\n{b}" for a, b in itertools.pairwise(BOTH)]


def said(command: list[str], folder: Path) -> tuple[int, str, str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    words = [*command, "-c", str(folder), "-q", "x", "static:y"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    return done.returncode, done.stdout, done.stderr


def configured(folder: Path, text: str) -> Path:
    """A folder of configuration with ``text`` in its main.cf."""
    folder.mkdir()
    name = "" if text.startswith(NAMES) or "\nmydomain" in text else "myhostname = host.a.test\n"
    (folder / "main.cf").write_text(f"compatibility_level = 3.6\n{name}{text}\n")
    (folder / "master.cf").touch()
    os.utime(folder / "main.cf", (1_000_000_000, 1_000_000_000))
    return folder


@pytest.mark.parametrize("tool", ["postmap", "postalias"])
def test_what_keeps_a_tool_from_starting(tmp_path: Path, tool: str) -> None:
    texts = SETTINGS + PAIRS + REFERENCES if tool == "postmap" else BOTH
    folders = [configured(tmp_path / str(number), text) for number, text in enumerate(texts)]
    with ThreadPoolExecutor(100) as pool:  # a program of theirs that ends with a fatal error waits a second
        theirs = list(pool.map(lambda folder: said([tool], folder), folders))
    with ThreadPoolExecutor(2) as pool:
        ours = list(pool.map(lambda folder: said([sys.executable, "-m", "mailconf", tool], folder), folders))
    different = [(text, a, b) for text, a, b in zip(texts, theirs, ours, strict=True) if a != b]
    assert not different, f"{len(different)} of {len(texts)}: {different[:20]}"
    assert sum(status != 0 for status, _, _ in theirs) > len(texts) // 3


def test_check_reports_what_keeps_programs_from_starting(tmp_path: Path) -> None:
    texts = SETTINGS[::3] + REFERENCES
    folders = [configured(tmp_path / str(number), text) for number, text in enumerate(texts)]
    with ThreadPoolExecutor(100) as pool:
        ends = [status != 0 for status, _, _ in pool.map(lambda folder: said(["postmap"], folder), folders)]
    assert not errors(configured(tmp_path / "right", ""))
    silent = [text for text, folder, ended in zip(texts, folders, ends, strict=True) if ended and not errors(folder)]
    assert not silent, f"{len(silent)} of {sum(ends)}: {silent[:20]}"
    assert sum(ends) > len(texts) // 3
    wrongly = [
        (text, found)
        for text, folder, ended in zip(texts, folders, ends, strict=True)
        if not ended and (found := errors(folder, CK090.name))
    ]
    assert not wrongly


def errors(folder: Path, code: str = "") -> list[str]:
    """What ``check`` finds wrong in main.cf, of one code where that is given."""
    sink = Sink()
    root = Root()
    configuration = Configuration.load(str(folder), sink, root)
    check(configuration, site_of(configuration), root, sink)
    return [
        found.message
        for found in sink
        if found.severity is Severity.ERROR and found.span is not None and code in ("", found.code)
        if found.span.source.name.endswith("main.cf") and found.span.line > 1
    ]
