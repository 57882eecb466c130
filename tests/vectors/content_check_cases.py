"""Messages for header_checks(5) and body_checks(5), and the tables that act upon them.

A group is parameters, tables by name, and messages. A line ``X-NAME: ...`` or ``b-NAME ...`` triggers the action NAME
of ACTIONS in the header or in the body.
"""

from __future__ import annotations

from typing import NamedTuple

SENDER, RECIPIENT = "ann@client.example", "bob@example.com"
BASE = {"myhostname": "mx.example.com", "mydestination": "example.com", "local_recipient_maps": ""}
TEXT = "From: ann@client.example\nTo: bob@example.com\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n"
TEXT += "Message-Id: <1@client.example>\n"
ACTIONS = {
    "reject": "REJECT no thanks",
    "reject-bare": "REJECT",
    "reject-status": "REJECT 5.7.9 not this",
    "reject-later": "REJECT 4.7.9 not now",
    "reject-class": "reject 2.0.0 odd",
    "discard": "DISCARD unwanted",
    "discard-bare": "DISCARD",
    "hold": "HOLD look at it",
    "hold-bare": "HOLD",
    "filter": "FILTER smtp:[192.0.2.9]:10025",
    "filter-empty": "FILTER smtp:",
    "filter-wrong": "FILTER nonsense",
    "filter-none": "FILTER",
    "redirect": "REDIRECT carl@example.com",
    "redirect-wrong": "REDIRECT carl",
    "bcc": "BCC dora@example.com",
    "bcc-wrong": "BCC dora",
    "dunno": "DUNNO",
    "ok": "OK",
    "ignore": "IGNORE",
    "strip": "STRIP because",
    "strip-bare": "STRIP",
    "warn": "WARN look",
    "warn-bare": "WARN",
    "info": "INFO noted",
    "info-bare": "INFO",
    "pass": "PASS trusted",
    "prepend": "PREPEND X-Before: put",
    "prepend-none": "PREPEND",
    "replace": "REPLACE X-Replaced: put",
    "replace-none": "REPLACE",
    "unknown": "NONSENSE text",
    "empty-word": "5.7.1",
    "lower": "warn lower case",
}
# What makes no sense in a header: text that is none.
HEADER_ONLY = {"prepend-plain": "PREPEND plain text", "replace-plain": "REPLACE plain text"}


class Group(NamedTuple):
    parameters: dict[str, str]
    tables: dict[str, str]
    messages: tuple[str, ...]


def _table(prefix: str, actions: dict[str, str]) -> str:
    return "".join(f"/^{prefix}{name}( .*)?$/ {action}\n" for name, action in actions.items())


def _mime(inner: str, boundary: str = "BOUND", kind: str = "multipart/mixed") -> str:
    return (
        f'{TEXT}MIME-Version: 1.0\nContent-Type: {kind}; boundary="{boundary}"\n\n'
        f"b-warn preamble\n--{boundary}\n{inner}\n--{boundary}--\nb-warn epilogue\n"
    )


def _nested(depth: int, sub: str = "mixed", between: str = "") -> str:
    """Multiparts within each other, with a message around each where ``between`` is its type."""
    wrapped = f"Content-Type: {between}\n\n" if between else ""
    opened = "".join(
        f"Content-Type: multipart/{sub}; boundary=b{n}\nX-level: {n}\n\n--b{n}\n{wrapped}" for n in range(depth)
    )
    return f"{TEXT}{opened}X-leaf: 1\n\ntext\n" + "".join(f"--b{n}--\nafter {n}\n" for n in reversed(range(depth)))


