"""Configurations and command lines on which our postconf and the real one are compared.

A case is a main.cf, a master.cf and postconf's arguments. Those of `fixed` are written by hand, `random_case` makes
more. All run as ``postconf -c . ARGUMENTS`` in a folder of their own.
"""

from __future__ import annotations

import random
import shlex
from typing import NamedTuple

SITE = "myhostname = mail.example.com\nmydomain = example.com\nmynetworks = 127.0.0.0/8\n"


class Case(NamedTuple):
    main: str
    master: str
    arguments: list[str]


def case(main: str = "", master: str = "", arguments: str = "-n") -> Case:
    return Case(main, master, shlex.split(arguments))


VALUES = """\
a$$b
a$
$ x
$myhostname.x
$myhostname_x
$(myhostname)x
${myhostname?yes}
${empty?yes}
${empty:{no}}
${nope?{x}:{y}}
|${nope? {x} : y }|
|${nope:{ a }}|
${myhostname?a:b}
${myhostname?{a}{b}}
${myhostname?{a}:{b}c}
|${ref?yes}|${ref:no}|
${my-host}
${$foo}
${foo${foo}}
${}
${ }
${myhostname
${myhostname?{a}
${myhostname?a}b}
${foo bar} ${foo bar} $-
${foo bar} $foo $-
$(foo?{a)b})
${{a} == {a}}
${{10} < {9}?{y}:{n}}
${{a10} >= {a9}?{y}:{n}}
${{01}=={1}?{x}:{y}}
${{9223372036854775807}=={9223372036854775808}?{x}:{y}}
${{A} == {a}?{x}:{y}}
${{$foo} == {FOO} ? y : n }
${{a}}
${{a} = {b}?{c}}
${{a} == b?{c}}
${{a} == {a}{b}}
${{3.6} <=level {3.7}?{y}:{n}}
${{3.10} >level {3.9}?{y}:{n}}
${{x} >=level {4}?{y}:{n}}
${{3.6} >=lev {x}?{y}:{n}}
${{3.1023} ==level {3.1024}?{y}:{n}}
${{+3} ==level {3.0.0}?{y}:{n}}
${{${{x} <level {3}?a}} == {}?{y}:{n}} x
${aé}$é
$self
$left
${deep?{$ref}:{$foo}}
"""
NAMES = "foo = FOO\nempty =\nref = $empty\nself = $self\nleft = $right\nright = $left\ndeep = ${foo?{$ref}:{10}}\n"

MAINS = [
    "",
    "# only a comment",
    "myhostname = a\n  # comment\n  more\n# c2\n\n   andmore\n",
    " lead = 3\n more\nmyorigin = x\n",
    "myhostname\n #c\n b\n",
    "a b = 3\n",
    "= x\n",
    "myorigin\n = 3\nmyorigin = b\n\tc\n",
    "myorigin = a\0b\n c\nmydomain=b\n",
    "myorigin = a \t \v\r\nmydomain \v\r\t = x\r\n",
    "myorigin = a  \t   b\t\n   \n   c\n",
    "myorigin=\u00e4\udcff b\nmy\u00e4=3\n",
    "{myorigin = b}\n{ x = 1 }\n",
    "foo=1\nfoo=1\nbar=\nbar=x\n",
    "config_directory=/x\nprocess_name=z\nservice_name=4\n",
    "unk=$unk2\nunk3=3\nmyorigin=$unk $unk4\n",
    "smtpd_restriction_classes=a,b c{d} $q\na=1\nb=$zz\nc=3\nq=r\n",
    "alias_maps=ldap:foo, proxy:mysql:bar {pgsql:x {sqlite:y}z memcache:q\nfoo_domain=1\nfoo_bogus=2\nbar_hosts=3\n"
    "x_table=4\ny_query=$u\nq_ttl=9\nxq_ttl=8\n",
    "alias_maps = ldap:./none.cf mysql:/nonexistent/x.cf mysql:/nonexistent/x.cf\n",
    "virtual_maps=$zz ldap:foo\nfoo_domain=2\nfallback_relay=x\n",
    "mailbox_command=$user $HOME\nforward_path=$home/.f$-\ndefault_rbl_reply=$rbl\n",
    "myorigin=$a$-y$b\n",
    "unk=$a$-y$b\nu2=$unk\n",
    "mynetworks_style = foo\n",
    "mynetworks_style = foo\nmynetworks = x\n",
    "mynetworks_style = ${mydomain}host\n",
    "inet_protocols = foo, ipv4\n",
    "compatibility_level = x\n",
    "compatibility_level = 3.6 \nmyhostname = a.$mydomain\n",
    "mydomain = x.$foo\nfoo = $myhostname\n",
    "mydomain = $$ {\n",
    "forward_path = " + "x" * 58 + " bbbb c\nmyorigin = " + "y" * 90 + " z\n" + "relayhost = " + "w " * 60 + "\n",
    "".join(f"u{n} = {n}\n" for n in range(40)),
    "".join(f"v{n} = $w{n}\n" for n in range(30)),
    "a0 = x\n" + "".join(f"a{n} = $a{n - 1}$a{n - 1}\n" for n in range(1, 8)) + "myorigin = $a7\n",
    "".join(f"p{n} = $p{n + 1}\n" for n in range(1, 98)) + "p98 = end\nmyorigin = $p1\n",
    "".join(f"p{n} = $p{n + 1}\n" for n in range(1, 101)) + "p101 = end\nmyorigin = $p1\n",
]

