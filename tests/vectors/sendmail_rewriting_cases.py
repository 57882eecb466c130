"""Mailers whose S= and R= differ for envelope and headers, and addresses that are rewritten for them.

A case is either asked in address test mode (``/tryflags``, ``/try``), or sent: then one header field holds the address,
and what counts is what the next server reads.
"""

from __future__ import annotations

from typing import Any

CF = r"""V10/Berkeley
O OperatorChars=.:%@!^/[]+
O DontProbeInterfaces=True
O QueueDirectory=/var/spool/mqueue
O AliasFile=/etc/mail/aliases
O OldStyleHeaders=True
O BlankSub=.
O DeliveryMode=interactive
O LogLevel=0
O SuperSafe=False
O TempFileMode=0600
O Timeout.ident=0
Djmail.corp.test
DMmasq.test
DnMAILER-DAEMON
Cwlocalhost corp.test mail.corp.test
C{Exposed}root
Troot daemon
Kgen hash -o /etc/mail/generics
H?D?Date: $a
H?F?From: $?x$x <$g>$|$g$.
H?M?Message-Id: <$t.$i@$j>
Mlocal, P=/bin/true, F=lsDFMAw5:/|@qSPn9, S=EnvLocal/HdrLocal, R=ToLocal, T=DNS/RFC822/X-Unix, A=true $u
Mprog, P=/bin/sh, F=lsDFMoqeu9, S=0, R=0, D=/, A=sh -c $u
Msmtp, P=[IPC], F=mDFMuX, S=EnvFrom/HdrFrom, R=EnvTo/HdrTo, E=\r\n, L=990, T=DNS/RFC822/SMTP, A=TCP $h
Mplain, P=[IPC], F=mDFMuXc, S=HdrFrom, R=HdrTo, E=\r\n, A=TCP $h
Mcanon, P=[IPC], F=mDFMuXC, S=EnvFrom/HdrFrom, R=EnvTo/HdrTo, E=\r\n, A=TCP $h
Mbare, P=[IPC], F=mDFMuX, E=\r\n, A=TCP $h
Mlower, P=[IPC], F=mDFMX, S=EnvFrom, R=EnvTo/0, E=\r\n, A=TCP $h
Mhosts, P=[IPC], F=mDFMuXh, S=0/HdrFrom, R=0/HdrTo, E=\r\n, A=TCP $h
S3
R$* < $* > $*	$2
R$@	$@ <@>
R$+ @ $+	$: $1 < @ $2 >
R$+ < @ $=w >	$: $1 < @ $2 . >
S0
R<@>	$#local $: <@>
R$+ < @ $=w . >	$: $1
R$+ < @ plain.test >	$#plain $@ sink.test $: $1 < @ plain.test >
R$+ < @ canon.test >	$#canon $@ sink.test $: $1 < @ canon.test >
R$+ < @ bare.test >	$#bare $@ sink.test $: $1 < @ bare.test >
R$+ < @ lower.test >	$#lower $@ sink.test $: $1 < @ Lower.Test >
R$+ < @ hosts.test >	$#hosts $@ sink.test $: $1 < @ hosts.test >
R$+ < @ $+ >	$#smtp $@ sink.test $: $1 < @ $2 >
R$+	$#local $: $1
S1
Rspecial	$@ s1 < @ one.test >
S2
Rspecial	$@ s2 < @ two.test >
S4
R<@>	$@
R$* < @ $* . >	$1 @ $2
R$* < @ $+ > $*	$1 @ $2 $3
SEnvLocal
R$+ < @ $* >	$: $1 < @ $2 >
SHdrLocal
R$+ < @ $* >	$@ $1 < @ $2 >
R$+	$@ $1 < @ $j . >
SToLocal
R$+ < @ $=w . >	$: $1
SMasq
R$={Exposed} < @ $=w . >	$@ $1 < @ $j . >
R$+ < @ $=w . >	$: < $(gen $1 $: none $) > $1 < @ $2 . >
R< none > $+ < @ $=w . >	$@ $1 < @ $M . >
R< $+ > $+	$: $>3 $1
SAddDomain
R<@>	$@ <@>
R$+ < @ $* >	$@ $1 < @ $2 >
R$+	$@ $1 < @ $j . >
SEnvFrom
R$+	$: $>AddDomain $1
R$+	$: $>Masq $1
SHdrFrom
R$+	$: $>AddDomain $1
R$+	$: $>Masq $1
R$+ < @ mark.test >	$: hdr. $1 < @ mark.test >
SEnvTo
R$+	$: $>AddDomain $1
R$+ < @ mark.test >	$: env. $1 < @ mark.test >
SHdrTo
R$+	$: $>AddDomain $1
R$+ < @ mark.test >	$: hdrto. $1 < @ mark.test >
"""
GENERICS = "joe\tjoe.user@gen.test\nann\tann.o@gen.test\n"
MAILERS = ("local", "smtp", "plain", "canon", "bare", "lower", "hosts")
_ADDRESSES = r"""
joe
ann@corp.test
root
root@mail.corp.test
bob@mail.corp.test
x@far.test
X@Far.Test
special
y@mark.test
Joe User <joe>
"Q, X" <z@far.test>
carl (a comment)
(before) dan
<eve@corp.test>
"quoted part"@corp.test
a%b@corp.test
@far.test:x@far.test
b!c
user@[192.0.2.1]
J.R. User <joe@corp.test>
joe@corp.test (Joe (nested) User)
""".strip().splitlines()
_SENDERS = ("joe", "ann@corp.test", "x@elsewhere.test", "x@canon.test", "root", "<>")
SENDERS_FIELDS = ("From", "Sender", "Reply-To", "Errors-To")
_FIELDS = ("From", "To", "Cc", "Reply-To", "Sender", "Errors-To", "Apparently-To")


def cases() -> list[dict[str, Any]]:
    """A case for each question in address test mode, and one for each message."""
    tried = [
        {"how": "try", "mailer": mailer, "flags": flags, "sender": "", "field": "", "address": address}
        for mailer in MAILERS
        for flags in ("ES", "ER", "HS", "HR")
        for address in _ADDRESSES
    ]
    sent = [
        {
            "how": "send",
            "mailer": mailer,
            "flags": "",
            "sender": sender,
            "field": _FIELDS[at % len(_FIELDS)],
            "address": address,
        }
        for mailer in ("smtp", "plain", "canon", "lower")
        for sender in _SENDERS
        for at, address in enumerate(_ADDRESSES[:14], len(mailer) + len(sender))
    ]
    return tried + sent
