"""Messages of the sendmail command with mail filters (non_smtpd_milters), for record_local_milters.py.

Those of milter_cases.py that are submitted belong to them.
"""

from __future__ import annotations

from typing import Any

from tests.vectors.milter_cases import HEADER, NOWHERE, Case, Script, answering
from tests.vectors.milter_cases import cases as session_cases

HERE = {"non_smtpd_milters": "@FILTER0@", "smtpd_milters": ""}
BOTH = {"non_smtpd_milters": "@FILTER0@, @FILTER1@", "smtpd_milters": ""}
MESSAGE = f"{HEADER}\nbody\n"
SENT = ["-f", "ann@local.example", "bob@example.com", MESSAGE]
TWO = ["-f", "ann@local.example", "bob@example.com", "alias@example.com", MESSAGE]
_MACROS = (
    "daemon_name daemon_addr daemon_port client_addr client_port client_name client_ptr client_connections"
    " client_resolve if_addr if_name mail_addr mail_host mail_mailer rcpt_addr rcpt_host rcpt_mailer auth_authen"
    " auth_type auth_author tls_version cipher cipher_bits cert_subject cert_issuer helo own msg_id"
)

_CANONICAL = "inline:{ann@local.example=a@b.example, bob@example.com=bobby@example.com}"


def cases() -> list[Case]:
    """All of them, those of milter_cases.py first."""
    before = [case for case in session_cases() if case.submitted]
    return [*before, *_envelopes(), *_changes(), *_answers(), *_failures(), *_settings(), *_notices()]


def _case(name: str, filters: list[Script], session: list[str] = SENT, **more: Any) -> Case:
    parameters = {**HERE, **more.pop("parameters", {})}
    return Case(name, filters, session, parameters, submitted=True, **more)


def _envelopes() -> list[Case]:
    return [
        _case("null sender", [{}], ["-f", "<>", "bob@example.com", MESSAGE]),
        _case("names alone", [{}], ["-f", "ann", "alias", "BOB@Example.com", '"x y"@example.com', MESSAGE]),
        _case("DSN", [{}], ["-N", "never", "-R", "hdrs", "-V", "env1", *SENT]),
        _case("from the header", [{}], ["-f", "ann@local.example", "-t", "Bcc: carl@example.com\n" + MESSAGE]),
        _case("no header", [{}], [*SENT[:3], "no header\nline 2\n"]),
        _case("nothing at all", [{}], [*SENT[:3], ""]),
        _case("fields to drop", [{}], [*SENT[:3], "Bcc: x@y.example\nReturn-Path: <a@b>\nSubject: a\n\nb\n"]),
        _case("a long body", [{}], [*SENT[:3], HEADER + "\n" + f"{'x' * 900}\n" * 80]),
        _case("canonical", [{}], parameters={"canonical_maps": _CANONICAL}),
        _case("always_bcc", [{}], parameters={"always_bcc": "copy@example.com"}),
        _case("the same twice", [{}], ["-f", "ann@local.example", "bob@example.com", "bob@example.com", MESSAGE]),
    ]  # fmt: skip


def _changes() -> list[Case]:
    packets: list[tuple[str, ...]] = [
        ("hX-New\0value\0",),
        ("i\0\0\0\0X-New\0top\0",),
        ("i\0\0\0\1X-New\0one\0",),
        ("m\0\0\0\2X-Twice\0changed\0",),
        ("m\0\0\0\1X-Twice\0\0",),
        ("bnew body\r\nof two lines\r\n",),
        ("+<carl@example.com>\0",),
        ("2<carl@example.com>\0NOTIFY=NEVER\0",),
        ("-<bob@example.com>\0",),
        ("-<one@example.com>\0",),
        ("-<bob@example.com>\0", "-<alias@example.com>\0", "+<dora@example.com>\0"),
        ("e<new@sender.example>\0",),
        ("e<>\0",),
        ("qsuspicious\0",),
        ("p", "hX-New\0value\0"),
    ]
    return [_case(f"changes: {some!r}", [answering("E", *some, "c")], TWO) for some in packets]