MASTERS = [
    "smtp inet n - n - - smtpd\n",
    "smtp inet n - n - -\n",
    "smtp foo n - n - - smtpd\n",
    "smtp inet x - n - - smtpd\n",
    "smtp inet n - n 10? x smtpd\n",
    "smtp inet n - n ? 1 smtpd\n",
    "x unix - - - - - smtpd - c=d -o e=f\ny unix - - - - - smtpd -- -o a=b\n",
    " smtp inet n - n - - smtpd\nx unix - - - - - y\n",
    "smtp inet y y y 10? 0 smtpd -o a=b -oc=d -o {e = f g} -o { h = i } x y {z z}\n",
    "x unix - - - - - smtpd -o a -v -D\n  -o myorigin=$foo {-o x = y} {-v} -vo b=c\n",
    "x unix - - - - - smtpd -osmtpd_tls_wrappermode=yes -aoboc=3 -o{ foo = bar } -v{o o}\n",
    "x unix - - - - - smtpd -o {a} -o {=b} -o {a=b}{c=d} -o {{a=b}} -o {a={b c}} -o {a= x {b\n",
    "x unix - - - - - smtpd -o a={b -o {c= {d} e } -o c=$a -o { a = $b } -o c= -o {d=}\n",
    "x unix - - - - - {smtpd  y} {} { }\n{sm tp} inet - - - - - y{z z} y{z z}\n",
    "a-very-long-service-name unix-dgram n n - 1000000? 1000000 spawn user=x and a very long list of arguments that "
    "must be folded somewhere -o a=b -- and more\n"
    "bar inet - - - - 0 smtpd -v -v -v -v -v -v -v -v -v -v -o b=$mydomain -o " + "a" * 70 + "=1 " + "-v " * 40 + "\n",
    "x unix - - - - - spawn\ny unix - - - - - pipe\nz inet - - - - - smtp\nw unix - - - - - discard\n",
    "smtp inet n - n - - smtpd -o x=$process_name -o y=$service_name -o smtpd_restriction_classes=c -o c=permit\n",
    "x unix - - - - - smtpd -o foo=1\nx unix - - - - - smtp -v -o bar=2\nx unix - - - - - lmtp\n",
]

EDITS = [
    (
        "# c\na = 1\n  2\n# inner\n  3\n\nb = 2\na=4\n x\n",
        ["-e a=9 c=7", "-X a", "-# a b", "-e q=1 w=2 e=3 r=4 t=5 y=6 b= a="],
    ),
    ("  x\na = 1\nb\n", ["-e x=2 b=3", "-X x a", "-e 'a=x  y ' ' d= e'", "-e a=1 a=2", "-e a=2 b", "-# 'a '"]),
    ("a=1\r\nb=2\r\n", ["-e a=4", "-e '#b=3'", "-X ''", "-X", "-e", "-e '=x'", "-e ' x y'", "-X a=1", "a=2", "-#"]),
]
MASTER_EDITS = (
    "# c\nsmtp inet n - n - - smtpd\n  -o a=b -v\n# in\n\n  xx\n  -o c=d\n# after\nsmtp unix - - n - - smtp\n",
    [
        "-Me 'smtp/inet=smtp inet y - n - - smtpd -v -o x=y'",
        "-Me 'foo/inet=foo inet y - n - - smtpd -v -o {x=y z} {a b}' 'x/unix=smtp unix - - - - - lmtp'",
        "-Me smtp/inet=bar",
        "-Me 'smtp/*=bar unix - - - - - x'",
        "-MX smtp/inet",
        "-M# '*/*'",
        "-MX nosuch/inet smtp",
        "-MX nosuch/inet smtp=x",
        "-MX 's*p/inet'",
        "-M# 'smtp/**'",
        "-Fe 'smtp/inet/ch*=y'",
        "-Pe '*x/inet/a=y'",
        "-PX 'smtp/inet/*a'",
        "-M# nosuch/inet smtp/inet=x",
        "-PX smtp/inet/a smtp/inet/q=x",
        "-Pe smtp/inet/a=3 '*/*/q=4'",
        "-Pe 'smtp/inet/q=3 4'",
        "-PX smtp/inet/a smtp/inet/zz no/inet/x",
        "-PX 'smtp/inet/*'",
        "-Fe smtp/inet/chroot=y smtp/unix/service=foo smtp/unix/type=inet",
        "-Fe smtp/inet/chroot=x",
        "-Fe 'smtp/unix/command=foo -v -oa=b {x y}' smtp/inet/wakeup=7?",
        "-Fe smtp/unix/nosuch=x",
        "-Fe 'smtp/unix/chroot=a b'",
        "-Fe no/unix/chroot=y smtp/unix/process_limit=",
    ],
)
OPTIONS = """\
-Q
-d -n
-h -M
-M -P
-hH
-C foo
-C 'user, service'
-C
-o foo
-o =b
-d -o a=b
-e -x
-b -t
-a -l
-l
-a
-A
-T nosuch
-M a/b/c
-F a/b/c/d
-F x/y/z
-P a/b/c/d
-M x y/z '*/inet'
-M smtp '*x'
-F 's*p/inet'
-P 'x/y/a*'
-o 'myorigin = a b ' myorigin
-o nosuch=1 -n
nosuch myorigin nosuch
-H myorigin
-fh myorigin
-n -x -- -v
"""
SHOWN = ["-M", "-Mf", "-Mx", "-P", "-Px", "-F", "-Ffx", "-Fh", "-n", "-C service", "-nx"]


