"""A sendmail.cf that uses every operator of rules, and what is asked of it in address test mode.

`BASE` is the configuration, `FILES` and `TABLES` what it reads. A case is what follows the configuration, and prompts;
most prompts are drawn, with a fixed seed, from words that are hard to take apart.
"""

from __future__ import annotations

import random
from typing import Any

HOST = "mail.example.org"
BASE = r"""V10/Berkeley
O OperatorChars=.:%@!^/[]+
O DontProbeInterfaces=True
O QueueDirectory=FOLDER/q
O AliasFile=FOLDER/aliases
O MaxMimeHeaderLength=256/128
Djmail.example.org
Cwlocalhost example.org
C{Town}york new.york x@y
C{None}
DTtown hall
DV
D{lone}solo
Tdaemon
Kplain hash -o FOLDER/table
Kwhole hash -o -f -a<found> FOLDER/table
Konly hash -o -m FOLDER/table
Kquoted hash -o -q -S_ FOLDER/table
Kgone hash FOLDER/gone
Kmaybe hash -o FOLDER/gone
Kfailing hash -TWAIT FOLDER/gone
Klist text -z: -k0 -v1 FOLDER/list
Kword regex -a=W ^[a-z]+$
Kpair regex -s1,2 -d: ^([a-z]*)\.([a-z]*)$
Knoword regex -n -aN ^[a-z]+$
Kcalc arith
Kkeep macro
Kbare dequote
Kbared dequote -s-
Kboth sequence maybe plain
Kbad sequence gone plain
Kperson user -m
Knothing null
Khost host -a.
Mlocal, P=/bin/true, F=lsDFMAw5:/|@q, S=FromLocal, R=ToLocal, T=DNS/RFC822/X-Unix, A=true $u
Mprog, P=/bin/true, F=lsDFMoq, D=/, A=true -c $u
Mesmtp, P=[IPC], F=mDFMuXa, S=EnvFrom/HdrFrom, R=EnvTo/HdrTo, E=\r\n, L=990, A=TCP $h
Mlower, P=[IPC], F=mDFM, A=TCP $h
S3
R$* < $* > $*	$2
R$+ @ $+	$: $1 < @ $2 >
Sparse=0
R$+ < @ $=w >	$#local $: $1
R$+ < @ refused >	$#error $@ 5.7.1 $: "550 5.7.1 refused: " $1
R$+ < @ later >	$#error $@ 4.3.0 $: 451 later
R$+ < @ word >	$#error $@ nouser $: no such $1
R$+ < @ bare >	$#error $: plain
R$+ < @ nohost >	$#esmtp $: $1
R$+ < @ nouser >	$#esmtp $@ x
R$+ < @ nomailer >	$#none $@ x $: $1
R$+ < @ $* . low >	$#lower $@ $2 $: $1 < @ $2 . low >
R$+ < @ $+ >	$#esmtp $@ $2 $: $1 < @ $2 >
R$+	$#local $: $1
S4
R$* < @ $+ > $*	$1 @ $2 $3
SFromLocal
R$*	$: from $1
SToLocal
R$*	$: to $1
SEnvFrom
R$+ < @ $+ >	$: $1 < @ env . $2 >
SHdrFrom
R$+	$: $1 $&{addr_type}
SEnvTo
R$*	$: $>HdrTo $1
SHdrTo
R$+ < @ old . $+ >	$1 < @ $2 >
Sany
R$* . $*	$@ <$1><$2>
R$* $*	$@ <$1><$2>
Ssome
R$+ . $+ . $-	$@ <$1><$2><$3>
R$+ $+	$@ <$1><$2>
Sone
R$- @ $-	$@ <$1><$2>
Sclass
R$* $={Town} $*	$@ <$1><$2><$3>
R$=w	$@ ours
R$~{Town} $*	$@ not <$1><$2>
Sempty
R$={None} $*	$@ in
R$~{None} $*	$@ out
Sspelled
R$* $&T $*	$@ <$1><$2>
R$* $&{lone} $*	$@ lone <$1><$2>
R$&V $*	$@ nothing <$1>
Sput
R$*	$@ $T | $&T | $&V | $&{lone} | $1
Scond
R$*	$@ $?T yes $T $| no $. $?V yes $| no $. $?{lone} a $?V b $| c $. $| d $. $1
Send
R$* end $@	$@ <$1>
R$@	$@ empty
Scase
R$* @ LITERAL . $*	$@ <$1><$2>
R"a b" $*	$@ quoted $1
Smeta
R$* $| $*	$@ <$1><$2>
R$* $$ $*	$@ dollar <$1>$$<$2>
Sonce
R$+ x $*	$: $1 y $2
R$+	$: $1 !
Sforever
R$+	$1 z
Sturns
Ra $*	b $1
Rb $*	a $1
Sdeep
R$*	$: $>deep $1
Sdeeper
R$+	$: $>step $1
Sstep
R$- $*	$: $1 $>deeper $2
Scalls
R$* , $*	$: $>one $1 , $>any $2
R$*	$: a $>nothere $1
Snumber
R$*	$: $>3 $1
Sdynamic
R$- $*	$: $> $1 $2
Sskip
R$*	$: x $>1 $1
S1
Slookup
R$*	$: $(plain $1 $: none $) | $(whole $1 $: none $) | $(only $1 $: none $) | $(quoted $1 $: none $)
Sdefault
R$*	$: $(plain $1 $) | $(plain $1 $: $) | $(plain $1 $: <$1> $)
Sargs
R$- $- $*	$: $(plain $1 $@ $2 $@ $3 $: none $)
R$*	$: $(plain $1 $: none $)
Sfails
R$*	$: $(gone $1 $: none $) | $(maybe $1 $: none $) | $(failing $1 $: none $)
Sunknown
R$*	$: $(nomap $1 $: none $)
Stext
R$*	$: $(list $1 $: none $)
Sexpr
R$*	$: $(word $1 $: no $) | $(pair $1 $: no $) | $(noword $1 $: no $)
Scompute
R$- $* $| $*	$: $(calc $1 $@ $2 $@ $3 $: none $)
R$- $- $-	$: $(calc $2 $@ $1 $@ $3 $: none $)
Sstore
R$- $*	$: $(keep {$1} $@ $2 $) kept $&{kept}
Sdequote
R$*	$: $(bare $1 $) | $(bared $1 $: no $)
Schain
R$*	$: $(both $1 $: none $) | $(bad $1 $: none $) | $(nothing $1 $: none $)
Sperson
R$*	$: $(person $1 $: none $)
Sname
R$*	$: $[ $1 $: none $]
Smailer
R$*	$# $1 $@ $1 $: $1
Sinner
R$*	$: $>pack $(plain $1 $: none $) $| $1
Spack
R$* $| $*	$@ packed <$1> <$2>
Smany
R$- $- $- $- $- $- $- $- $-	$@ $9 $8 $7 $6 $5 $4 $3 $2 $1
Sthird
R$* c $*	$@ $1 d $2	a third field
Stwo_cond
R$?T$* $=w$|$+$.	$@ <$1>
Stwo
R$* $| $*	$: $1 $| $2
Stranslate
R$* $$| $*	$: $1 $| $2
Scheck_rcpt
R$*	$: $>3 $1
R$* < @ $* . bad >	$#error $@ 5.7.1 $: "550 " $1
R$*	$: $(plain to: $1 $: ok $)
Rdiscard	$#discard $: discard
"""
FILES = {
    "list": "ann:first\nbob:two:three\n:none\nann:again\nempty:\n# x:y\nx y:blank\n",
    "aliases": "postmaster: root\n",
}
TABLES = {
    "table": 'ann\tann.x@far.example\nbob\t%0 and %1\nto:ann\tok\nto:c\tdiscard\nkey\tvalue with blanks\nq\t"quoted"\n'
    "two words\tblank\ntwo_words\tline\nJOE\tupper\nab\t%1%%%2%9%x\nc\t<a@b>\nparen\t(comment)\nopen\t<x\ndots\ta..b\n",
}
PASSWD = "root:x:0:0:root:/root:/bin/sh\nann:x:1001:1001:Ann Example,,,:/home/ann:/bin/sh\n"

