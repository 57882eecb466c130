"""Commands that a client has little reason to repeat: sendmail lets it wait longer and longer for their replies.

Source: sendmail 8.17.1.9 -bD; Sendmail Installation and Operation Guide 5.6 (MaxNOOPCommands).
"""

from __future__ import annotations

from mailconf.smtp.events import Slowed

LONGEST = 240.0  # seconds
_HELLOS, _VERIFICATIONS, _QUEUE_RUNS = 3, 6, 8
# What is counted together, and how the log calls it where that is not the command.
_KINDS = {
    "NOOP": "NOOP",
    "HELO": "HELO/EHLO",
    "EHLO": "HELO/EHLO",
    "VRFY": "VRFY/EXPN",
    "EXPN": "VRFY/EXPN",
    "ETRN": "ETRN",
    "AUTH": "AUTH",
}


class Repetition:
    """Counts for one session.

    noops   from that NOOP on each waits (0: none does)
    logins  the same of AUTH
    """

    def __init__(self, noops: int, logins: int = 0) -> None:
        self._most = {"NOOP": noops, "HELO/EHLO": _HELLOS, "VRFY/EXPN": _VERIFICATIONS, "ETRN": _QUEUE_RUNS}
        self._most["AUTH"] = logins
        self._count = dict.fromkeys(self._most, 0)
        self._next = dict.fromkeys(self._most, 1.0)  # seconds

    def note(self, verb: str, *, closed: bool = False) -> Slowed | None:
        """A command has come; how long it waits, None where it does not.

        closed  it is refused before anything is asked: then the wait grows with the number alone
        """
        kind = _KINDS.get(verb)
        if kind is None or (closed and verb == "ETRN"):
            return None
        self._count[kind] += 1
        count, most = self._count[kind], self._most[kind]
        if not most or count < most:
            return None
        seconds = min(float(count // most), LONGEST) if closed else self._next[kind]
        self._next[kind] = min(self._next[kind] * 2, LONGEST)
        return Slowed(seconds, verb if kind == "VRFY/EXPN" else kind, count, count == most)
