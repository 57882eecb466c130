"""What is said of rules of hosts.allow is what libwrap does with them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailconf.check.sendmail.hosts_access import PROGRAMS
from mailconf.diagnostics import Sink
from mailconf.source import Source
from mailconf.tables.hosts_access import HostList, read_rule
from mailconf.tables.sendmail_roles import read_sendmail_table
from tests.live.map_tools import SENDMAIL_ROOT
from tests.live.sendmail_side import LIBRARIES
from tests.sendmail.policy.test_hosts_access import decided
from tests.vectors.hosts_access_cases import case
from tests.vectors.record_hosts_access import granted as asked_libwrap

FILES = 300
pytestmark = pytest.mark.live

# Asks libwrap, in a process of its own as its rules may end one: for each client, whether the service is granted.
ASK = """
import ctypes, os, sys
allow, deny = map(str.encode, sys.argv[1:3])  # which libwrap goes on to point at
for client in sys.argv[3:]:
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        wrap = ctypes.CDLL("libwrap.so.0")
        for name, path in (("hosts_allow_table", allow), ("hosts_deny_table", deny)):
            ctypes.c_char_p.in_dll(wrap, name).value = path
        name, address = client.split("/")
        granted = wrap.hosts_ctl(b"sendmail", name.encode(), address.encode(), b"unknown")
        os._exit(10 if granted else 11)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 10)