_WORDS = (
    "a", "b", "x", "ann", "bob", "JOE", "Literal", "york", "new.york", "new", "x@y", "town", "hall", "solo", "key",
    "two", "words", ".", "@", "!", "%", "<", ">", "[", "]", "/", "+", ":", ";", "\"a b\"", "\"q", "(c)", "(", ")",
    "\\x",
    "\\", "$", "$|", "$#", "$@", "end", "localhost", "example.org", "refused", "later", "word", "12", "-3", "0x10",
    "010", "l", "=", "*", "a.b.c", "A.B", "far.example", "host.low", "\xe9t\xe9", "\x7f", "&", "|", "`", "'", "{", "}",
)  # fmt: skip
_RULESETS = [
    "any",
    "some",
    "one",
    "class",
    "empty",
    "spelled",
    "put",
    "cond",
    "end",
    "case",
    "meta",
    "once",
    "forever",
    "turns",
    "deep",
    "deeper",
    "calls",
    "number",
    "dynamic",
    "skip",
    "lookup",
    "default",
    "args",
    "fails",
    "unknown",
    "text",
    "expr",
    "compute",
    "store",
    "dequote",
    "chain",
    "person",
    "name",
    "mailer",
    "inner",
    "many",
    "third",
    "two_cond",
    "check_rcpt",
    "3",
    "parse",
    "4",
    "1",
    "2",
    "nothere",
]
_DOMAINS = (
    "refused", "later", "word", "bare", "nohost", "nouser", "nomailer", "HOST.low", "example.org", "Far.Example",
    "old.far.example", "localhost",
)  # fmt: skip
_USERS = ("ann", "Joe.X", '"a b"', "\\bob", "|prog", "/file", ":include:/x", "@x", "a+b", "", "x\x01y", "j\xf6")
_MAPS = [
    "plain",
    "whole",
    "only",
    "quoted",
    "gone",
    "maybe",
    "failing",
    "list",
    "word",
    "pair",
    "noword",
    "calc",
    "bare",
    "bared",
    "both",
    "bad",
    "person",
    "nothing",
]

