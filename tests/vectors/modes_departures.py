# ruff: noqa: E501 - one reason is one line
"""Where the sendmail command of mailconf answers otherwise than sendmail, and why; docs/sendmail-command.md has it."""

from __future__ import annotations

import re
from typing import Any

# What a call's words, joined by blanks, look like; the reason.
_CALLS = (
    (r"^--help$", "--help shows the options"),
    (r"(^|.* )-[qQ](?!.*(Invalid|-bs|-bt|-bi|-bv))", "no queue is run"),
    (r"^-q 5m x@far.test -bv$", "no queue is run"),
    (r"^(-q5m )?-b[pHhPC]( x)?$", "no queue is listed, and no host status is kept"),
    (r"^(-odq -itv|-v x@far\.test -bv -odq|-odq -v x@unknown\.test)$", "nothing is delivered while the caller waits (-v)"),
    (r"^-d( |$)", "of all traces (-d alone) only those of -d0 are shown"),
    (r"^(-odq )?-f joe .*(nosuch|-f ann)", "where a report would be mailed the message is kept in the caller's dead.letter"),
    (r"^-odq (team|nobody|list|MAILER-DAEMON)$", "who was named is queued, not what their aliases come to"),
    (r"(^| )@( |$)", "a recipient without a host is named in the message about it"),
)  # fmt: skip
_INPUTS = (
    ("To: team\n", "who was named is queued, not what their aliases come to"),
    ("To: x@far.test y@far.test\n", "fields of addresses are queued as they are written"),
    ('To: "x@far.test\n', "addresses that are not closed are reported once each"),
    ("To: a\x01b@far.test\n", "a control character in an address makes the status 64"),
)
_TOOLS = {
    "mailq": "no queue is listed",
    "hoststat": "no host status is kept",
    "purgestat": "no host status is kept",
}


def departure(case: dict[str, Any]) -> str:
    """Why the answer to a case is another one; "" where it is sendmail's."""
    for call in case["calls"]:
        text = " ".join(call["words"])
        if call["tool"] in _TOOLS and not re.search(r"-Z|-bt|Foo|nonexistent", text):
            return _TOOLS[call["tool"]]
        for pattern, reason in _CALLS:
            if re.search(pattern, text) and case["answers"][0]["status"] != 64:
                return reason
            if re.search(pattern, text) and pattern.startswith((r"^--help", r"^-d(")):
                return reason
        for start, reason in _INPUTS:
            if call["stdin"].startswith(start) and "-t" in call["words"]:
                return reason
    return ""