"""
CLIENTS = ("mail.example.com/192.0.2.1", "unknown/2001:db8::1", "other.test/198.51.100.7")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hosts")
    (folder / "deny").write_text("ALL: ALL\n")
    return folder


def granted(folder: Path, text: str) -> list[bool]:
    """Whether libwrap grants the service to each of `CLIENTS` by the file ``text``."""
    (folder / "allow").write_text(text, encoding="utf-8", errors="surrogateescape")
    words = [sys.executable, "-c", ASK, folder / "allow", folder / "deny", *CLIENTS]
    done = subprocess.run(words, check=True, capture_output=True, text=True, env={"LD_LIBRARY_PATH": LIBRARIES})
    return [line == "True" for line in done.stdout.split()]


def codes(text: str) -> set[str]:
    sink = Sink()
    read_sendmail_table("hosts", Source("t", text), sink)
    return {d.code for d in sink}


MATCHING = [
    *("ALL", "all", ".example.com", ".EXAMPLE.com", "mail.example.com", "192.0.2.", "192.0.2.1", "192.0.2.0/24"),
    *("192.0.2.0/255.255.255.0", "192.0.2.0/255.0.255.0", "192.0.2.1/32", "0.0.0.0/0.0.0.0", "*.example.com"),
    *("192.0.2.*", "?ail.example.com", "KNOWN", "*@ALL", "ALL@192.0.2.", "10.0.0.1, 192.0.2.1", "10.0.0.1,192.0.2.1"),
    *("[2001:db8::1]", "[2001:db8::]/32", "[2001:0db8:0::]/32", "[2001:db8::1]/64", "ALL EXCEPT other.test"),
    *("ALL except .other.com", "ALL: allow", "ALL : ALLOW", "ALL: keepalive : allow", "192.0.2.1:allow", "ALL: nice"),
    *("ALL: spawn /bin/true", "ALL: spawn=/bin/true", "ALL: spawn (echo a\\:b) &", "ALL: severity mail.info"),
    *("mail.", "192.0.2.0/024"),
]
NOT_MATCHING = [
    *("192.0.2", "192", "192.0.2.1/24", "192.0.2.1/255.255.255.255", "192.0.2.0/33", "192.0.2.0/", "0.0.0.0/0"),
    *("192.0.02.1", "192.0.2.1.", "[2001:db8::/32]", "[2001:db8:]", "!10.0.0.1", ".*ample.com", "", "EXCEPT 10.0.0.1"),
    *("2001:db8::1", "ALL: foo bar", "ALL: user", "ALL: umask 9", "ALL :", "ALL: allow: keepalive", "ALL: /bin/echo"),
    *("ALL: keepalive yes", "ALL: spawn", "ALL: twist /bin/true : allow"),
]


@pytest.mark.parametrize("clients", MATCHING)
def test_rules_that_match(folder: Path, clients: str) -> None:
    text = f"sendmail: {clients}\n"
    assert any(granted(folder, text))
    assert codes(text) == set()


@pytest.mark.parametrize("clients", NOT_MATCHING)
def test_rules_that_match_nothing_or_deny(folder: Path, clients: str) -> None:
    text = f"sendmail: {clients}\n"
    assert not any(granted(folder, text))
    assert codes(text) != set()


@pytest.mark.parametrize(
    "text",
    [
        *("sendmail ALL\n", "sendmail: ALL", "sendmail: ALL \\\n", "sendmail:\n", ": ALL\n"),
        *(f"sendmail: {'x ' * 1100}ALL\n", "sendmail: ALL".ljust(2047) + "\n", "sendmail: ALL\\\n".ljust(2049) + "\n"),
    ],
)
def test_lines_that_are_lost(folder: Path, text: str) -> None:
    assert not any(granted(folder, text))
    assert codes(text) != set()


@pytest.mark.parametrize(
    "text",
    [
        *("# c\nsendmail: ALL\n", "  sendmail: ALL\n", " \nsendmail: ALL\n", "sendmail: \\\n ALL\n", "SENDMAIL: ALL\n"),
        *(
            "sendmail: ALL".ljust(2046) + "\n",
            "sendmail: ALL\\\n".ljust(2048) + "\n",
            "a, sendmail: ALL\n",
            "sen*: ALL\n",
        ),
    ],
)
def test_lines_that_count(folder: Path, text: str) -> None:
    assert any(granted(folder, text))
    assert codes(text) == set()


WORDS = st.lists(
    st.sampled_from(
        [
            *(
                "ALL",
                "EXCEPT",
                "192.0.2.1",
                "192.0.2.",
                "10.",
                "192.0.2.0/24",
                "10.0.0.0/8",
                ".example.com",
                "other.test",
            ),
            *("[2001:db8::]/32", "KNOWN", "UNKNOWN", "LOCAL", "mail.*", "*", "?", "!x"),
        ]
    ),
    max_size=5,
)


@given(words=WORDS)
@settings(max_examples=40)
def test_lists_mean_what_their_reading_says(folder: Path, words: list[str]) -> None:
    """A list matches what its words do, each asked alone, without what the list behind EXCEPT does."""
    alone = {word: granted(folder, f"sendmail: {word}\n") for word in set(words) - {"EXCEPT"}}
    text = " ".join(words)

    def matches(listed: HostList | None, client: int) -> bool:
        if listed is None:
            return False
        return any(alone[word][client] for word in listed.words) and not matches(listed.excepted, client)

    clients = read_rule(text).meaning.clients
    assert granted(folder, f"sendmail: {text}\n") == [matches(clients, n) for n in range(len(CLIENTS))]


def test_random_files_decide_as_libwrap() -> None:
    """Whole files with options, beyond those that are recorded."""
    cases = [case(number) for number in range(1000, 1000 + FILES)]
    answers = asked_libwrap(cases)
    wrong = [(one, answer) for one, answer in zip(cases, answers, strict=True) if decided(one) != answer]
    print(f"{len(cases) * len(answers[0])} decisions, {len(wrong)} files differ")
    assert not wrong, wrong[:2]


def test_debians_sendmail_asks_libwrap() -> None:
    """What `mailconf.check.sendmail.hosts_access` takes for granted: the library is among what the program needs."""
    program = SENDMAIL_ROOT / "usr/libexec/sendmail/sendmail"
    needed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    assert "libwrap.so.0 =>" in needed
    assert b"libwrap.so" in program.read_bytes()
    assert f"/{program.relative_to(SENDMAIL_ROOT)}" in PROGRAMS