# What is asked besides: settings, lists, and the commands with all that can be wrong with them.
_HAND = [
    ["=Sany", "=Scond", "=Smany", "=Stwo_cond", "=Slookup", "=Snone", "=M", "=", "=X", "$=w", "$={Town}", "$={None}",
     "$=m", "$T", "$V", "${lone}", "${none}", "$j", "$w", "$m", "$k", "$v", "${opMode}", "$", "${", "${}", "${a b}"],
    [".DTnew value # c", "put x", ".DT$&{lone}", "put x", ".DTa$|b", "meta x", ".D", ".", ".X", ".D{long}y z",
     "${long}", ".C{Town}paris rome", "class in paris", ".C{Town}$=w", "class localhost", ".C", ".Cw", "$={Town}"],
    ["-d21.1", "any a.b", "-d21.2", "spelled town hall", "put x", "-d21.3", "skip a", "-d21.4", "once a x b",
     "-d21.10", "class paris york", "-d21.12", "any a.b", "deeper a b", "-d21.14", "lookup ann", "-d21.0", "-d60.1",
     "lookup ann", "fails a", "name x.example", "-d60.0", "-", "-x", "-d21.0,60.0"],
    ["/", "/parse", "/parse ann@example.org", "/try", "/try esmtp", "/try none a@b", "/try esmtp a@b", "/tryflags",
     "/tryflags HS", "/try esmtp Ann (x) <a@b.c> (y)", "/try local ann", "/tryflags er", "/try esmtp a@old.b",
     "/map", "/map plain", "/map none a", "/map plain ann", "/map maybe a", "/map gone a", "/map failing a", "/x y",
     "/canon", "/mx", "/mx [10.0.0.1]", "/mx [x", "/canon [10.0.0.1]", "/TRY esmtp a@b", "#", "", "?", " any a.b"],
    ["any", "nothere a", "3,nothere,4 a@b", "3,,4 a@b", "100 a", "99 a", "-1 a", "0x3 a", "3x a@b", "any a , b.c, d",
     "any <a,b>,c", "any \"a,b\",c", "any a\\,b", "3,0 " + "a" * 250 + "@b", "3,0 " + "a" * 255, "3,0 " + "a" * 256,
     "any " + "." * 200, "any \x9ba", "any a\xffb", "any (c", "any )", "any <<a>", "any a>b<c", "any \"", "any \\"],
    ["/parse Ann Example <ann@example.org>", "/parse \"Ann\" (x) <ann@b>", "/parse g: a@b, c@d;", "/parse a::b",
     "/parse <<a@b>>", "/parse a<b", "/parse (a)b(c)", "/parse a, b <c@d>", "/parse \\a <b@c>", "/parse a@b (x",
     "/parse \"a@b", "/parse Ann. Ex <a@b>", "/parse :include:/etc/x", "/parse |/bin/x", "/parse /dev/null",
     "/parse " + "a" * 300, "/parse a\x01b@c", "/parse \"a\x01b\"@c", "/parse a@refused", "/parse a@later"],
    ["translate,two a $| b", "translate,meta a $| b $| c", "compute 7 / 2", "compute -7 / 2", "compute 7 / 0",
     "compute 9223372036854775807 + 1", "compute a l b", "compute 0x1f + 010", "store kept some thing", "store kept",
     "store {bad} x", "$&{kept}", "${kept}", "expr ab.cd", "expr \"a b\"", "args bob x y", "args ab 1 2 3", "args ann"],
]  # fmt: skip

