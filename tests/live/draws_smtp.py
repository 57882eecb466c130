"""SMTP sessions and settings that are made up from a seed, for comparisons of daemons that have the same .cf."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.live import cf_sites
from tests.live.cf_questions import DOMAINS, LOCALS, MORE_LOCALS
from tests.live.draws import Dice

CLIENTS = (
    "127.0.0.1", "10.1.4.9", "10.1.5.7", "192.168.3.4", "10.1.6.6", "10.1.7.7", "10.1.8.8", "10.9.1.1", "10.2.0.1",
    "10.1.2.3", "10.8.8.8", "10.20.1.1", "10.7.1.1", "192.0.2.77", "10.3.1.1",
)  # fmt: skip
_PRIVACY = ("public", "needmailhelo", "needexpnhelo", "needvrfyhelo", "noexpn", "novrfy", "noetrn", "noverb",
            "authwarnings", "goaway", "noreceipts", "nobodyreturn", "restrictmailq", "noactualrecipient")  # fmt: skip
_SETTINGS: dict[str, tuple[str, ...]] = {
    "MaxMessageSize": ("1000", "100000", "0"),
    "MaxRecipientsPerMessage": ("2", "3", "5"),
    "BadRcptThrottle": ("1", "2"),
    "AllowBogusHELO": ("True",),
    "MaxHeadersLength": ("200", "1000"),
    "MaxMimeHeaderLength": ("60/20",),
    "MaxHopCount": ("5", "10"),
    "MinFreeBlocks": ("0", "999999999999"),
    "EightBitMode": ("p", "m", "s"),
    "NoRecipientAction": ("none", "add-to"),
    "SmtpGreetingMessage": ("$j hello", "$j $v; $?{client_name}x$.", ""),
    "DeliverByMin": ("10", "3600", "-1"),
    "HelpFile": ("@/helpfile",),
    "SevenBitInput": ("True",),
    "MaxAliasRecursion": ("2",),
    "MatchGECOS": ("True",),
    "ColonOkInAddr": ("True", "False"),
    "RrtImpliesDsn": ("True",),
    "CheckAliases": ("True",),
    "SuperSafe": ("True", "False", "Interactive", "PostMilter"),
    "AuthOptions": ("A", "p", "y", "p,y"),
    "AuthMechanisms": ("PLAIN LOGIN", "CRAM-MD5", ""),
    "BlankSub": ("_", "."),
    "UnsafeGroupWrites": ("True",),
    "ForwardPath": ("", "$z/.forward"),
    "AllowedBogus": ("x",),
    "RequestedOdd": ("1",),
    "QueueLA": ("1000",),
    "RefuseLA": ("1000",),
    "MaxQueueRunSize": ("1",),
    "DontBlameSendmail": ("safe",),
}
_MODIFIERS = ("", "", "", "a", "b", "c", "C", "E", "f", "h", "r", "u", "s", "cE", "fu", "Ea", "ur", "A", "S", "CE")
_HELOS = ("EHLO client.test", "HELO client.test", "EHLO bad.helo", "EHLO corp.test", "HELO [10.1.2.3]", "EHLO x y",
          "EHLO", "HELO", "EHLO mail.corp.test", "HELO bad..name", "EHLO under_score", "EHLO [IPv6:2001:db8::1]",
          "helo x",
          "EHLO " + "h" * 300, "EHLO (c) client.test", "HELO \xe9t\xe9.test", "EHLO  client.test ", "EHLO\tclient.test",
          "HELO a\x01b", "EHLO <x>", "EHLO x;y", "EHLO 1.2.3.4", "HELO -x.test")  # fmt: skip
_MAIL_WORDS = (
    "SIZE=100", "SIZE=99999999", "SIZE=99999999999999999999", "SIZE=x", "SIZE=", "SIZE=-1", "SIZE=1 SIZE=2", "SIZE",
    "BODY=8BITMIME", "BODY=7BIT", "BODY=BINARYMIME", "BODY=", "body=8bitmime", "RET=HDRS", "RET=FULL", "RET=x", "RET",
    "RET=HDRS RET=FULL", "ENVID=abc", "ENVID=a+2Bc", "ENVID=a+xx", "ENVID=", "ENVID=x ENVID=y", "ENVID=" + "e" * 120,
    "AUTH=<>", "AUTH=joe@corp.test", "AUTH=a+3Db", "AUTH=", "AUTH=a AUTH=b", "AUTH", "BY=100;R", "BY=-1;N", "BY=0;R",
    "BY=x", "BY=100", "BY=100;RT", "BY=99999999999;N", "BY=1;R BY=2;R", "FOO", "SMTPUTF8", "=", "=x", "BODY", "FOO=x",
    "RET=HDRS ENVID=x BODY=8BITMIME SIZE=10", "x y", "NOTIFY=NEVER", "size=10 ", "XYZ=\xe9", "MT-PRIORITY=3",
)  # fmt: skip
_RCPT_WORDS = (
    "NOTIFY=SUCCESS", "NOTIFY=NEVER,SUCCESS", "NOTIFY=", "NOTIFY=DELAY NOTIFY=DELAY", "NOTIFY=SUCCESS,FAILURE,DELAY",
    "notify=never", "NOTIFY=x", "NOTIFY", "NOTIFY=SUCCESS,", "NOTIFY=,SUCCESS", "ORCPT=rfc822;x", "ORCPT=x", "ORCPT=;x",
    "ORCPT=rfc822;", "ORCPT=rfc822;a+2Bb", "ORCPT=rfc822;a+zz", "ORCPT=rfc822;x ORCPT=rfc822;y", "ORCPT", "ORCPT=",
    "FOO", "FOO=bar", "SIZE=1", "=", "ORCPT=rfc822;" + "o" * 300, "NOTIFY=SUCCESS ORCPT=rfc822;x", "x=y z", "AUTH=<>",
)  # fmt: skip
_OTHER = (
    "NOOP", "NOOP x", "HELP", "HELP helo", "HELP nosuch", "HELP a b", "help MAIL", "VRFY joe", "VRFY joe@corp.test",
    "VRFY x@far.test", "VRFY nouser", "VRFY", "VRFY <joe>", "VRFY team", "VRFY <x@y", "VRFY a b", "VRFY |cat",
    "VRFY postmaster", "VRFY ann,joe", "EXPN team", "EXPN joe", "EXPN", "EXPN nouser", "EXPN prog", "EXPN x@far.test",
    "EXPN <team>", "EXPN self", "EXPN root@corp.test", "ETRN corp.test", "ETRN @corp.test", "ETRN #q", "ETRN",
    "ETRN -x",
    "ETRN a b", "FOO", "", " ", "X" * 600, "Y" * 3000, "RSET", "RSET x", "VERB", "VERB x", "ONEX", "AUTH", "AUTH PLAIN",
    "AUTH FOO", "AUTH PLAIN =", "AUTH LOGIN x", "AUTH CRAM-MD5 x y", "STARTTLS", "STARTTLS x", "TURN", "TICK", "SHOWQ",
    "SEND FROM:<x@far.test>", "SAML FROM:<x@far.test>", "SOML FROM:<x@far.test>", "GET / HTTP/1.0", "POST / HTTP/1.0",
    "CONNECT x:1 HTTP/1.0", "USER x", "DATA", "DATA x", "BDAT 10", "BDAT 0 LAST", "MAIL", "MAIL FROM", "MAIL FROM:",
    "MAIL TO:<a@b>", "RCPT", "RCPT FROM:<a@b>", "RCPT TO", "RCPT TO:", "QUIT x", "mail from:<a@elsewhere.test>",
    "MAIL  FROM: <a@elsewhere.test>", "MAIL FROM :<a@elsewhere.test>", "MAILFROM:<a@b>", "XCLIENT ADDR=1.2.3.4",
    "DSN", "8BITMIME", "DEBUG", "WIZ", "KILL", "HELO", "EHLO again.test", "HELO again.test", "\x01\x02", "NOOP \xe9",
    "\xe9", "NOOP\x7f", "noop", "NoOp", "NOOPX", "rset", "DATA\t", "RSET \t", "  NOOP", "\tNOOP", "QUEU", "ADDR",
    "LOGI",
    "EHLO client.test", "MAIL FROM:a@elsewhere.test", "RCPT TO:joe@corp.test", "VRFY \xe9", "EXPN \x01", "HELP -bt",
    "MAIL FROM:<a@elsewhere.test>", "RCPT TO:<joe@corp.test>", "STLS", "AUTH EXTERNAL =", "AUTH DIGEST-MD5",
)  # fmt: skip
_PATHS = (
    "<>", "< >", "<@>", "<@@>", "<a@>", "<joe,ann>", "<joe@corp.test,ann@corp.test>", "(c)<joe@corp.test>", "<joe",
    "joe>",
    "Joe <joe@corp.test>", "<joe@corp.test>x", " <joe@corp.test>", "<joe@@corp.test>", "<@corp.test:x@far.test>",
    "<x%far.test@corp.test>", "<far.test!x@corp.test>", '<"x@far.test"@corp.test>', '<"x@far.test">', '<"|/bin/sh">',
    "<|/bin/sh@corp.test>", "</etc/passwd>", "<:include:/etc/passwd>", "<team@corp.test>", "<prog@corp.test>", "<self>",
    "<joe@[127.0.0.1]>", "<joe@[10.0.0.1]>", "<joe@localhost>", "<joe@corp.test.>", "<JOE@CORP.TEST>",
    "<joe+x@corp.test>",
    "<postmaster>", "<Postmaster@corp.test>", "<abuse@corp.test>", "<root@corp.test>", "<nosuch@corp.test>", "<\\joe>",
    "<j\xf6rg@corp.test>", "<a\x01b@corp.test>", "<" + "x" * 80 + "@far.test>", "<a@" + "d" * 70 + ".test>",
    "<" + "y" * 260 + "@far.test>", "<a..b@far.test>", "<.a@far.test>", "<a@far..test>", "<a@b@far.test>",
    "<a @far.test>",
    "<a@far.test.>", '<"q q"@far.test>', "<a b@far.test>", "<joe;ann@corp.test>", "<joe@corp.test;>", "<g:joe;>",
    "<(x)>",
    "<joe(x)@corp.test>", '<"joe>', "<joe\\>", "<<joe>>", "<joe@[bad]>", "<joe@[IPv6:::1]>", "<a@b", "<%>", "<!>",
    "<a!>",
    "<nosuch>", "joe", "joe@corp.test", "<joe@corp.test> ", "<MAILER-DAEMON>", "<x@failmx.test>", "<x@nullmx.test>",
    "<x@badmx.test>", "<x@nxdomain.test>", "<x@-bad.test>", "<x@under_score.test>",
)  # fmt: skip
_MESSAGES = (
    ["Subject: hi", "", "body", "."], ["."], ["X-Long: " + "y" * 300, "Subject: a", "From: a@b", "", "..dot", "."],
    ["no header", "."], ["Received: from a"] * 12 + ["", "."], ["Bcc: x@y", "Full-Name: x", "Return-Path: <a@b>", "",
    "."],
    ["From: x", "To: y", "Subject: many", "Date: now", "Message-Id: <1@x>", "", "x" * 3000, "."],
    ["Subject: \xe9t\xe9", "", "\xe9" * 50, "."], [" folded", "Subject: a", " b", "\tc", "", "."], ["", "", "."],
    ["Subject: big", ""] + ["z" * 70] * 40 + ["."], ["From a@b Mon Jan 1 00:00:00 2024", "Subject: x", "", "."],
    ["A: " + "b" * 5000, "", "."], ["Content-Type: " + "c" * 100, "", "."], [": empty", "x y: z", "", "."],
    ["To: joe@corp.test", "Cc: undisclosed-recipients:;", "Return-Receipt-To: a@b", "", "x", "."],
)  # fmt: skip


# These end something, or are answered by a process of their own: nothing is sent together with them.
_ALONE = ("AUTH", "DATA", "BDAT", "STARTTLS", "QUIT", "GET", "POST", "CONNECT", "USER", "ETRN")
Talk = tuple[str, list[object]]


def settings(name: str, seed: str, folder: str, counts: Counter[str]) -> tuple[list[str], str]:
    """Options of the command line for a site, and its daemon's modifiers."""
    dice = Dice(f"options/{seed}/{name}", counts)
    chosen = [f"-O{key}={dice.pick(key, values).replace('@', folder)}" for key, values in _SETTINGS.items()
              if dice.random() < 0.12]  # fmt: skip
    privacy = [each for each in _PRIVACY if dice.random() < 0.15]
    counts.update(f"privacy {each}" for each in privacy)
    if dice.random() < 0.8:
        chosen.append(f"-OPrivacyOptions={','.join(privacy)}")
    return chosen, dice.pick("modifiers", _MODIFIERS)


