"""What clients say of other clients by XFORWARD. record_forwarded.py has the real smtpd hear it.

A dialogue is the commands before a message.
"""

from __future__ import annotations

MESSAGE = ("MAIL FROM:<a@b.example>", "RCPT TO:<x@y.example>", "DATA", "Subject: x\r\n\r\nx\r\n.")
EHLO = "EHLO c.example"
WHOLE = "XFORWARD NAME=up.example ADDR=192.0.2.9 PORT=25 PROTO=ESMTP HELO=u.example IDENT=ABC SOURCE=LOCAL"
SETTINGS = {"smtpd_authorized_xforward_hosts": "127.0.0.1", "smtp_send_xforward_command": "yes"}

DIALOGUES: dict[str, tuple[str, ...]] = {
    "nothing": (EHLO,),
    "nothing, by HELO": ("HELO c.example",),
    "all": (EHLO, WHOLE),
    "all, of two messages": (EHLO, WHOLE, *MESSAGE),
    "RSET": (EHLO, WHOLE, "RSET"),
    "RSET of a transaction": (EHLO, WHOLE, MESSAGE[0], "RSET"),
    "EHLO again": (EHLO, WHOLE, "EHLO d.example"),
    "two commands": (EHLO, "XFORWARD NAME=a.example ADDR=192.0.2.9", "XFORWARD PORT=25 IDENT=Q SOURCE=REMOTE"),
    "a second thought": (EHLO, WHOLE, "XFORWARD NAME=b.example"),
    "IDENT": (EHLO, "XFORWARD IDENT=ZZ"),
    "PORT": (EHLO, "XFORWARD PORT=99"),
    "PORT and ADDR": (EHLO, "XFORWARD PORT=99 ADDR=192.0.2.3"),
    "HELO": (EHLO, "XFORWARD HELO=zz"),
    "NAME": (EHLO, "XFORWARD NAME=a.example"),
    "SOURCE": (EHLO, "XFORWARD SOURCE=LOCAL"),
    "PROTO": (EHLO, "XFORWARD PROTO=SMTP"),
    "IPv6": (EHLO, "XFORWARD ADDR=IPV6:2001:db8::5 NAME=q.example PORT=7"),
    "not available": (EHLO, "XFORWARD NAME=[UNAVAILABLE] ADDR=192.0.2.3 IDENT=[UNAVAILABLE] HELO=[UNAVAILABLE]"),
    "nothing is available": (EHLO, "XFORWARD ADDR=[UNAVAILABLE] NAME=[UNAVAILABLE] SOURCE=[UNAVAILABLE]"),
    "not available now": (EHLO, "XFORWARD NAME=[TEMPUNAVAIL] ADDR=192.0.2.3"),
    "a blank, encoded": (EHLO, "XFORWARD IDENT=a+20b HELO=x+3Dy+2B"),
    "bad ones": (EHLO, "XFORWARD SOURCE=foo", "XFORWARD DOMAIN=x", "XFORWARD ADDR=300.1.1.1", "XFORWARD"),
}
