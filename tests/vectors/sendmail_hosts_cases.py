"""Clients of a sendmail that asks libwrap: cases as in `sendmail_smtp_cases`, with texts of both files of rules."""

from __future__ import annotations

from typing import Any

from tests.vectors.sendmail_smtp_cases import BAD, GONE, GOOD, SLOW

UNNAMED = "127.0.0.9"
_RELAY = r"""Scheck_relay
Rbad.example.net $| $*	$#error $@ 5.7.1 $: "550 5.7.1 not you " $1
Rslow.example.net $| $*	$#error $@ 4.7.1 $: "450 4.7.1 later"
Rgone.example.net $| $*	$#error $@ 4.7.0 $: "421 4.7.0 go away"
"""
_PAUSE = "Sgreet_pause\nR$*\t$# 100\n"
_ALL = [
    "EHLO client.example", "MAIL FROM:<a@far.example>", "RCPT TO:<ann@example.org>", "DATA", "VRFY ann", "NOOP", "RSET",
    "FOO", "HELP", "EHLO x", "AUTH PLAIN", "ETRN x", "QUIT",
]  # fmt: skip
_SHORT = ["EHLO c", "QUIT"]


def _case(
    deny: str, client: str = GOOD, *, allow: str = "", text: str = "", lines: list[str] = _SHORT
) -> dict[str, Any]:
    return {"text": text, "client": client, "lines": lines, "hosts.allow": allow, "hosts.deny": deny}


_DENIED = (
    "sendmail: ALL", "mail: ALL", "smtp: ALL", "MTA: ALL", "ALL: good.example.net", "ALL: .example.net",
    "ALL: 127.0.0.2",
    "ALL: 127.", "ALL: 127.0.0.0/8", "ALL: LOCAL", "ALL: KNOWN", "ALL: UNKNOWN", "ALL: PARANOID", "ALL: UNKNOWN@ALL",
    "ALL: KNOWN@ALL", "ALL@127.0.0.1: ALL", "ALL@UNKNOWN: ALL", "ALL: ALL: severity nosuch", "ALL: ALL : allow",
    "ALL: ALL EXCEPT 127.0.0.2", "ALL EXCEPT sendmail: ALL", "ALL: ALL: spawn /bin/true",
)  # fmt: skip
_UNNAMED = ("127.0.0.9", "[127.0.0.9]", "unknown", "paranoid", "LOCAL", "KNOWN")
CASES = [
    _case("ALL: ALL\n", lines=_ALL),
    _case("ALL: ALL\n", lines=["FOO"] * 27),
    _case("ALL: ALL\n", lines=["MAIL FROM:<>"] * 27),
    *(_case(f"{deny}\n") for deny in _DENIED),
    *(_case(f"ALL: {name}\n", UNNAMED) for name in _UNNAMED),
    _case("ALL: ALL\n", allow="sendmail: 127.0.0.2\n"),
    _case("ALL: ALL\n", allow="sendmail: 127.0.0.2: severity x\n"),
    _case("", allow="sendmail: 127.0.0.2: deny\n"),
    _case("x: y", allow="x: y"),
    *(_case("ALL: ALL\n", client, text=_RELAY, lines=_ALL) for client in (BAD, SLOW, GONE)),
    _case("ALL: ALL\n", text=_PAUSE, lines=["early:EHLO x", "NOOP"]),
]
