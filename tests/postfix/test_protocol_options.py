"""The protocol options of a listener, as the configuration has them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.model.fileworld import FileWorld
from mailconf.model.policy import Privilege
from mailconf.model.session import Session, Verified
from mailconf.model.world import Ask, run
from mailconf.postfix.policy.policy import compile_policy
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.protocol import protocol_options, report_protocol
from mailconf.postfix.settings.site import site_of
from mailconf.smtp.options import BareNewline, ServerOptions

VECTORS = Path(__file__).parent.parent / "vectors"
sys.path.insert(0, str(VECTORS))

from line_end_dialogues import EXCLUSIONS, FATAL  # noqa: E402

from tests.vectors.store import load  # noqa: E402

BEGIN = "compatibility_level = 3.6\n"
FATAL_RECORDED = load("line_ends_fatal").cases


def options(top: Path, text: str) -> tuple[ServerOptions, list[str]]:
    (top / "main.cf").write_text(text)
    (top / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    sink = Sink()
    found = protocol_options(Configuration.load(str(top), sink))
    return found, [d.code for d in sink]


def test_defaults_are_those_of_the_options(tmp_path: Path) -> None:
    assert options(tmp_path, "compatibility_level = 3.6\n") == (ServerOptions(), [])


def test_switches_and_commands(tmp_path: Path) -> None:
    text = "smtpd_helo_required = yes\nsmtputf8_enable = no\nsmtpd_noop_commands = one, TWO\n"
    assert options(tmp_path, text)[0] == ServerOptions(helo_required=True, smtputf8=False, noop_commands=("ONE", "TWO"))


# What smtpd(8) answered with 221 "I can break rules, too" when it was asked.
@pytest.mark.parametrize(
    ("value", "forbidden", "other"),
    [
        ("", "", "GET <X> FOO"),
        ("get", "GET", "<X> 1ABC POST"),
        ("HELO FOO", "FOO", "GET <X>"),
        ("FOO, static:x", "FOO BAR <X>", ""),
        ("CONNECT GET POST regexp:{{/^[^A-Z]/ Bogus}} BAZ", "CONNECT <X> 1ABC \xc3 BAZ", "FOO"),
    ],
)
def test_forbidden_commands(tmp_path: Path, value: str, forbidden: str, other: str) -> None:
    found, codes = options(tmp_path, f"smtpd_forbidden_commands = {value}\n")
    assert codes == []
    assert all(found.forbidden(verb) for verb in forbidden.split())
    assert not any(found.forbidden(verb) for verb in other.split())


def test_a_table_in_a_file_is_reported(tmp_path: Path) -> None:
    found, codes = options(tmp_path, "smtpd_forbidden_commands = hash:/etc/commands GET\n")
    assert codes == ["PF016"] and found.forbidden("GET")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("no", BareNewline.ALLOW),
        ("yes", BareNewline.NORMALIZE),
        ("Normalize", BareNewline.NORMALIZE),
        ("note", BareNewline.NOTE),
        ("reject", BareNewline.REJECT),
    ],
)
def test_bare_newlines(tmp_path: Path, value: str, found: BareNewline) -> None:
    text = (
        f"compatibility_level = 3.6\nsmtpd_forbid_bare_newline = {value}\nsmtpd_forbid_bare_newline_reject_code = 554\n"
    )
    expected = ServerOptions(bare_newline=found, bare_newline_code=554, forbid_pipelining=True)
    assert options(tmp_path, text + "smtpd_forbid_unauth_pipelining = yes\n") == (expected, [])


def start_problems(folder: Path, settings: dict[str, str], master: str = "") -> list[tuple[str, str, str]]:
    (folder / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    (folder / "master.cf").write_text("smtp inet n - n - - smtpd\n" + master)
    sink = Sink()
    configuration = Configuration.load(str(folder), sink, Root())
    report_protocol(configuration, site_of(configuration).listeners, sink)
    return [(d.code, f"{Path(d.span.source.name).name}:{d.span.line}" if d.span else "", d.message) for d in sink]


@pytest.mark.parametrize("settings", FATAL)
def test_values_with_which_smtpd_does_not_start(tmp_path: Path, settings: dict[str, str]) -> None:
    """Those that were recorded, but for "note", which newer versions take."""
    assert len(FATAL_RECORDED) == len(FATAL)
    found = start_problems(tmp_path, settings)
    assert [code for code, _, _ in found] == ([] if "note" in settings.values() else ["PF223"])


def test_an_override_with_which_smtpd_does_not_start(tmp_path: Path) -> None:
    found = start_problems(tmp_path, {}, "587 inet n - n - - smtpd\n  -o smtpd_forbid_bare_newline=on\n")
    message = 'smtpd does not start with the value "on" of smtpd_forbid_bare_newline'
    assert found == [("PF223", "master.cf:3", message)]


@pytest.mark.parametrize("name", EXCLUSIONS)
def test_exclusions_are_those_of_the_real_one(tmp_path: Path, name: str) -> None:
    """Excluded was the client whose message, with a false end, was taken; the last client of the dialogue counts."""
    value, dialogue = EXCLUSIONS[name]
    (recorded,) = load("line_ends").by("run")[f"exclusions, {name}"]
    (tmp_path / "main.cf").write_text(
        f"{BEGIN}mynetworks = 192.0.2.64/26\nsmtpd_forbid_bare_newline_exclusions = {value}\n"
    )
    (tmp_path / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    sink = Sink()
    policy = compile_policy(Configuration.load(str(tmp_path), sink), sink)
    session = Session(client_address="127.0.0.1")
    if dialogue[0].endswith("\r\n") and dialogue[0].startswith("XCLIENT"):
        session = Session(client_name=Verified.found("mx.foo.example"), client_address="192.0.2.7")
    excluded = run(policy.may(session, Privilege.BARE_NEWLINES, Ask(FileWorld(Root()))))
    refused = any("bare <LF>" in reply for reply in recorded["replies"])
    if name == "no more, by XCLIENT":  # the first client was excluded, the second was not
        assert excluded and not refused and not recorded["messages"]
    else:
        assert not sink.failed and excluded == bool(recorded["messages"])


def test_without_exclusions_mynetworks_are_excluded_and_its_mistakes_reported_once(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text(BEGIN + "mynetworks = 203.0.113.0/24, 192.0.2.1/24\n")
    (tmp_path / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    sink = Sink()
    policy = compile_policy(Configuration.load(str(tmp_path), sink), sink)
    assert [d.code for d in sink] == ["PF206"]
    session = Session(client_address="203.0.113.9")
    assert run(policy.may(session, Privilege.BARE_NEWLINES, Ask(FileWorld(Root()))))