# Lines that follow the configuration, most of them mistakes; what is said of them, and what becomes of it.
_LINES = [
    "Sx\nR$* $2\tx\n", "Sx\nR$+\t$2\n", "Sx\nR$=w $1\tx\n", "Sx\nR$*\t$* $+ $- $=w $~w\n",
    "Sx\nR$> $: $?V a $. $[ a\tx\n",
    "Sx\nR$-\t$( a $( b $) $)\n", "Sx\nR$-\t$( plain $1\n", "Sx\nRa\tb\tc $(\n", "Sx\nR\tb\n", "Sx\nRa\t\t\tb\n",
    "Sx\nRa b\n", "Sx=\nRa\tb\n", "Sx=12\nSx=13\nRa\tb\n", "S200\nRa\tb\n", "S%\nRa\tb\n", "Sany\nRa\tb\n", "Sy=0\n",
    "Sx\nR$- $- $- $- $- $- $- $- $- $-\tx\n", "Sx\nR$*\t$: $( keep a" + " $@ b" * 10 + " $)\n", "Sx\nR\"a\tb\n",
    "Sx\nRa # b\tc\n", "Sx\nRa\tb # c\n", "Sx\nRa\t$#local\n", "Sx\nR${toolongforanameofamacroatall}\tx\n",
    "D\n", "D{\n", "D{a\n", "D{a-b}c\n", "C\n", "C{}x\n", "Cx$={Town} $=w\n", "F\n", "Fx\n", "FxFOLDER/nofile\n",
    "Fx-o FOLDER/nofile\n", "FxFOLDER/list\n", "FxFOLDER/list %[^:]\n", "Fx\"FOLDER/list\n", "FxFOLDER\n", "Fx@LDAP\n",
    "Fxann@plain:x\n", "Fxann@hash:FOLDER/table\n",
    "O Nope=1\n", "O q=1\n", "O QueueSort=x\n", "O Timeout.x=1\n", "O Timeout.mail=1x\n", "O Milter=x\n", "Oz1\n",
    "OMxfoo\n", "O =x\n", "O\n", "O OperatorChars=.\n", "O MustQuoteChars=x\n", "O PrivacyOptions=goaway, needhelo\n",
    "O DontBlameSendmail=x\n", "O DefaultUser=nobodyatall\n", "O TrustedUser=nobodyatall\n",
    "O MaxMimeHeaderLength=1/1\n",
    "O DaemonPortOptions=Port=none, Family=x, Y=z\n", "O SmtpUTF8=1\n", "O AuthOptions=A,Q\n", "O EightBitMode=\n",
    "O DeliveryMode=z\n", "O SingleThreadDelivery=1\n", "O ConnectOnlyTo=x\n", "O AliasFile=none:x\n",
    "K\n", "Kx\n", "Kx none\n", "Kx hash\n", "Kx hash -Z /x\n", "Kx regex (\n", "Kx regex -s9 (a)\n", "Kx dns\n",
    "Kx dns -RX\n", "Kx sequence none\n", "Kx switch\n", "Kx syslog -Lx\n", "Kx user -v none\n", "Kx cdb /x\n",
    "M\n", "Mx\n", "Mx, P=/x\n", "Mx, A=x\n", "Mx, P=/x, A\n", "Mx, P=[TCP], A=x\n", "Mx, P=[IPC], A=x\n",
    "Mx, P=[IPC], A=x y\n", "Mx, P=[FILE], A=x\n", "Mx, P=[FILE], A=x y\n", "Mx, P=/x, A=x, Z=1\n",
    "Mx, P=/x, A=x, S=%\n", "Mx, P=/x, A=x, Q=none\n", "Mx, P=/x, A=x, U=nobodyatall\n", "Mx, P=/x, A=x, U=1:7\n",
    "Mx, P=/x, A=x, E=, D=, C=, /=\n", "Mx, P=/x, A=x $u, F=a b c, L=x, M=7, r=3, T=a/b/c, W=1x\n",
    "Q\n", "Qx, P=\n", "Qx, Z=1\n", "Qx, P\n", "X\n", "Xx\n", "Xx, S=x:y\n", "Xx, S=inet:y\n", "Xx, S=unix:/x, T=Z:1\n",
    "Xx, S=unix:/x, Z=1\n", "H\n", "Hx\n", "H?\n", "H?x?y: z\n", "H?$x?y: z\n",
    "Hx: $>\n", "Hx: $>any\n", "P\n", "Px\n", "Px=1\n", "V\n", "Vx\n", "V11\n", "V10/X\n", "V9\n", "V6\n", "T\n", "E\n",
    "Ex=y\n", "Lx\n", "x\n", "\xe9\n", " x\n", "$x\n", "DjShort\n",
]  # fmt: skip
_AFTER = ["=Sx", "x a b", "any a.b", "$=x", "$x", "=M"]


