"""What sendmail asks of TLS and logins where it sends, and hosts of every kind that it sends to.

A case has lines that are added to `BASE`, and what the host does: ``ehlo`` and ``ehlo_tls`` are the keywords that it
offers without and with TLS, ``starttls`` its reply to that, ``junk`` whether it hangs up then, ``cert`` the name of its
certificate, ``asks`` whether it asks for one, ``auth`` its replies to AUTH and to what follows. FOLDER and PORT in
texts are the configuration's folder and the host's port.
"""

from __future__ import annotations

from typing import Any

BASE = r"""V10/Berkeley
O OperatorChars=.:%@!^/[]+
O DontProbeInterfaces=True
O QueueDirectory=FOLDER/q
O DeliveryMode=i
O Timeout.ident=0
O DontBlameSendmail=GroupWritableDirPathSafe,MapInUnsafeDirPath
O LogLevel=12
O SuperSafe=false
Djmail.example.org
Troot
Mlocal, P=/bin/true, F=lsDFMAw5:/|@qPn9, S=0, R=0, T=DNS/RFC822/X-Unix, A=true $u
Mprog, P=/bin/true, F=lsDFMoq, D=/, A=true -c $u
Mesmtp, P=[IPC], F=mDFMuXa, S=0, R=0, E=\r\n, L=990, A=TCP $h PORT
S3
R$* < $* > $*		$: $2
R$+ @ $+		$: $1 < @ $2 >
R$@			$: @
Sparse=0
R@			$#local $: <>
R$+ < @ far.example >	$#esmtp $@ [127.0.0.1] $: $1 < @ far.example >
R$+ < @ $+ >		$#local $: $1
R$+			$#local $: $1
S4
R$* < $+ > $*		$: $1 $2 $3
R@			$@
"""
TRUST = "O CACertPath=FOLDER\nO CACertFile=FOLDER/ca.pem\n"
KEYS = "O ClientCertFile=FOLDER/client.pem\nO ClientKeyFile=FOLDER/client.key\n"
TO, OTHER = "x@far.example", "y@far.example"
CASES: list[dict[str, Any]] = []


def _add(text: str = "", to: tuple[str, ...] = (TO,), **host: Any) -> None:
    CASES.append({"text": text, "to": to, "host": host})


_MACROS = ("verify", "cipher_bits", "server_name", "server_addr", "cn_subject", "cert_issuer")


def _told(ruleset: str) -> str:
    told = " ".join(f'" {name}=" $&{{{name}}}' for name in _MACROS)
    return f'S{ruleset}\nR$*\t$#error $@ 4.7.0 $: "403 4.7.0 " $1 {told}\n'


def _login(words: str) -> str:
    return f"Sauthinfo\nR$*\t$# {words}\n"


ANN, PLAIN = '"U:ann" "I:ann" "P:secret" "R:far"', ["AUTH PLAIN LOGIN CRAM-MD5"]
_add()
_add(TRUST)
_add(TRUST + KEYS, asks=True)
_add(TRUST, cert="stranger")
_add('Stry_tls\nR$*\t$#error $@ 5.7.1 $: "550 5.7.1 no"\n')
_add("Sclt_features\nR$*\t$# S\n")
_add(ehlo=["SIZE"])
_add(_told("try_tls"))
_add(TRUST + _told("tls_server"))
_add(_told("tls_server"), ehlo=["SIZE"])
_add(_told("tls_server"), starttls="454 4.7.0 no")
_add('Stls_server\nRNONE\t$#error $@ 4.7.0 $: "403 4.7.0 not in the clear"\n')
_add('Stls_server\nR$*\t$#error $@ 5.7.0 $: "550 5.7.0 never"\n')
_add('Stls_server\nRNONE\t$#error $@ 4.7.0 $: "403 4.7.0 not in the clear"\n' + "Sclt_features\nR$*\t$# S\n")
_add(TRUST + _told("tls_rcpt"), (TO, OTHER))
_add('Stls_rcpt\nRx@$*\t$#error $@ 4.7.0 $: "403 4.7.0 not x"\n', (TO, OTHER))
_add('Stls_rcpt\nRx@$*\t$#error $@ 4.7.0 $: "403 4.7.0 not x"\n', (OTHER, TO), ehlo=["SIZE"])
_add(starttls="454 4.7.0 no")
_add(starttls="554 5.7.0 no")
_add(junk=True)
_add(_login(f'{ANN} "M:PLAIN"'), ehlo_tls=PLAIN)
_add(_login(ANN), ehlo_tls=PLAIN, auth=["334 PDEyQHg+", "235 ok"])
_add(_login('"U:ann" "P=c2VjcmV0" "M:LOGIN"'), ehlo_tls=PLAIN, auth=["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 ok"])
_add(_login(f'{ANN} "M:PLAIN"'), ehlo_tls=PLAIN, auth=["535 5.7.0 no"])
_add(_login(f'{ANN} "M:PLAIN"'), ehlo_tls=PLAIN, auth=["454 4.7.0 later"])
_add(_login(f'{ANN} "M:PLAIN"'), ehlo_tls=["AUTH LOGIN"])
_add(_login(f'{ANN} "M:PLAIN"'))
_add(_login(f'{ANN} "M:PLAIN"'), ehlo=PLAIN)
_add(_login(f'{ANN} "M:PLAIN"') + "Sclt_features\nR$*\t$# A\n", ehlo_tls=PLAIN)

# Local parts with quotes.
for _to in ('"an n"@far.example', '"x"@far.example'):
    _add("", (_to,), ehlo=[])