def path(dice: Dice, share: float) -> str:
    """An address as it is written in MAIL and RCPT."""
    if dice.random() < share:
        return dice.pick("path", _PATHS)
    local, domain = dice.choice((*LOCALS, *MORE_LOCALS)), dice.choice(DOMAINS)
    if dice.random() < 0.5:
        table = dice.choice(("virtusertable", "mailertable", "access", "domaintable", "genericstable"))
        key = dice.choice(list(cf_sites.TABLES[table])).rpartition(":")[2]
        user, at, host = key.rpartition("@")
        local, domain = (user.replace("+*", "+x") or "joe", host or "corp.test") if at else ("joe", key.lstrip("."))
    return f"<{local}@{domain}>"


def sessions(name: str, seed: str, count: int, counts: Counter[str]) -> list[Talk]:
    """Clients with what they send: a line, the lines of a message, or a tuple of lines that are sent together."""
    dice = Dice(f"smtp/{seed}/{name}", counts)
    found: list[Talk] = []
    for _number in range(count):
        client = dice.pick("client", CLIENTS)
        kind = dice.pick("session", ("mail", "rcpt", "rcpt", "odd", "odd", "data", "data", "pipelined", "mixed"))
        lines: list[object] = [dice.pick("helo", _HELOS) if dice.random() < 0.35 else "EHLO client.test"]
        if kind == "mail":
            for _ in range(7):
                lines += [f"MAIL FROM:{path(dice, 0.4)}{_more(dice, _MAIL_WORDS, 0.5)}", "RSET"]
        elif kind == "rcpt":
            lines.append(f"MAIL FROM:{path(dice, 0.1) if dice.random() < 0.5 else '<a@elsewhere.test>'}")
            lines += [f"RCPT TO:{path(dice, 0.4)}{_more(dice, _RCPT_WORDS, 0.3)}" for _ in range(12)]
        elif kind == "odd":
            if dice.random() < 0.3:
                lines.pop()
            lines += [dice.pick("line", _OTHER) for _ in range(13)]
        elif kind == "data":
            for _ in range(3):
                lines += _message(dice)
        elif kind == "pipelined":
            lines.append(tuple(_lines(dice) for _ in range(dice.randint(2, 8))))
            lines.append(tuple(_lines(dice) for _ in range(dice.randint(2, 8))))
        else:
            lines += [_lines(dice) for _ in range(12)]
        found.append((client, [*lines, "QUIT"]))
    return found