def sent_groups() -> list[Group]:
    """Those for what leaves: the parameters are smtp_header_checks and so on."""
    found = groups()
    plain, mime, more = found[0], found[1], found[2]
    apart = {f"smtp_{name}": value for name, value in mime.parameters.items()}
    both = {f"smtp_{name}": value for name, value in plain.parameters.items()}
    rules = dict(mime.tables)
    return [
        Group(both, plain.tables, plain.messages),
        Group(apart, rules, (*mime.messages, *more.messages[1:10])),
        Group({**apart, "mime_nesting_limit": "1"}, rules, tuple(_nested(depth) for depth in (3, 4, 5))),
        Group(
            {"smtp_header_checks": "regexp:@TOP@/first"},
            {"first": "/^From:.*far/ INFO far\n/^From:/ INFO from\n"},
            mime.messages[:1],
        ),
        Group(
            {
                "smtp_header_checks": "regexp:@TOP@/first",
                "smtp_generic_maps": "inline:{ann@client.example=ann@far.example}",
            },
            {"first": "/^From:.*far/ INFO far\n/^From:.*ann/ INFO ann\n/^X-top/ REPLACE From: ann@client.example\n"},
            mime.messages[:1],
        ),
        Group({"smtp_header_checks": "regexp:@TOP@/missing"}, {}, mime.messages[:1]),
        Group({**apart, "disable_mime_input_processing": "yes"}, rules, mime.messages[1:2]),
        Group(
            {"smtp_body_checks": "regexp:@TOP@/lines", "body_checks_size_limit": "40"},
            {"lines": "/^line/ STRIP\n"},
            (f"{TEXT}\n" + "line a\n" * 12,),
        ),
    ]