def fixed() -> list[Case]:
    """The cases that are written by hand."""
    found = [Case(NAMES + SITE + f"myorigin = {value}\n", "", ["-xh", "myorigin"]) for value in VALUES.splitlines()]
    found += [case(main, MASTERS[0], arguments) for main in MAINS for arguments in ("-n", "-nx", "-nfH", "-h myorigin")]
    found += [case("foo = 1\n" + SITE, master, shown) for master in MASTERS for shown in SHOWN]
    found += [case(main, MASTERS[0], arguments) for main, edits in EDITS for arguments in edits]
    found += [case(SITE, MASTER_EDITS[0], arguments) for arguments in MASTER_EDITS[1]]
    found += [case(SITE + "myorigin = x\n", MASTERS[8], arguments) for arguments in OPTIONS.splitlines()]
    return found


BUILTIN = [
    *("myhostname", "mydomain", "myorigin", "mydestination", "relayhost", "always_bcc", "forward_path", "alias_maps"),
    *("smtpd_restriction_classes", "header_checks", "transport_maps", "virtual_maps", "relay_domains", "x_time_limit"),
    *("smtpd_client_restrictions", "process_name", "config_directory", "mail_name"),
]
USERS = ["foo", "bar", "a", "b", "c1", "foo_domain", "foo_query", "aa.b", "\u00e9", "Xy", "qu_ux"]
WORDS = [
    *("x", "yes", "$foo", "$bar", "${a}", "${b?x}", "$mydomain", "${foo:{z}}", "ldap:foo", "proxy:mysql:foo"),
    *("hash:/x", "{ldap:foo b}", "c1", "a,b", "3", "#x", "=", "{", "}", '"q', "\u00e9", "$myhostname", "a" * 42),
    *("b" * 24, "$nope", "$$"),
]
ARGUMENTS = [
    *("-v", "-D", "-o", "-o a=b", "-o foo=$bar", "-ofoo=x", "-o {bar = x y}", "-o{a=c}", "-vo b=$a", "user=x", "{a b}"),
    *("{", "}", "x", "--", "-o myorigin=$foo", "-o smtpd_restriction_classes=c1", "-o alias_maps=ldap:foo"),
    *("-o foo_domain=1", "{-v}", "argv={x y}", "-o {= b}", "-o {x", "long-argument-number-one", "$mydomain"),
]
FIELDS = ["service", "type", "private", "unprivileged", "chroot", "wakeup", "process_limit", "command", "*", "bogus"]


def random_case(dice: random.Random) -> Case:
    main, master = _main(dice), _master(dice)
    kind = dice.randrange(3)
    arguments = [_show, _edit_main, _edit_master][kind](dice)
    return Case(main, master, arguments)


def _value(dice: random.Random) -> str:
    between = dice.choice([" ", " ", "  ", "\t", ", ", "\n  ", "\n\t# c\n ", "\n#\n\n  "])
    return between.join(dice.choice(WORDS) for _ in range(dice.randrange(5)))