def _more(dice: Dice, words: Sequence[str], share: float) -> str:
    return f" {dice.pick('parameter', words)}" if dice.random() < share else ""


def _message(dice: Dice) -> list[object]:
    found: list[object] = [f"MAIL FROM:{path(dice, 0.2) if dice.random() < 0.3 else '<a@elsewhere.test>'}"]
    for _ in range(dice.choice((1, 1, 2, 4))):
        found += [f"RCPT TO:{path(dice, 0.2) if dice.random() < 0.5 else '<joe@corp.test>'}"]
    return [*found, "DATA", list(dice.choice(_MESSAGES))]


def _lines(dice: Dice) -> str:
    kind = dice.choice(("MAIL", "RCPT", "RCPT", "RCPT", "RSET", "odd", "odd", "EHLO"))
    if kind == "MAIL":
        return f"MAIL FROM:{path(dice, 0.3)}{_more(dice, _MAIL_WORDS, 0.2)}"
    if kind == "RCPT":
        return f"RCPT TO:{path(dice, 0.3)}{_more(dice, _RCPT_WORDS, 0.2)}"
    if kind == "RSET":
        return "RSET"
    if kind == "EHLO":
        return dice.choice(_HELOS)
    odd = dice.pick("line", _OTHER)
    return "NOOP" if odd.upper().startswith(_ALONE) else odd
