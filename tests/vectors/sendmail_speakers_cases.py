"""Messages for mailers that speak LMTP or SMTP: programs, sockets of this machine, and hosts that A= names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.vectors.sendmail_mailers_cases import BASE as _BASE
from tests.vectors.sendmail_mailers_cases import DNS as DNS
from tests.vectors.sendmail_mailers_cases import FILES as _FILES
from tests.vectors.sendmail_mailers_cases import FOLDERS as FOLDERS
from tests.vectors.sendmail_mailers_cases import MAIN

SPEAKER = Path(__file__).with_name("sendmail_speaker.py").read_text()
SOCKET, PORT = "/run/lmtp", 2424
FILES: dict[str, list[Any]] = {**_FILES, "/srv/speaker": [SPEAKER, 0, 0, 0o755]}
BASE = f"{_BASE}O Timeout.initial=2s\nO Timeout.helo=2s\nO Timeout.mail=2s\nO Timeout.rcpt=2s\nO Timeout.datainit=2s\n"
MODES = (
    "ok", "plain", "banner554", "banner421", "garbage", "refuselhlo", "refusemail", "refusedata", "deferlhlo",
    "defermail", "deferdata", "dielhlo", "diemail", "diercpt", "diedata", "dieend", "exits0", "exits75", "silent",
    "flood",
)  # fmt: skip
_LMTP = "F=lsDFMAmnz, S=0, R=0, T=DNS/RFC822/SMTP"
_SMTP = "F=lsDFMAmn, S=0, R=0, T=DNS/RFC822/SMTP"


def _speaker(name: str, mode: str, settings: str = _LMTP) -> str:
    return f"M{name}, P=/srv/speaker, {settings}, A=speaker {mode} $h\n"


_OTHERS = {
    "smtp1": _speaker("smtp1", "ok", _SMTP),
    "smtp2": _speaker("smtp2", "refuseehlo", _SMTP),
    "user": _speaker("user", "ok", f"{_LMTP}, U=bob:mail"),
    "owner": _speaker("owner", "ok", _LMTP.replace("F=", "F=ow")),
    "one": _speaker("one", "ok", _LMTP.replace("mnz", "nz")),
    "few": _speaker("few", "ok", f"{_LMTP}, r=2"),
    "lines": _speaker("lines", "ok", f"{_LMTP}, L=20"),
    "nolength": _speaker("nolength", "ok", f"{_LMTP}, L=0"),
    "froms": _speaker("froms", "ok", _LMTP.replace("F=", "F=EX")),
    "dots": _speaker("dots", "ok", _LMTP.replace("F=", "F=X")),
    "unix": _speaker("unix", "ok", _LMTP.replace("nz", "z")),
    "noprogram": f"Mnoprogram, P=/no/such, {_LMTP}, A=such -l\n",
    "socket": f"Msocket, P=[IPC], {_LMTP}, A=FILE {SOCKET}\n",
    "nosocket": f"Mnosocket, P=[IPC], {_LMTP}, A=FILE /run/nosuch\n",
    "host": f"Mhost, P=[IPC], {_LMTP}, A=TCP [127.0.0.1] {PORT}\n",
    "nohost": f"Mnohost, P=[IPC], {_LMTP}, A=TCP [127.0.0.1] 2\n",
    "smtphost": f"Msmtphost, P=[IPC], {_SMTP}, A=TCP [127.0.0.1] {PORT}\n",
}
_AT_MOST = 16
SITES: dict[str, str] = {
    str(at // _AT_MOST): MAIN + "".join(_speaker(mode, mode) for mode in MODES[at : at + _AT_MOST])
    for at in range(0, len(MODES), _AT_MOST)
} | {"others": MAIN + "".join(_OTHERS.values())}  # fmt: skip
_SITE_OF = {mode: str(at // _AT_MOST) for at, mode in enumerate(MODES)} | dict.fromkeys(_OTHERS, "others")


def site(name: str) -> str:
    """The whole .cf of a site."""
    return BASE + SITES[name]


CONTENT = "Subject: hi\n\nbody\n"
_LONG = "Subject: x\n\n" + "y" * 50 + "\n.dot\nFrom here\n..\n"


def case(mailer: str, *users: str, content: str = CONTENT) -> dict[str, Any]:
    """A message to users of a mailer."""
    recipients = [f"{user}@{mailer}.mailer" for user in users or ("ann",)]
    keys = {"site": _SITE_OF[mailer], "sender": "a@far.example", "recipients": recipients, "content": content}
    return {**keys, "files": {}, "look": [], "fates": len(recipients)}


def cases() -> list[dict[str, Any]]:
    """All messages; those of a site are together."""
    found = [case(mode) for mode in MODES]
    found += [case("ok", "ann", "bob"), case("ok", "ann", "no1"), case("ok", "no1"), case("ok", "no1", "no2")]
    found += [case("ok", "ann", "wait1"), case("ok", "ann", "full1", "late1"), case("ok", "full1", "no1")]
    found += [case("plain", "ann", "no1", "full1"), case("refusedata", "ann", "bob"), case("dieend", "ann", "bob")]
    found += [case("dots", content=_LONG)]
    found += [case(name) for name in _OTHERS]
    found += [case("lines", content=_LONG), case("froms", content=_LONG), case("nolength", content=_LONG)]
    found += [case("one", "ann", "bob"), case("few", "ann", "bob", "carl"), case("socket", "ann", "no1", "full1")]
    found += [case("host", "ann", "late1"), case("smtphost", "ann", "no1"), case("smtp1", "ann", "full1")]
    return sorted(found, key=lambda each: list(SITES).index(each["site"]))


# What mailconf does otherwise (docs/departures.md): lines are cut as for SMTP, From is not marked, a call each without
# F=m, no line of UnixFromLine, what is no greeting ends the session, RCPT and DATA go out with MAIL.
DIFFERENT = (
    "garbage.mailer", "refusemail.mailer", "defermail.mailer", "lines.mailer", "froms.mailer", "nolength.mailer",
    "unix.mailer", "one.mailer", "few.mailer",
)  # fmt: skip
