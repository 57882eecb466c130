"""Random hosts.allow and hosts.deny, and clients that libwrap is asked about.

`case` makes one of a number. FOLDER in texts is a folder with `LISTS`, the files that ``/file`` patterns name.
"""

from __future__ import annotations

import re
from random import Random
from typing import Any

LISTS = {"list1": "192.0.2.1 .example.com\n10.\n", "list2": "[2001:db8::]/32 # x\n203.0.113.0/24\n"}
CLIENTS = [
    ["mail.example.com", "192.0.2.1", "unknown"], ["unknown", "2001:db8::1", "unknown"],
    ["other.test", "198.51.100.7", "unknown"], ["localhost", "127.0.0.1", "unknown"],
    ["paranoid", "203.0.113.9", "unknown"], ["[10.1.2.3]", "10.1.2.3", "unknown"], ["unknown", "10.9.9.9", "unknown"],
    ["Host.Example.COM", "2001:db8:1::5", "unknown"], ["h", "::1", "unknown"],
    ["x.net", "::ffff:192.0.2.1", "unknown"], ["a.b.example.com", "192.0.2.250", "unknown"],
]  # fmt: skip


def _words(text: str) -> list[str]:
    return re.findall(r"\S+", text)


_CLIENTS = _words(r"""
ALL all EXCEPT except 192.0.2.1 192.0.2. 192.0.2 10. 192.0.2.0/24 10.0.0.0/8 192.0.2.0/255.255.255.0 10.1.2.3/32
10.1.2.3/255.255.255.255 0.0.0.0/0 0.0.0.0/0.0.0.0 192.0.2.1/24 192.0.2.0/33 192.0.2.0/ 192.0.2.0/x 10.0.0.0/08
.example.com .EXAMPLE.com example.com mail.example.com MAIL.example.com other.test localhost h LOCAL local KNOWN
known UNKNOWN unknown PARANOID paranoid Paranoid [2001:db8::]/32 [2001:db8::1] [2001:db8::1]/128 [2001:db8::1]/0
[2001:db8::1]/129 [::1] [::1]/127 [::1 [10.1.2.3] [10.1.2.3]/32 2001:db8::1 2001\:db8\:\:1 [::ffff:192.0.2.1] ::1
mail.* * ? *.example.* 10.?.2.3 1*2.0.2.1 .ex* *. 2001* ALL@ALL root@ALL UNKNOWN@192.0.2. KNOWN@ALL unknown@ALL
*@.example.com @group user@.test @ x@ a@@b FOLDER/list1 FOLDER/list2 FOLDER/none LOCAL@ALL ALL@LOCAL mail. [*] !x #c
192.0.2.1. 192.0.2.1-5 - 0 / // [ ] [] ALL. ALL/8 . ..
""")
_DAEMONS = _words(r"""
sendmail ALL SENDMAIL sendmail ALL ALL other sen* sendmail@ALL sendmail@192.0.2.1 sendmail@UNKNOWN ALL@KNOWN UNKNOWN
KNOWN LOCAL .mail send. EXCEPT in.smtpd sendmail@ FOLDER/list1 PARANOID [sendmail] sendmail@LOCAL sendmail@*
sendmail@unknown sendmail[ sendmail]
""")
_OPTIONS = """
allow;deny;ALLOW;Deny;severity mail.info;severity info;severity nosuch;severity mail.nosuch;severity x.info
severity MAIL.INFO;severity=mail.info;severity mail.info.x;severity;keepalive;keepalive x;linger 5;linger x;linger
linger -1;linger +5;linger 5x;linger 0;nice;nice 5;nice -5;nice +5;nice x;nice -;rfc931;rfc931 5;rfc931 0;rfc931 +1
rfc931 x;setenv A b;setenv A;umask 022;umask 9;umask +22;umask 1000;umask;banners /nonexist;banners;spawn /bin/true
spawn;twist /bin/true;foo;;user nosuchuser;user nobody;user nobody.nogroup;user nobody.nosuch;group nosuch;group nogroup
allow x;deny=;severity .info;severity mail.;severity kern.info;severity lpr.info;severity ftp.info;severity warn
severity local7.err;severity local8.err;severity mail.warning;severity mark.info;severity mail .info;setenv a [:allow
keepalive:allow;severity mail.info:deny;spawn (echo a\\:b) &:allow;umask 022:deny;nice:allow;allow:nice
""".strip().replace("\n", ";").split(";")  # fmt: skip


def _rule(random: Random) -> str:
    daemons = " ".join(random.choice(_DAEMONS) for _ in range(random.choice([1, 1, 1, 2, 3])))
    parts = random.choice([" ", ", ", ","])
    clients = parts.join(random.choice(_CLIENTS) for _ in range(random.choice([1, 1, 1, 2, 3, 5])))
    options = "".join(f" : {random.choice(_OPTIONS)}" for _ in range(random.choice([0, 0, 0, 1, 1, 2])))
    text, form = f"{daemons}: {clients}{options}", random.random()
    if form < 0.03:
        text = text.replace(": ", " ", 1)
    elif form < 0.06:
        text = f"#{text}"
    elif form < 0.09:
        text = f" {text}"
    elif form < 0.12:
        text = text.replace(" ", " \\\n ", 1)
    return f"{text}\n"


def _file(random: Random) -> str:
    text = "".join(_rule(random) for _ in range(random.choice([0, 1, 1, 2, 3])))
    form = random.random()
    if form < 0.03:
        text = text.rstrip("\n")
    elif form < 0.06:
        text += "\n \n"
    elif form < 0.07:
        text = f"x: {'y ' * 1100}\n{text}"
    return text


def case(number: int) -> dict[str, Any]:
    random = Random(number)
    return {"allow": _file(random), "deny": _file(random)}