def groups() -> list[Group]:
    """The groups, in the order in which they are recorded."""
    header = _table("X-", ACTIONS).replace("( .*)?", ":.*")
    header += _table("X-", HEADER_ONLY).replace("( .*)?", ":.*") + "/^X-number: ([0-9]+)$/ WARN number $1\n"
    header += "/^Subject: +folded.+value/ WARN folded\n/^to: .*secret/ REPLACE To: carl@example.com\n"
    body = _table("b-", ACTIONS) + "/^(.{20})yyy/ REPLACE was $1\n/^--BOUND/ INFO boundary\n/^nothing$/ IGNORE\n"
    tables = {"header": header, "body": body}
    both = {"header_checks": "regexp:@TOP@/header", "body_checks": "regexp:@TOP@/body"}
    alternative = 'Content-Type: multipart/alternative; boundary="IN"\n\n'
    plain = [f"{TEXT}X-{name}: value\nX-After: kept\n\nHello\n" for name in (*ACTIONS, *HEADER_ONLY)]
    plain += [f"{TEXT}\nbefore\nb-{name} value\nafter\n" for name in ACTIONS]
    plain += [
        f"{TEXT}X-number: 42\nSubject: a\n\nb-warn\n",
        f"{TEXT}Subject: folded\n  value\n\nx\n",
        f"{TEXT}To: secret@example.com\n\nx\n",
        f"{TEXT}X-pass: a\nX-reject: b\n\nb-reject\n",
        f"{TEXT}X-warn: a\nX-reject: b\nX-warn: c\n\nb-warn\n",
        f"{TEXT}X-reject: a\nX-discard: b\n\nx\n",
        f"{TEXT}X-discard: a\nX-reject: b\n\nx\n",
        f"{TEXT}X-filter: a\nX-redirect: b\nX-hold: c\nX-bcc: d\n\nb-filter-empty\n",
        *(
            f"{TEXT}X-{name}: a\nX-info: b\n\nb-info c\n"
            for name in ("filter", "redirect", "bcc", "hold", "strip", "dunno")
        ),
        f"{TEXT}X-bcc: a\nX-bcc: b\n\nb-bcc\n",
        f"{TEXT}X-redirect: a\nX-hold: b\nX-reject: c\n\nx\n",
        f"{TEXT}X-hold: a\nX-hold: b\n\nb-hold c\n",
        f"{TEXT}X-filter: a\nX-filter-empty: b\n\nx\n",
        f"{TEXT}\nb-redirect a\nb-info b\n",
        f"{TEXT}X-prepend: a\nX-prepend: b\nX-ignore: c\n\nnothing\n\nend\n",
        f"{TEXT}X-warn: {'long ' * 60}\n\nb-warn {'long ' * 60}\n",
        f"{TEXT}\n{'x' * 20}yyyzzz\nb-warn\u00e9\n",
        "b-warn\n\nno header\n",
        f"{TEXT}not a header\nb-warn more\n",
        _mime("Content-Type: text/plain\nX-warn: part\n\nb-warn part\nX-warn: text"),
        _mime("X-warn: part\n\nb-reject part"),
        _mime("Content-Type: message/rfc822\n\nSubject: inner\nX-warn: nested\n\nb-warn nested"),
        _mime("Content-Type: message/rfc822\n\nX-strip: nested\nX-replace: nested\n\nb-strip nested"),
        _mime("\nb-info none\n--BOUND\nX-ignore: part\nContent-Type: text/html\n\nb-info two"),
        f"{TEXT}Content-Type: message/rfc822\n\nX-warn: nested\n\nb-warn nested\n",
        _mime(f"{alternative}--IN\nX-warn: deep\n\nb-warn deep\n--IN--\nb-info out"),
    ]
    apart = {
        "header_checks": "regexp:@TOP@/first",
        "mime_header_checks": "regexp:@TOP@/mime",
        "nested_header_checks": "regexp:@TOP@/nested",
        "body_checks": "regexp:@TOP@/lines",
    }
    rules = {
        "first": "/^X-/ WARN first\n/^Content-Type:/ WARN first type\n/^MIME/ WARN first mime\n",
        "mime": "/^X-/ WARN mime\n/^Content-/ WARN mime type\n/^MIME/ WARN mime version\n",
        "nested": "/^X-/ WARN nested\n/^Content-/ WARN nested type\n",
        "lines": "/./ WARN line\n",
    }
    deep = 'Content-Type: message/rfc822\nX-part: p\n\nX-inner: i\nContent-Type: multipart/mixed; boundary="IN"\n\n'
    deep += "--IN\nX-leaf: l\nContent-Type: text/plain\n\ntext\n--IN--\nend"
    mime = (f"X-top: t\n{TEXT}\ntext\n", _mime(deep), _mime("X-part: p\nContent-Description: d\n\ntext"))
    mime += (f"{TEXT}Content-Type: text/plain\nMIME-Version: 1.0\n\nx\n", _mime("X-part: p\n\ntext", "it's a 'b'"))
    mime += (
        _mime("Content-Type: message/partial\n\nX-inner: i\n\ntext"),
        _mime("Content-Type: message/delivery-status\n\nX-a: b\n\nx"),
    )
    mime_names = (
        "Content-Description",
        "Content-Disposition",
        "Content-Id",
        "Content-Length",
        "Content-Md5",
        "Content-Foo",
    )
    mime_names += ("Content-Transfer-Encoding", "Content-Language", "Mime-Foo", "MIME-Version")
    kinds = (
        "message/global",
        "message/external-body; access-type=x",
        "message/http",
        "message/rfc822; x=y",
        "MESSAGE/RFC822",
    )
    kinds += (
        'multipart/digest; boundary="IN"',
        "multipart/mixed",
        "multipart/mixed; boundary=IN",
        "message/rfc822 (comment)",
    )
    kinds += ('text/plain; boundary="IN"', 'multipart/mixed; x="a;b"; boundary = "IN"', "multipart/foo; BOUNDARY=IN; y")
    inside = "\n--IN\n\nX-one: 1\n\ntext\n--IN\nX-two: 2\n\ntext\n--IN--\nX-three: 3\n"
    more = [TEXT + "".join(f"{name}: v\n" for name in mime_names) + "\nx\n"]
    more += [f"{TEXT}Content-Type: {kind}\n\nX-inner: i\n{inside}" for kind in kinds]
    more += [_mime(f"Content-Type: {kind}\n\nX-inner: i\n{inside}") for kind in kinds[:2]]
    mixed = f'{TEXT}Content-Type: multipart/mixed; boundary="A"\n'
    more += [
        f'{mixed}\n--A\nContent-Type: multipart/mixed; boundary="B"\n\n'
        "--B\nX-deep: 1\n\ntext\n--A\nX-out: 2\n\ntext\n--B\nX-not: 3\n--A--\n--A\nX-late: 4\n\nend\n",
        f"{mixed}\n--A  \nX-blanks: 1\n\n--AB\nX-longer: 2\n\n --A\nX-no: 3\n",
        f"{TEXT}Content-Type: multipart/mixed;\n boundary=A\n\n--A\nno header\nX-no: 1\n--A\nX-yes: 1\n"
        " folded\nbroken\nX-no: 2\n",
        f'{TEXT}Content-Type: text/plain\nContent-Type: multipart/mixed; boundary="A"\n\n--A\nX-second: 1\n\nx\n',
        f'{TEXT}Content-Type: multipart/mixed; boundary="A"\nContent-Type: text/plain\n\n--A\nX-second: 1\n\nx\n',
        f"{TEXT}Content-Transfer-Encoding: base64\nContent-Type: message/rfc822\n\nX-inner: 1\n\nx\n",
        f"{TEXT}Content-Transfer-Encoding: base64\nContent-Type: multipart/mixed; boundary=A\n\n--A\nX-inner: 1\n\nx\n",
    ]
    nest = "".join(f'Content-Type: multipart/mixed; boundary="N{n}"\n\n--N{n}\n' for n in range(6))
    nested = f"{TEXT}{nest}X-leaf: 1\n\ntext\n"
    depths = tuple(_nested(depth) for depth in (2, 3, 4, 5))
    depths += (_nested(4, "digest"), _nested(4, between="message/rfc822"))
    depths += (f"{TEXT}{nest.replace('--N', 'X-N')}X-one: 1\n\ntext\n",)
    sizes = f"{TEXT}\n" + "".join(f"line {number}\n" for number in range(12))
    lines = {"lines": "/^line/ INFO seen\n"}
    only = {"body_checks": "regexp:@TOP@/lines"}
    return [
        Group(both, tables, tuple(plain)),
        Group(apart, rules, mime),
        Group(apart, rules, tuple(more)),
        Group({**apart, "mime_nesting_limit": "4"}, rules, (nested,)),
        Group({**apart, "mime_nesting_limit": "1"}, rules, depths),
        Group({**apart, "mime_nesting_limit": "1", "soft_bounce": "yes"}, rules, depths[2:3]),
        Group({**apart, "mime_nesting_limit": "1", "disable_mime_input_processing": "yes"}, rules, depths[2:3]),
        *(
            Group({**apart, "mime_nesting_limit": "1"}, {**rules, "first": f"/^From/ {action}\n"}, depths[2:3])
            for action in ("REJECT", "DISCARD", "PASS", "REDIRECT carl@example.com", "HOLD")
        ),
        Group({**apart, "mime_boundary_length_limit": "3"}, rules, (_mime("X-a: 1\n\nx\n--BOUx\nX-b: 2\n\ny"),)),
        Group(
            {"body_checks": "regexp:@TOP@/lines"},
            {"lines": "/^$/ WARN empty\n"},
            (f"{TEXT}\na\n\nb\n", _mime("\n\nx\n")),
        ),
        Group({"header_checks": "regexp:@TOP@/first"}, {"first": "/^X-/ WARN x\n"}, (_mime("X-a: 1\n\nx"),)),
        Group({**apart, "header_size_limit": "100"}, rules, (f"{TEXT}X-long: {'word ' * 40}\n\nx\n",)),
        Group({**apart, "disable_mime_input_processing": "yes"}, rules, mime[1:2]),
        Group({**apart, "nested_header_checks": "", "mime_header_checks": ""}, rules, mime[1:2]),
        Group(
            {**only, "body_checks_size_limit": "40"}, lines, (sizes, _mime("\n" + "line a\n" * 9 + "--BOUND\n\nline b"))
        ),
        Group({**both, "soft_bounce": "yes"}, tables, (plain[0], plain[3])),
        Group({"header_checks": "regexp:@TOP@/first"}, {"first": "/^received: from client/ INFO hop\n"}, (plain[0],)),
        Group({"header_checks": "regexp:@TOP@/missing"}, {}, (plain[0],)),
    ]
