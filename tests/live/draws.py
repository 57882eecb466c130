"""Configurations and prompts that are made up from a seed, for comparisons of address test mode.

A configuration is a .mc of FEATUREs with LOCAL_* sections, or a .cf that has been written by dice: every operator of
rules, maps of every type with flags. Nothing here knows what the answers are.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.live import cf_sites
from tests.live.cf_questions import DOMAINS, LOCALS, MORE_LOCALS, SYNTAX

WORDS = (
    "a", "b", "c", "x", "ann", "joe", "ABC", "Literal", "york", "new.york", "new", "x@y", "town", "hall", "key", "two",
    "words", ".", "..", "@", "@", "!", "%", "<", ">", "[", "]", "/", "+", ":", ";", ",", '"a b"', '"q', "(c)", "(", ")",
    "\\x", "\\", "$", "$|", "$#", "$@", "$:", "$1", "$*", "$(", "$)", "end", "localhost", "example.org", "far.test",
    "corp.test", "12", "-3", "0x10", "010", "0", "9", "l", "=", "*", "a.b.c", "A.B", "host.low", "\xe9t\xe9", "\x7f",
    "&", "|", "`", "'", "{", "}", "^", "#", "~", "-", "_", "?", "10.1.2.3", "[10.1.2.3]", "[IPv6:2001:db8::1]", "ab-cd",
    "gw.far.test", "www.corp.test", "joe@corp.test", "ann+box@far.test", "\t", "  ",
)  # fmt: skip
_LITERALS = ("a", "b", "x", "ann", "joe", "end", "@", ".", "!", "%", "+", "-", "<", ">", ":", "far . test", '"a b"',
             "corp.test", "Literal", "test", "[", "]", ",", "$|", "$$", "12", "/", "()", "=")  # fmt: skip
_CLASSES = ("A", "B", "w", "{Town}", "{None}", "E")
_MACROS = ("T", "V", "{lone}", "{kept}", "j", "{client_addr}", "{none}", "{dots}", "w", "f")
_MAPS = ("plain", "whole", "only", "quoted", "gone", "maybe", "list", "word", "pair", "noword", "calc", "bare", "keep",
         "both", "nothing", "tree", "named", "imp", "sw", "best", "addr", "mx", "txt", "dev", "host", "prog", "stabs",
         "nomap", "person", "sys", "three", "fold")  # fmt: skip
RULESETS = 14


class Site(NamedTuple):
    """name   of the site
    text   of its .mc, or "" where ``cf`` is all there is
    """

    name: str
    mc: str
    cf: str
    rulesets: tuple[str, ...]
    maps: tuple[str, ...]


class Dice(random.Random):
    """Chooses, and counts what has been chosen."""

    def __init__(self, seed: str, counts: Counter[str]) -> None:
        super().__init__(seed)
        self.counts = counts

    def pick(self, label: str, ways: Sequence[str]) -> str:
        chosen = self.choice(ways)
        self.counts[f"{label} {chosen.strip()[:24]}"] += 1
        return chosen


def left_side(dice: Dice) -> tuple[str, int]:
    """The left side of a rule, and how many words of it the right side may use."""
    parts, wild = [], 0
    for _ in range(dice.choice((1, 1, 2, 3, 3, 4, 5, 6))):
        kind = dice.pick("left", ("$*", "$*", "$+", "$+", "$-", "$=", "$~", "$@", "$&", "$m", "word", "word", "word"))
        if kind in ("$*", "$+", "$-"):
            parts.append(kind)
        elif kind in ("$=", "$~"):
            parts.append(kind + dice.choice(_CLASSES))
        elif kind == "$&":
            parts.append(kind + dice.choice(_MACROS))
        elif kind == "$m":
            parts.append("$" + dice.choice(_MACROS))
        else:
            parts.append(kind if kind == "$@" else dice.choice(_LITERALS))
        wild += kind in ("$*", "$+", "$-", "$=", "$~") or kind == "$@"
    text = dice.choice((" ", "")).join(parts)
    if dice.random() < 0.06:
        dice.counts["left $?"] += 1
        text = dice.choice(("$?T{}$.", "$?V{}$|$+$.", "$?{{lone}}{}$| x $.")).format(text)
    return text, min(wild, 9)


def _words(dice: Dice, wild: int, depth: int) -> str:
    found = []
    for _ in range(dice.choice((1, 1, 2, 2, 3, 4))):
        kind = dice.pick(
            "right", ("$n", "$n", "$n", "$n", "word", "word", "$&", "$m", "$?", "$(", "$(", "$[", "$>", "$$")
        )
        if kind == "$n" and wild:
            found.append(f"${dice.randint(1, wild)}")
        elif kind == "word" or kind == "$n":
            found.append(dice.choice(_LITERALS))
        elif kind == "$&":
            found.append("$&" + dice.choice(_MACROS))
        elif kind == "$m":
            found.append("$" + dice.choice(_MACROS))
        elif kind == "$$":
            found.append("$$")
        elif kind == "$?":
            found.append(_conditional(dice, wild, depth))
        elif depth > 2:
            continue
        elif kind == "$(":
            found.append(_lookup(dice, wild, depth))
        elif kind == "$[":
            default = dice.choice(("", f" $: {_words(dice, wild, 3)}", " $:"))
            found.append(f"$[ {_words(dice, wild, 3)}{default} $]")
        else:
            name = dice.choice((*(f"r{n}" for n in range(RULESETS)), "3", "parse", "nothere", "$1", "$&T"))
            found.append(f"$>{name} {_words(dice, wild, depth + 1)}")
    return " ".join(found)


def _conditional(dice: Dice, wild: int, depth: int) -> str:
    otherwise = f" $| {_words(dice, wild, depth + 1)}" if dice.random() < 0.5 else ""
    if depth > 2:
        return ""
    return f"$?{dice.choice(_MACROS)} {_words(dice, wild, depth + 1)}{otherwise} $."


def _lookup(dice: Dice, wild: int, depth: int) -> str:
    name = dice.pick("asks", _MAPS)
    inner = 3 if dice.random() < 0.93 else 1
    key = _words(dice, wild, inner)
    if name == "calc":
        key = dice.choice(("+", "-", "*", "/", "l", "=", "|", "&", "%", "q"))
        arguments = f" $@ {_words(dice, wild, 3)} $@ {_words(dice, wild, 3)}"
    elif name == "keep":
        key = dice.choice(("{kept}", "T", "{lone}", "$1"))
        arguments = f" $@ {_words(dice, wild, 3)}"
    else:
        arguments = "".join(f" $@ {_words(dice, wild, 3)}" for _ in range(dice.choice((0, 0, 0, 1, 2))))
    default = dice.choice(("", " $:", f" $: {_words(dice, wild, 3)}", f" $: {_words(dice, wild, 3)}"))
    return f"$({name} {key}{arguments}{default} $)"


def right_side(dice: Dice, wild: int) -> str:
    kind = dice.pick("rule", ("plain", "$:", "$:", "$:", "$@", "$@", "$#", "$#error", "$>", "$# odd"))
    words = _words(dice, wild, 0)
    if kind == "plain":
        return words
    if kind in ("$:", "$@"):
        return f"{kind} {words}"
    if kind == "$>":
        return f"$: $>r{dice.randrange(RULESETS)} {words}"
    mailer = dice.choice(("local", "esmtp", "lower", "prog", "none", "discard"))
    if kind == "$#":
        return f"$#{mailer} $@ {_words(dice, wild, 3)} $: {words}"
    if kind == "$# odd":
        return dice.choice((f"$# {words}", f"$#{mailer}", f"$#{mailer} $: {words}", f"$#{mailer} $@ {words}", "$# OK"))
    code = dice.choice(("5.7.1", "4.2.1", "2.1.1", "nouser", "tempfail", "unavailable", "67", "quarantine", "9.9.9"))
    text = dice.choice(("550 no", '"550 5.7.1 no"', "451 later", '"421 4.3.2 bye"', "text", '"text"', "", "5.1.1 x"))
    at = dice.choice((f"$@ {code} ", f"$@ {code} ", ""))
    return f"$#error {at}$: {text} {words if dice.random() < 0.4 else ''}".rstrip()


def rules(dice: Dice, count: int) -> str:
    lines = []
    for _ in range(count):
        left, wild = left_side(dice)
        comment = dice.choice(("", "", "", "\ta comment", " # no"))
        lines.append(f"R{left}\t{right_side(dice, wild)}{comment}\n")
    return "".join(lines)


_FLAGS = ("", "", "", "-o", "-m", "-f", "-q", "-a.app", "-a", "-T.tmp", "-N", "-O", "-S-", "-s+", "-D", "-t", "-k1",
          "-v0", "-A", "-a@X", "-z:", "-k0 -v1", "-o -m", "-o -q -a<x>")  # fmt: skip
_SEQUENCES = ("maybe plain", "plain list", "gone plain", "word pair", "nomap plain")
_KINDS: dict[str, Callable[[Dice], str]] = {
    "plain": lambda dice: "hash {f} FOLDER/table",
    "whole": lambda dice: "hash -o -f -a<found> FOLDER/table",
    "only": lambda dice: "hash -o -m {f} FOLDER/table",
    "quoted": lambda dice: "hash -o -q -S_ {f} FOLDER/table",
    "gone": lambda dice: "hash {f} FOLDER/gone",
    "maybe": lambda dice: "hash -o FOLDER/gone",
    "tree": lambda dice: "btree {f} FOLDER/btable",
    "list": lambda dice: f"text {dice.choice(('-z:', '', '-z: -k1', '-z: -k0 -v1', '-z: -v2'))} {{f}} FOLDER/list",
    "word": lambda dice: "regex {f} ^[a-z]+$",
    "pair": lambda dice: (
        f"regex {dice.choice(('-s1,2', '-s1', '-s', '-s0,2,1', '-b'))} "
        f"{dice.choice(('-d: ', '-d', ''))}{{f}} ^([a-z]*)[.@+-]([a-z]*)$"
    ),
    "noword": lambda dice: "regex -n {f} ^[a-z]+$",
    "calc": lambda dice: "arith",
    "keep": lambda dice: "macro",
    "bare": lambda dice: f"dequote {dice.choice(('', '-s.', '-a.x', '-s-', '-sx'))}",
    "both": lambda dice: f"sequence {dice.choice(_SEQUENCES)}",
    "nothing": lambda dice: "null {f}",
    "named": lambda dice: "host {f}",
    "imp": lambda dice: "implicit -o FOLDER/table",
    "sw": lambda dice: f"switch {dice.choice(('aliases', 'hosts', 'passwd', 'nosuch'))}",
    "best": lambda dice: f"bestmx {dice.choice(('', '-z:', '-a.', '-z: -a.', '-T.t'))}",
    "addr": lambda dice: "dns -RA {f}",
    "mx": lambda dice: f"dns -RMX {dice.choice(('', '-z:', '-a.', '-z: -Z2', '-d1s -r2'))}",
    "txt": lambda dice: f"dns {dice.choice(('-RTXT', '-RCNAME', '-RPTR', '-RNS', '-RAAAA', '-R AFSDB'))} {{f}}",
    "dev": lambda dice: "hash -o /dev/null",
    "prog": lambda dice: "program {f} /bin/echo",
    "stabs": lambda dice: "stab {f} FOLDER/table",
    "person": lambda dice: f"user {dice.choice(('-m', '-k1 -v2', '-v5', '-vgecos', '-vdir', ''))} {{f}}",
    "sys": lambda dice: "syslog -LDEBUG {f}",
    "three": lambda dice: "sequence both maybe tree",
    "fold": lambda dice: "hash -f {f} FOLDER/table",
}
_HEAD = r"""V10/Berkeley
O OperatorChars={operators}
O DontProbeInterfaces=True
O QueueDirectory=FOLDER/queue
O AliasFile=FOLDER/aliases
O Timeout.resolver.retrans=1s
O DontBlameSendmail=MapInUnsafeDirPath,GroupWritableDirPathSafe,ClassFileInUnsafeDirPath
Djmail.corp.test
Cwlocalhost corp.test mail.corp.test
CAann beta.gamma x@y far.test
CB
C{{Town}}york new.york two
C{{None}}
DTtown hall
DV
D{{lone}}solo
D{{dots}}a.b.c
Tdaemon root
Mlocal, P=/bin/cat, F=lsDFMAw5:/|@q, S=r0, R=r1, T=DNS/RFC822/X-Unix, A=cat $u
Mprog, P=/bin/sh, F=lsDFMoqeu9, D=/, A=sh -c $u
Mesmtp, P=[IPC], F={flags}, S=r2/r3, R=r4/r5, E=\r\n, L=990, A=TCP $h
Mlower, P=[IPC], F=mDFMuXU, E=\r\n, A=TCP $h
S3
R$* < $* > $*	$: $2
R$+ @ $+	$: $1 < @ $2 >
R$* < @ $+ . > $*	$1 < @ $2 > $3
Sparse=0
"""
_TAIL = r"""R$+ < @ $=w >	$#local $: $1
R$+ < @ $+ >	$#esmtp $@ $2 $: $1 < @ $2 >
R$+	$#local $: $1
S4
R$* < @ $+ > $*	$: $1 @ $2 $3
Stranslate
R$* $$| $*	$: $1 $| $2
"""


def by_hand(name: str, seed: str, counts: Counter[str]) -> Site:
    """A .cf of random rules and maps."""
    dice = Dice(f"cf/{seed}/{name}", counts)
    operators = dice.pick("operators", (".:%@!^/[]+", ".:%@!^/[]+", ".:%@!^/[]+", ".@", ".:@!", ".:%@!^/[]+=_-"))
    flags = dice.pick("mailer flags", ("mDFMuXa", "mDFMuX", "mDFMhuXC", "mDFMX8", "DFMe", "mDFMuXaz"))
    text = _HEAD.format(operators=operators, flags=flags)
    maps = []
    for kind, written in _KINDS.items():
        flag = dice.pick("flag", _FLAGS)
        text += f"K{kind} {written(dice).format(f=flag)}\n"
        maps.append(kind)
    text += rules(dice, 3) + _TAIL
    for number in range(RULESETS):
        text += f"Sr{number}\n" + rules(dice, dice.choice((1, 2, 2, 3, 4, 6)))
    names = (*(f"r{n}" for n in range(RULESETS)), "3", "parse", "4", "1", "2", "nothere")
    return Site(name, "", text, names, (*maps, "nomap", "host", "aliases"))


_MORE_PARTS: list[tuple[str, ...]] = [
    ("define(`confDOUBLE_BOUNCE_ADDRESS', `')", "define(`confOPERATORS', `.:%@!^/[]+-')"),
    ("define(`confBIND_OPTS', `-DNSRCH')", "define(`confBIND_OPTS', `WorkAroundBrokenAAAA')"),
    ("define(`confMATCH_GECOS', `True')", "define(`confNO_RCPT_ACTION', `add-to')"),
    (
        "define(`confLOCAL_MAILER', `cyrusv2')",
        "define(`confSMTP_MAILER', `smtp8')",
        "define(`confRELAY_MAILER', `dsmtp')",
    ),
    ("FEATURE(`use_ct_file')",),
    ("FEATURE(`notsticky')",),
    ("FEATURE(`promiscuous_relay')",),
    ("FEATURE(`check_cert_altnames')",),
    ("LOCAL_DOMAIN(`extra.test local.test')", "CANONIFY_DOMAIN(`far.test')FEATURE(`nocanonify')"),
    ("MODIFY_MAILER_FLAGS(`SMTP', `+8')", "MODIFY_MAILER_FLAGS(`LOCAL', `-5')", "define(`SMTP_MAILER_FLAGS', `e')"),
    ("GENERICS_DOMAIN_FILE(`@/virtuser-domains')", "MASQUERADE_DOMAIN_FILE(`@/virtuser-domains')"),
    ("define(`DECNET_RELAY', `smtp:dec.test')", "define(`FAX_RELAY', `fax.test')"),
    ("define(`confUSERDB_SPEC', `@/nothing.db')",),
    ("FEATURE(`local_procmail')",),
    ("FEATURE(`nouucp', `nospecial')",),
]  # fmt: skip
_SECTIONS = (
    "LOCAL_RULE_0\n{}",
    "LOCAL_RULE_1\n{}",
    "LOCAL_RULE_2\n{}",
    "LOCAL_RULE_3\n{}",
    "LOCAL_NET_CONFIG\n{}",
    "LOCAL_RULESETS\nSLocal_check_mail\n{}",
    "LOCAL_RULESETS\nSLocal_check_rcpt\n{}",
    "LOCAL_RULESETS\nSLocal_check_relay\n{}",
)


def with_features(name: str, seed: str, counts: Counter[str]) -> Site:
    """A .mc of parts, with sections of random rules."""
    dice = Dice(f"mc/{seed}/{name}", counts)

    def some(parts: list[tuple[str, ...]], share: float) -> str:
        chosen = [dice.pick("part", group) for group in parts if dice.random() < share]
        return "".join(f"{part}dnl\n" for part in chosen)

    share = dice.choice((0.1, 0.2, 0.35))
    text = "FEATURE(`use_cw_file')dnl\n" + some(_MORE_PARTS, 0.15) + some(cf_sites._PARTS, share)
    if dice.random() < 0.75:
        text += cf_sites.ACCESS + some(cf_sites._PARTS_WITH_ACCESS, share)
    mailers = "".join(f"MAILER(`{each}')dnl\n" for each in ("uucp", "procmail", "cyrusv2") if dice.random() < 0.3)
    if "cyrusv2" in text and "cyrusv2" not in mailers:
        mailers += "MAILER(`cyrusv2')dnl\n"
    text += cf_sites.MAILERS + mailers
    text += "LOCAL_CONFIG\n" + "".join(
        f"K{kind} {written(dice).format(f=dice.pick('flag', _FLAGS))}\n".replace("FOLDER", "@")
        for kind, written in _KINDS.items()
    )
    text += "CAann beta.gamma x@y far.test\nC{Town}york new.york two\nDTtown hall\nDV\nD{lone}solo\n"
    for section in _SECTIONS:
        if dice.random() < 0.35:
            dice.counts[f"section {section.split()[0]}"] += 1
            text += section.format(rules(dice, dice.choice((1, 2, 3))))
    text += "LOCAL_RULESETS\n" + "".join(f"Sr{number}\n" + rules(dice, 2) for number in range(RULESETS))
    names = (
        "3", "4", "0", "1", "2", "parse", "canonify", "final", "check_rcpt", "check_mail", "check_relay", "check_vrfy",
        "check_etrn", "check_data", "check_eoh", "check_compat", "Local_check_mail", "Local_check_rcpt", "Mailertable",
        "Basic_check_relay", "Basic_check_mail", "Basic_check_rcpt", "MasqHdr", "MasqEnv", "MasqSMTP", "PseudoToReal",
        "EnvFromL", "EnvToL", "HdrFromL", "HdrToL", "EnvFromSMTP", "EnvToSMTP", "HdrFromSMTP", "Recurse", "ParseLocal",
        "CanonAddr", "ParseRecipient", "LookUpDomain", "SearchList", "D", "A", "F", "E", "Canonify2", "trust_auth",
        "tls_server", "tls_client", "tls_rcpt", "srv_features", "clt_features", "try_tls", "authinfo", "queuegroup",
        "greet_pause", "RateControl", "ConnControl", "RelayTLS", "TLS_connection", "max", "localaddr", "check_helo",
        "AddDomain", "FullAddr", "MailerToTriple", "Local_localaddr", "Relay_ok", "Rcpt_ok", "D_x", "90", "93", "94",
        "95", "96", "97", "98", "5", *(f"r{n}" for n in range(RULESETS)),
    )  # fmt: skip
    maps = (*_KINDS, "access", "virtuser", "generics", "mailertable", "domaintable", "dequote", "macro", "resolve",
            "arith", "bestmx", "aliases", "nomap", "bitdomain", "uudomain", "dnsbl", "user")  # fmt: skip
    return Site(name, text, "", names, maps)


def address(dice: Dice) -> str:
    local, domain, other = dice.choice((*LOCALS, *MORE_LOCALS)), dice.choice(DOMAINS), dice.choice(DOMAINS)
    keys = cf_sites.TABLES["virtusertable"], cf_sites.TABLES["mailertable"], cf_sites.TABLES["access"]
    if dice.random() < 0.25:
        key = dice.choice(list(dice.choice(keys))).rpartition(":")[2]
        local, at, host = key.rpartition("@")
        local, domain = (local or "joe", host or "corp.test") if at else ("joe", key)
    form = dice.pick(
        "address",
        ("{l}@{d}",) * 5 + (
            "<{l}@{d}>", "{l}", "@{o},@{d}:{l}@{d}", "<@{o}:{l}@{d}>", "Joe User <{l}@{d}> (comment)", "{d}!{l}",
            "{l}%{o}@{d}", "{l}@{o}@{d}", "group: {l}@{d}, {l};", "SYNTAX", "{l} @ {d}", '"{l}"@{d}', "{L}@{D}",
            "({l}){l}(x)@(y){d}", "{l}+{o}@{d}", "{d}!{o}!{l}", "{l}@[{d}]", '"Joe \\" User" <{l}@{d}>', "{l}::{d}",
            "<{l}@{d}", "{l}@{d}>", '{l}@{d}, "{o}', "{l}@{d}.", "{l}@.{d}", "{l}@{d} (a (b) c", "\\{l}@{d}",
        ),
    )  # fmt: skip
    if form == "SYNTAX":
        return dice.choice(SYNTAX).replace("COMMA", ",")
    return form.format(l=local, d=domain, o=other, L=local.upper(), D=domain.upper())


def words(dice: Dice) -> str:
    between = dice.choice(("", " ", " "))
    return between.join(dice.choice(WORDS) for _ in range(dice.choice((1, 1, 2, 2, 3, 3, 4, 5, 7, 9))))


_SET = (
    "{client_addr}10.1.5.7", "{client_addr}127.0.0.1", "{client_addr}10.1.4.9", "{client_addr}IPv6:2001:db8:1::5",
    "{client_name}h.partner.test", "{client_name}localhost", "{client_name}[10.1.5.7]", "{client_resolve}OK",
    "{client_resolve}FAIL", "{client_resolve}TEMP", "{client_resolve}FORGED", "{client_ptr}h.partner.test", "r SMTP",
    "r ESMTP", "s helo.test", "s[1.2.3.4]", "{auth_type}PLAIN", "{auth_type}", "{auth_authen}joe", "{auth_author}ann",
    "{verify}OK", "{verify}FAIL", "{verify}", "{cert_subject}/CN=joe", "{cert_issuer}/CN=CA", "{cipher_bits}128",
    "{daemon_flags}a", "{daemon_flags}f u", "{daemon_flags}", "{mail_addr}joe@corp.test", "{mail_host}corp.test.",
    "{mail_mailer}local", "f joe@corp.test", "fjoe@far.test", "Tnew", "V", "Vset", "{lone}", "{kept}x", "{kept}",
    "{load_avg}3", "T$&V", "{server_name}tls.test", "{server_addr}10.3.1.1", "{addr_type}e s", "{currHeader}x y",
    "{rcpt_addr}joe", "M", "Mmasq2.test", "T $| x", "{lone}a.b.c",
)  # fmt: skip
_ODD = (
    "=M", "?", "/quit-not", "=X", "=", "-", ".", "-x", ".X", "/try", "/parse", "/map", "/mx", "/canon", "/tryflags",
    "/", "#comment", " 3,0 joe", "3,0", "nosuch joe", "3,nosuch,0 joe", "3,,0 joe", "0,3 joe", ",3 joe", "3, 0 joe",
    "100 joe", "-1 joe", "0x3 joe", "3 joe, ann, bob", "", "\t", "3\tjoe", "3 ", "3 ,", "/parse  ", "/MAP plain a",
    "/map  plain  a  b", "/map plain", "/tryflags x", "/tryflags HS e", "/tryflags hr", "/try esmtp", "/tryfoo", "$",
    "$=", "${", "${}", "$=}", "$={", "=S", "=S ", "=S-1", "=S100", ".D", ".C", ".C{", ".D{", ".S", ".Sr1", "-d99.1",
    "-d21.0-", "=Sr0,r1", "/mx ", "/canon  ", "/parse <>", "3 <>", "!ls",
    "3,0,3,0 joe", "parse,final joe", "3 $&T", "3 $T", "/try none a@b", "/quit now", "/bogus x", "..", "==", "$$", "--",
    "?x", "/?", "3;0 joe", "3.0 joe", "3:0 joe", "3=0 joe", "3+0 joe", "/canon a b", "/mx a b", "3/0 joe", "{3} joe",
    "$&T", "$w x", "$=w x", "=M x", ".D{a}b c # d", ".DT#", ".DT\tx", ".D T x", ".C w x", ".C{w}x", ".D{T}x", "+", "*",
    "/try esmtp  joe@a  b", "/trylocal joe", "/parsejoe", "/mapplain joe",
)  # fmt: skip


_SHOWN_CLASSES = (
    "w", "m", "t", "R", "A", "B", "{Town}", "{None}", "{VirtHost}", "k", "n", "e", "s", "F", "M", "N", "E", "G", "O",
    "P",
    "{tls}", "{LHS}", "{Accept}", "..", ".", "[", "{no such}", "l", "T", "q",
)  # fmt: skip
_SHOWN_MACROS = (
    "w", "m", "j", "k", "v", "Z", "S", "H", "R", "M", "n", "x", "g", "T", "V", "{lone}", "{kept}", "{client_addr}", "f",
    "{nosuch}", "{opMode}", "{addr_type}", "h", "u", "s", "r", "l", "o", "q", "U", "Y", "L", "{currHeader}", "_",
    "{dsn_ret}", "{deliveryMode}", "{quarantine}", "{daemon_flags}", "{rcpt_host}", "{bodytype}",
)  # fmt: skip
_ADDED = ("w extra.test", "A new", "{Town} n1 n2.x", "X a", "A $T", "w", "R 10.1.5")
_MAILERS = ("local", "prog", "esmtp", "smtp", "relay", "lower", "uucp", "procmail", "*file*")
_LEVELS = ("1", "2", "3", "4", "5", "9", "10", "11", "12", "13", "14")


class _Session:
    """Makes the lines of one session."""

    def __init__(self, site: Site, dice: Dice) -> None:
        self.site = site
        self.dice = dice
        self.makers: dict[str, Callable[[], list[str]]] = {
            "ruleset": lambda: [f"{self.ruleset()} {self.text()}"],
            "3,0": lambda: [f"3,0 {self.address()}"],
            "/parse": lambda: [f"/parse {self.address()}"],
            "/try": lambda: [f"/try {dice.choice(_MAILERS)} {self.address()}"],
            "/tryflags": lambda: ["/tryflags " + dice.choice(("HS", "HR", "ES", "ER", "e", "s", "H", "R"))],
            "/map": lambda: [f"/map {dice.choice(site.maps)} {self.key()}"],
            "$=": lambda: ["$=" + dice.pick("class", _SHOWN_CLASSES)],
            "$": lambda: ["$" + dice.pick("macro", _SHOWN_MACROS)],
            "/mx": lambda: [f"/mx {self.host()}"],
            "/canon": lambda: [f"/canon {self.host()}"],
            "=S": lambda: [f"=S{self.ruleset()}"],
            "odd": lambda: [dice.pick("odd", _ODD)],
            ".D": lambda: [".D" + dice.choice(_SET)],
            ".C": lambda: [".C" + dice.choice(_ADDED)],
            "-d21": self.traced,
            "-d60": lambda: ["-d60.1", f"{self.ruleset()} {self.text()}", f"/map {self.site.maps[0]} a", "-d60.0"],
            "translate": lambda: [f"translate,{self.ruleset()} {self.text()} $| {words(dice)}"],
            "chain": lambda: [f"{','.join(self.ruleset() for _ in range(dice.randint(2, 4)))} {self.text()}"],
            "long": lambda: [
                f"{self.ruleset()} {'.'.join(words(dice) for _ in range(dice.choice((30, 90, 200, 700))))}"
            ],
        }

    def ruleset(self) -> str:
        return self.dice.choice(self.site.rulesets)

    def text(self) -> str:
        return words(self.dice) if self.dice.random() < (0.6 if self.site.cf else 0.15) else address(self.dice)

    def address(self) -> str:
        return self.text() if self.dice.random() < 0.3 else address(self.dice)

    def key(self) -> str:
        ways = (self.text(), words(self.dice), self.dice.choice(DOMAINS), self.dice.choice(WORDS), address(self.dice))
        return self.dice.choice(ways)

    def host(self) -> str:
        return self.dice.choice((*DOMAINS, "nullmx.test", "local.test", self.text()))

    def traced(self) -> list[str]:
        level = self.dice.pick("trace", _LEVELS)
        return [f"-d21.{level}", f"{self.ruleset()} {self.text()}", f"3,0 {address(self.dice)}", "-d21.0"]


_KINDS_OF_PROMPTS = (
    *["ruleset"] * 10, *["3,0"] * 3, "/parse", "/parse", "/try", "/try", "/try", "/tryflags", "/map", "/map", "/map",
    "$=", "$", "/mx", "/canon", "=S", "odd", "odd", ".D", ".D", ".C", "-d21", "-d60", "translate", "chain", "long",
)  # fmt: skip


def prompts(site: Site, seed: str, count: int, counts: Counter[str]) -> list[str]:
    """Lines for one session of address test mode, ``count`` or a few more."""
    dice = Dice(f"prompts/{seed}/{site.name}", counts)
    session, found = _Session(site, dice), list[str]()
    while len(found) < count:
        found += session.makers[dice.pick("prompt", _KINDS_OF_PROMPTS)]()
    return [line.replace("\n", " ") for line in found]