def _answers() -> list[Case]:
    found = [
        _case(f"{letter}: {answer!r}", [answering(letter, answer)])
        for letter in "CMRTE"
        for answer in ("y550 5.7.9 no, thanks\0", "y450 4.7.9 not now\0", "y421 4.7.9 go away\0", "a")
    ]
    return [
        *found,
        _case("the second recipient: r", [{"answers": {"R": [["c"], ["r"]]}}], TWO),
        _case("the second recipient: d", [{"answers": {"R": [["c"], ["d"]]}}], TWO),
        _case("two recipients, T: r", [answering("T", "r")], TWO),
        _case("two recipients, E: r", [answering("E", "r")], TWO),
        _case("E: y of two lines", [answering("E", "y550-5.7.9 no\r\n550 5.7.9 never\0")]),
        _case("q and r", [answering("E", "qwhy\0", "r")]),
        _case("two filters, both change", [answering("E", "hX-New\0one\0", "c"),
              answering("E", "m\0\0\0\1X-New\0two\0", "c")], parameters=BOTH),
        _case("two filters, the first takes it", [answering("M", "a"), {}], parameters=BOTH),
        _case("two filters, the second refuses", [{}, answering("E", "r")], parameters=BOTH),
        _case("null sender, E: r", [answering("E", "r")], ["-f", "<>", "bob@example.com", MESSAGE]),
    ]  # fmt: skip


def _failures() -> list[Case]:
    found = [
        _case(f"{letter} hangs up, {action}", [answering(letter, "!close")],
              parameters={"milter_default_action": action})
        for action in ("tempfail", "accept", "reject", "quarantine")
        for letter in "CRE"
    ]  # fmt: skip
    return [
        *found,
        _case("R answers '?'", [answering("R", "?unknown")]),
        _case("silent", [answering("M", "!silent")],
              parameters={"non_smtpd_milters": "{ @FILTER0@, command_timeout=1s }"}),
        _case("O hangs up", [{"greeting": "!close"}]),
        _case("overrides", [], parameters={"non_smtpd_milters": f"{{ {NOWHERE}, default_action=accept }}"}),
    ]  # fmt: skip


def _settings() -> list[Case]:
    macros = "j i v _ x " + " ".join(f"{{{name}}}" for name in _MACROS.split())
    stages = ("connect", "helo", "mail", "rcpt", "data", "end_of_header", "end_of_data", "unknown_command")
    everywhere = {f"milter_{stage}_macros": macros for stage in stages}
    both = answering("E", "hX-New\0value\0", "c")
    found = [
        _case("macros everywhere", [{}], TWO, parameters={**everywhere, "milter_macro_daemon_name": "ORIGINATING"}),
        _case("receive_override_options", [{}], parameters={"receive_override_options": "no_milters"}),
        _case("milter_protocol 2", [{}], parameters={"milter_protocol": "2"}),
        _case("not for clients", [{}], ["-f", "ann@local.example", "bob@example.com", MESSAGE],
              parameters={"non_smtpd_milters": "", "smtpd_milters": "@FILTER0@"}),
        _case("no addresses mapped", [{}], TWO, parameters={"receive_override_options": "no_address_mappings"}),
    ]  # fmt: skip
    for action in ("IGNORE", "REJECT no", "DISCARD", "HOLD", "WARN seen", "REPLACE X-Other: value"):
        parameters = {"milter_header_checks": "regexp:@TOP@/checks"}
        tables = {"checks": f"/^X-New/ {action}\n"}
        found.append(_case(f"milter_header_checks {action}", [both], parameters=parameters, tables=tables))
    return found


def _notices() -> list[Case]:
    """Reports of the mail system's own."""
    reported = {"header_checks": "regexp:@TOP@/checks"}
    tables = {"checks": "/^Subject: one/ REJECT no\n"}
    return [
        _case("header_checks refuse", [{}], parameters=reported, tables=tables),
        _case("header_checks refuse, bounces are filtered", [{}], tables=tables,
              parameters={**reported, "internal_mail_filter_classes": "bounce"}),
        _case("header_checks refuse, notices are filtered", [{}], tables=tables,
              parameters={**reported, "internal_mail_filter_classes": "notify"}),
        _case("bounces are filtered and changed", [answering("E", "hX-New\0v\0", "c")], tables=tables,
              parameters={**reported, "internal_mail_filter_classes": "bounce"}),
        _case("bounces are filtered and refused", [answering("E", "r")], tables=tables,
              parameters={**reported, "internal_mail_filter_classes": "bounce"}),
        _case("bounces are filtered and deferred", [answering("E", "t")], tables=tables,
              parameters={**reported, "internal_mail_filter_classes": "bounce"}),
    ]  # fmt: skip