def _main(dice: random.Random) -> str:
    lines = []
    for _ in range(dice.randrange(9)):
        at = dice.random()
        if at < 0.1:
            lines.append(dice.choice(["# comment", "", "   ", "  # ind", "#x = y"]))
        elif at < 0.13:
            lines.append(dice.choice(["noeq", "= x", " lead", "a b = c", "noeq\n  = x", " lead = 3\n more"]))
        else:
            name = dice.choice(BUILTIN + USERS)
            lines.append(name + dice.choice([" = ", "=", " =", "= ", "\t=\t"]) + _value(dice))
    return "\n".join(lines) + dice.choice(["\n", "\n", "\n\n"])


def _entry(dice: random.Random) -> str:
    name = dice.choice(["smtp", "x", "foo", "a.b", "127.0.0.1:25", "a-very-long-name", "\u00e9"])
    kind = dice.choice(["inet", "unix", "unix", "fifo", "pass", "unix-dgram"])
    flags = [dice.choice("-yn") for _ in range(3)]
    limits = [dice.choice(["-", "10", "10?", "0", "?"]), dice.choice(["-", "1", "100000000"])]
    command = dice.choice(["smtpd", "smtp", "spawn", "pipe", "local", "$mydomain", "{p q}"])
    text = " ".join([name, kind, *flags, *limits, command])
    for _ in range(dice.randrange(7)):
        text += dice.choice([" ", " ", "\n  ", "\n # c\n  ", "\t", "\n\n  "]) + dice.choice(ARGUMENTS)
    return text


def _master(dice: random.Random) -> str:
    lines = []
    for _ in range(dice.randrange(5)):
        at = dice.random()
        if at < 0.15:
            lines.append(dice.choice(["# c", "", "  ", "#x"]))
        elif at < 0.18:
            lines.append(dice.choice(["x", "x unix", " lead", "x unix - - - - -", "x unix - - - - 1x smtpd"]))
        else:
            lines.append(_entry(dice))
    return "\n".join(lines) + dice.choice(["\n", "\n", "\n\n"])


def _service(dice: random.Random) -> str:
    name = dice.choice(["smtp", "x", "foo", "*", "a.b", "\u00e9", "zz"])
    return name + "/" + dice.choice(["inet", "unix", "unix", "*", "fifo"])


def _show(dice: random.Random) -> list[str]:
    mode = dice.choice(["", "-n", "-n", "-n", "-M", "-F", "-P", "-nx", "-Mx"])
    options = [mode] if mode else []
    options += [option for option, chance in (("-f", 0.4), ("-x", 0.2)) if dice.random() < chance]
    if dice.random() < 0.15:
        options.append(dice.choice(["-h", "-H"]))
    if dice.random() < 0.15:
        options += ["-C", dice.choice(["user", "service", "builtin", "all", "user,service", "bad", " user"])]
    if dice.random() < 0.1:
        options += ["-o", dice.choice(BUILTIN + USERS) + "=" + _value(dice).replace("\n", " ")]
    if not mode or (mode == "-n" and dice.random() < 0.2):
        options += [dice.choice(BUILTIN[2:] + USERS + ["nosuch"]) for _ in range(dice.randrange(1, 4))]
    elif mode[1] in "MFP" and dice.random() < 0.5:
        ends = {"M": [""], "F": ["", "/" + dice.choice(FIELDS)], "P": ["", "/" + dice.choice(USERS)]}[mode[1]]
        options += [_service(dice) + dice.choice(ends) for _ in range(dice.randrange(1, 3))]
    return options


def _edit_main(dice: random.Random) -> list[str]:
    action = dice.choice(["-e", "-e", "-X", "-#"])
    names = dice.sample([*BUILTIN, *USERS, "nosuch", "noeq", "#x", "", "a b"], dice.randrange(1, 4))
    if action != "-e":
        return [action, *names]
    return [action, *(name + dice.choice([" = ", "="]) + _value(dice).replace("\n", " ") for name in names)]


def _edit_master(dice: random.Random) -> list[str]:
    mode = dice.choice("MFP")
    action = dice.choice({"M": "eeX#", "F": "e", "P": "eeX"}[mode])
    out = [f"-{mode}{action}"]
    for _ in range(dice.randrange(1, 4)):
        request = _service(dice)
        value = " ".join(_entry(dice).split("\n"))
        if mode == "F":
            field = dice.choice(FIELDS)
            request += "/" + field
            value = dice.choice(["y", "n", "-", "10", "10?", "inet", "foo", "smtpd -v {a b} -oq=r", "x y"])
        elif mode == "P":
            request += "/" + dice.choice([*USERS, "*", "myorigin"])
            value = dice.choice(["x", "", "x y", "{x}", "a=b", "$foo"])
        out.append(f"{request}={value}" if action == "e" else request)
    return out