def _text(draw: random.Random) -> str:
    count = draw.choice((1, 1, 2, 2, 3, 4, 5, 7, 9))
    return draw.choice(("", " ", " ")).join(draw.choice(_WORDS) for _ in range(count)) or "a"


def _prompt(draw: random.Random) -> list[str]:
    kind = draw.random()
    if kind < 0.6:
        return [f"{draw.choice(_RULESETS)} {_text(draw)}"]
    address = f"{draw.choice(_USERS)}@{draw.choice(_DOMAINS)}"
    if kind < 0.7:
        return [f"3,0 {draw.choice((address, _text(draw)))}"]
    if kind < 0.8:
        return [f"/parse {draw.choice((address, _text(draw)))}"]
    if kind < 0.9:
        flags = draw.choice(("HS", "HR", "ES", "ER"))
        return [f"/tryflags {flags}", f"/try {draw.choice(('local', 'esmtp', 'lower', 'prog'))} {address}"]
    return [f"/map {draw.choice(_MAPS)} {_text(draw)}"]


def sessions(seed: str, count: int, size: int) -> list[list[str]]:
    """Prompts, ``count`` sessions of about ``size``, the same for the same seed."""
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        prompts: list[str] = []
        while len(prompts) < size:
            prompts += _prompt(draw)
        found.append([prompt for prompt in prompts if not prompt.startswith("/quit")])
    return found


# What tests/live/compare_draws.py has found: calls and lookups left in a workspace, comments without room,
# names that no one can be asked for, and what is printed of bytes and metasymbols.
_MAPS_WITH_LETTERS = ("bestmx", "hash", "user", "text", "null", "switch", "stab", "program", "host")
_DRAWN: list[dict[str, Any]] = [
    {
        "text": "Sleft\nR$*\t$: $(word $>seen $(word $$ b $) q $: d $) $1\nSseen\nR$* q\t$: <$1>\nR$* z\t$@ z $1\n",
        "prompts": ["left a", "left q", "left z", "left", "-d21.12", "left a"],
    },
    {
        "text": 'Stwice\nR$*\t$: $> "one" $1 $> "no such" $2 $> one\n',
        "prompts": ['dynamic "a b" x', 'dynamic "  ab c" x', 'dynamic " +a b" x', 'dynamic "a+ b" x', 'dynamic "3 x" y',
                    "twice a", "-d21.3", 'dynamic "99 x" b', 'dynamic "skip x" b', 'dynamic "1 x" b'],
    },
    {
        "text": "S4\nRpre $*\t$# prog $@ $1\n",
        "prompts": ["/parse pre.x", "/parse pre." + "x" * 243, "/try esmtp pre.x", "4 pre.x"],
    },
    {
        "text": "",
        "prompts": ['/parse <a@b> "x', '/parse a <b@c> "x"', '/parse a@b <c@d>"', '/parse a@b <c@d> x (y',
                    '/parse a.b "x" <c@d> y"', '/parse a@b (x) <c@d> "y" z', "/parse a:b (" + "x" * 240 + ") (d e)",
                    "/parse a@b (" + "x" * 235 + " a b c d e f g (x y (z))))"],
    },
    {
        "text": "Kbest bestmx\n",
        "prompts": ["/map best a..b", "/map best .b", "/map best ..", "/map best " + "x" * 70 + ".c",
                    "/map best [1.2.3.4]", "/map best [x", "${deliveryMode}", "${quarantine}", "${load}", "$&{x}"],
    },
    {
        "text": "Ka syslog -k0 -v1\nKb syslog -v1 -L7\nKc syslog -D-v\nKd syslog -Sx-v -S -v\nKe syslog -L -v\n"
        "Kf syslog -o -m -a.x -q\nKg syslog - -v\nKi syslog -k-v-Lbar\n",
        "prompts": [],
    },
    {"text": "Ka dns -RX\nKb dns -RX -a.\nKc dns -RA+-k0 -v1\nKd dns -R X  -a. -k\nKf dns -RX\t-a.\n", "prompts": []},
    {"text": "S-bad\nR$&{aa}$&{bb}$&{opMode}$&{load_avg}\tx\nO Don\x80tProbe=1\nFx/no\x80file\n", "prompts": []},
    # A field that is wrong behind its condition; an option without a letter; a text that is cut where a blank follows.
    {
        "text": "H?F?Resent-\nH?F?\nH??\nH?F?X Y: z\nH?F? X: y\nH?F\nHX Y\nH?${x}?X\n"
        + "".join(f"Kk{kind} {kind} -\n" for kind in _MAPS_WITH_LETTERS),
        "prompts": [],
    },
    {
        "text": "Scut\nR$+\t$@ $(plain nokey $: x $1 > $)\n",
        "prompts": [f"cut {'y' * more} {'12 ' * 90}" for more in range(1, 8)],
    },
]  # fmt: skip
CASES: list[dict[str, Any]] = [
    *({"text": "", "prompts": prompts} for prompts in _HAND),
    *({"text": "", "prompts": prompts} for prompts in sessions("rules", 10, 60)),
    *({"text": text, "prompts": _AFTER} for text in _LINES),
    {"text": "V11/Berkeley\nF{Town}@LDAP\n", "prompts": ["$v", "?", "$={Town}"]},  # versions differ in these
    {"text": "V9/Berkeley\n", "prompts": ["$v"]},
    *_DRAWN,
]


def cut(text: str) -> list[str]:
    """What was printed before the first prompt, and after each; a prompt may follow another at once."""
    answers = [""]
    for line in _lines(text):
        while line.startswith("> "):
            answers.append("")
            line = line[2:]
        answers[-1] += line
    return answers


def _lines(text: str) -> list[str]:
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
