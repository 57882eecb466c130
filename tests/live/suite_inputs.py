"""Questions at random for the test programs of src/util and src/global; each is made by a form, which is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple


class Question(NamedTuple):
    """A call of the program ``name``; ``forms`` are what its parts are."""

    name: str
    arguments: tuple[str, ...]
    lines: tuple[str, ...]
    forms: tuple[str, ...]


PATTERNS = {
    "address": ("10.0.0.1", "192.0.2.1", "[10.0.0.1]", "[2001:db8::1]", "[::1]", "010.0.0.1"),
    "network": ("10.0.0.0/8", "[10.0.0.0]/8", "[2001:db8::]/32", "[10.0.0.0/8]", "0.0.0.0/0", "[::]/0", "10.0.0.0/08"),
    "no network": ("be/be", "ab/12", "1/2", "0/0", "10.0.0.0/33", "10.0.0.0/255.0.0.0", "10.0.0.1/8", "10.0.0.0/a"),
    "no address": ("300.1.1.1", "10.0.0", "1.2.3.4.5", "[2001:db8::", "[10.0.0.1", "[be]", "[::1]x", "[::1]/129", "[]"),
    "name": ("example.com", "Example.COM", "localhost", "unknown", "com", "été.example", "be", "a", "x.y"),
    "dot name": (".example.com", ".com", "..", "."),
    "table": ("inline:{example.com=x}", "inline:{.example.com=x, 10.0.0.1=y}", "static:x", "cidr:{{10.0.0.0/8 x}}"),
    "pattern table": ("regexp:{{/^10/ x}}", "regexp:{{/example/ x}}", "regexp:{{!/^10/ x}}"),
    "failing table": ("fail:all", "nosuch:type", "10.0.0.1:25", "ipv6:::1"),
    "missing file": ("/nonexistent/file",),
    "ends the program": ("::1", "hash:", "!", ":x"),
    "comment": ("#x",),
    "braces": ("{ example.com }", "{example.com"),
}
NAMES = (
    "example.com",
    "a.example.com",
    "x",
    "unknown",
    "foo",
    "été.example",
    "É.EXAMPLE",
    "localhost",
    "be/be",
    "10.0.0.1",
    "",
)
ADDRESSES = (
    "10.0.0.1",
    "10.0.0.2",
    "192.0.2.1",
    "::1",
    "2001:db8::1",
    "2001:DB8::1",
    "::ffff:10.0.0.1",
    "unknown",
    "x.x",
)


def _pattern(chance: Random, forms: list[str]) -> str:
    form = chance.choice(list(PATTERNS))
    forms.append(form)
    if chance.random() < 0.2:
        forms.append("excluded")
        return "!" * chance.choice((1, 1, 2)) + chance.choice(PATTERNS[form])
    return chance.choice(PATTERNS[form])


def pattern_list(chance: Random) -> Question:
    forms: list[str] = []
    name = chance.choice(("namadr_list", "namadr_list", "namadr_list", "string_list", "domain_list"))
    patterns = chance.choice((", ", " ", ",\t")).join(_pattern(chance, forms) for _ in range(chance.randint(1, 3)))
    asked = (chance.choice(NAMES), chance.choice(ADDRESSES))[: 2 if name == "namadr_list" else 1]
    return Question(name, (patterns, *asked), (), (name, *forms))


_ATOMS = ("a", "b", "aa bb", '"aa bb"', "{a}", "{a b}", "x{y}z", "a\\ b", '"a=b"', "é", "A", "c", '"', "=", ",", "  ")
_PAIRS = {
    "bare": "%s=%s",
    "in braces": "{%s=%s}",
    "with blanks": "{ %s = %s }",
    "bare with blanks": "%s = %s",
    "braces within": "{{%s=%s}}",
    "text behind": "{%s=%s}x",
    "no equal sign": "{%s %s}",
    "empty": "{%.0s%.0s}",
}


def inline(chance: Random) -> Question:
    chosen = [chance.choice(list(_PAIRS)) for _ in range(chance.randint(0, 3))]
    pairs = [_PAIRS[form] % (chance.choice(_ATOMS), chance.choice(_ATOMS)) for form in chosen]
    outer = chance.choice(("{%s}", "{%s}", "{ %s }", "%s", "{%s}x", "{%s"))
    table = "inline:" + outer % chance.choice((",", " ", ", ")).join(pairs)
    keys = ("a", "b", "{a}", "x{y}z", "A", "c", "é", '"a', "{")
    flags = chance.choice(((), ("fold_fix",)))
    return Question("dict_open", (table, "read", *flags), tuple(f"get {key}" for key in keys), tuple(chosen))


_RULES = {
    "cidr": ("10.0.0.0/8 a", "!10.1.0.0/16 b", "192.0.2.1 c", "2001:db8::/32 d", "::/0 e", "if 10.0.0.0/8", "endif"),
    "regexp": ("/^a/ A", "!/b$$/ B", "/(.)(.)/ $1$2", "/x/i X", "if /a/", "endif", "/(/ bad", "/y/"),
}
_RULES["pcre"] = (*_RULES["regexp"], "/(?<!a)b/ B2", "/^(?:a|x)(.)/ ${1}z", "/a b/x AB", "/\\d+$$/ n", "/(?i)Y$/ $0")
_TABLE_KEYS = {
    "pcre": ("a", "ab", "xy", "X", "b", "y", "12"),
    "cidr": ("10.1.2.3", "10.2.3.4", "192.0.2.1", "2001:db8::1", "::1", "foo"),
    "regexp": ("a", "ab", "xy", "X", "b"),
}


def rules(chance: Random) -> Question:
    kind = chance.choice(list(_RULES))
    table = ", ".join(f"{{{chance.choice(_RULES[kind]).replace('$$', '$')}}}" for _ in range(chance.randint(1, 5)))
    return Question(
        "dict_open", (f"{kind}:{{{table}}}", "read"), tuple(f"get {key}" for key in _TABLE_KEYS[kind]), (kind,)
    )


_LETTERS = ("a", "\u0394\u03b7", "\u00e9", "\udc80\udc80", "\udcc3", "a\udcff", "\udced\udca0\udc80", "\u20ac")
_OF_LETTERS = (
    "inline:{{%s=%s}}",
    "static:%.0s%s",
    "regexp:{{/%s/ %s}}",
    "pcre:{{/%s/ %s}}",
    "unionmap:{inline:{%s=%s}}",
)


def letters(chance: Random) -> Question:
    """Keys and values that are UTF-8, and others, as daemons ask tables (smtputf8_enable)."""
    form = chance.choice(_OF_LETTERS)
    table = form % (chance.choice(_LETTERS), chance.choice(_LETTERS))
    keys = tuple(f"get {chance.choice(_LETTERS)}" for _ in range(4))
    return Question("dict_open", (table, "read", "fold_fix,utf8_request"), keys, (form.partition(":")[0],))


_SINGLE = ("inline:{a=b}", "inline:{b=c, c=}", "static:s", "fail:f", "inline:{s=x}", "regexp:{{/^./ r$0}}")


def combined(chance: Random) -> Question:
    kind = chance.choice(("unionmap", "pipemap", "randmap"))
    members = ("same", "same") if kind == "randmap" else [chance.choice(_SINGLE) for _ in range(chance.randint(0, 3))]
    table = f"{kind}:{{{','.join(members)}}}" + chance.choice(("", "", "", "x"))
    return Question("dict_open", (table, "read"), ("get a", "get b", "get c", "get d"), (kind,))


_LOCALS = (
    "a",
    "a b",
    "a.b",
    ".a",
    "a..b",
    "a.",
    'a"b',
    "a\\b",
    "a@b",
    "a!b",
    "a%b",
    "é",
    "a(b)",
    "a,b",
    "<a>",
    "-a",
    "a+x",
    "a b+x",
    "[a]",
    "a:b",
    "a;b",
    "'a'",
    "{a}",
)
_DOMAINS = (
    "example.com",
    "EXAMPLE.com",
    "sub.example.com",
    "localhost.localdomain",
    "localdomain",
    "b",
    "[192.0.2.1]",
    "é.example",
)


def quoting(chance: Random) -> Question:
    local, domain = chance.choice(_LOCALS), chance.choice(_DOMAINS)
    form = chance.choice(("quote", "unquote"))
    at = chance.choice(("@" + domain, "@" + domain, ""))
    written = f'"{local}"' if form == "unquote" and chance.random() < 0.5 else local
    return Question("quote_822_local", (), (f"{form} {written}{at}",), (form,))


_KEYS = (
    "a@example.com",
    '"a b"@example.com',
    "@example.com",
    "a",
    '"a b"',
    "a+x@example.com",
    '"a b+x"@example.com',
    "@sub.example.com",
    '"a@b"@b',
    "a.@b",
    '"a."@b',
    "a@localdomain",
    '"é"@b',
)


def finding(chance: Random) -> Question:
    keys = chance.sample(_KEYS, 4)
    table = "inline:{" + ", ".join(f"{{{key}=r{number}@x.example}}" for number, key in enumerate(keys)) + "}"
    lines = [f"maps {table}" + chance.choice(("", " fail:f", " regexp:{{/b@/ re}}"))]
    for _ in range(4):
        query = chance.choice(("external", "external-first"))
        address = f"{chance.choice(('a', 'a b', 'a+x', 'a b+x', 'a.', 'c', 'a@b', 'é'))}@{chance.choice(_DOMAINS[:6])}"
        lines.append(f"test internal:{query}:{chance.choice(('internal', 'external'))}:default:{address}")
    return Question("mail_addr_find", (), tuple(lines), tuple(line.split(":")[1] for line in lines[1:]))


_HOPS = (
    "a=ch:hop",
    "example.com=ch:",
    ".example.com=ch2:h",
    "*=star:",
    "b=:only",
    "a@example.com=one:x",
    '{"a b"@example.com=q:y}',
    "a+x@b=ext:z",
    "localhost.localdomain=l:",
)


def routing(chance: Random) -> Question:
    table = "inline:{" + ", ".join(chance.sample(_HOPS, chance.randint(1, 5))) + "}" + chance.choice(("", " fail:f"))
    addresses = [f"{chance.choice(('a', 'a b', 'a+x', 'c'))}@{chance.choice(_DOMAINS[:6])}" for _ in range(4)]
    return Question(
        "transport",
        (table,),
        tuple(f"{address}:x:y" for address in addresses),
        ("wildcard" * ("*=" in table) or "none",),
    )


_MASQUERADE = (
    "example.com",
    "!example.com",
    "sub.example.com",
    "com",
    "!",
    "EXAMPLE.COM",
    "!!example.com",
    "b",
    "{example.com}",
)
_EXCEPTIONS = (
    "",
    "a",
    "!a",
    "A",
    "fail:f",
    "static:x",
    "inline:{a=x}",
    '"a b"',
    "regexp:{{/^a/ x}}",
    "/nonexistent/file",
    "!b, static:x",
)


def masquerading(chance: Random) -> Question:
    exceptions = chance.choice(_EXCEPTIONS)
    domains = ",".join(chance.choice(_MASQUERADE) for _ in range(chance.randint(1, 3)))
    address = f"{chance.choice(('a', 'b', 'A', 'a.b'))}@{chance.choice((*_DOMAINS[:3], 'x.example.com', 'y.x.b'))}"
    return Question("cleanup_masquerade", (exceptions, domains, address), (), (exceptions or "no exceptions",))


_TEXTS = (
    "a",
    "A1",
    "192.0.2.1",
    "1.2.3",
    "example.com",
    "a-b",
    "-a",
    "a-",
    "a_b",
    "a..b",
    ".a",
    "a.",
    "x" * 63,
    "x" * 64,
    "é",
    "[::1]",
    "::1",
    "1:2",
    "2001:db8::1",
    "256.1.1.1",
    "01.2.3.4",
    "0.1.2.3",
    "999",
    "1.2.3.4.",
    "a b",
    "a/b",
)


_ASCII = [text for text in _TEXTS if text.isascii() and not text.startswith("01")]  # the programs are without UTF-8


def host(chance: Random) -> Question:
    left = chance.choice(("%s", "[%s]", "[ipv6:%s]", "[%s", "%s]", "[IPv6:%s]"))
    right = chance.choice(("", ":", ":25", ":smtp", ":1x", "x", ":x:y", "::"))
    return Question("host_port", (), (left % chance.choice(_ASCII) + right,), (left, right))


def hostname(chance: Random) -> Question:
    text = chance.choice(("", ".", "-")).join(chance.choice(_ASCII) for _ in range(chance.randint(1, 2)))
    return Question("valid_hostname", (), (text,), ("IPv6",) if ":" in text else ("name",))


_GOOD = ("[0..127]", "[1;2]", "[1..2;127]", "[0]", "[0..255]", "[127]")
_BAD = ("[2..1]", "[1", "1]", "[]", "x", "256", "[1-2]", "[1..300]", "1x", "[;1]", "")


def octets(chance: Random) -> Question:
    """A pattern; a bad one is not asked for addresses, at which the program would die."""
    form = chance.choice(("good", "good", "bad", "in brackets", "too long"))
    fields = [chance.choice((*_GOOD, "127", "0", "1", "2")) for _ in range(5 if form == "too long" else 4)]
    if form == "bad":
        fields[chance.randrange(4)] = chance.choice(_BAD)
    pattern = ".".join(fields)
    pattern = f"[{pattern}]" if form == "in brackets" else pattern
    asked = " 127.0.0.1 127.0.0.2 0.1.2.3 1.1.1.1 2.2.2.2" if form in ("good", "in brackets") else ""
    return Question("ip_match", (), (pattern + asked,), (form,))


_RESTS = (0, 5, 50, 500, 5000, 50000, 500000, 49, 999)


def number(chance: Random) -> Question:
    micro = chance.randrange(10 ** chance.randint(1, 10))
    if chance.random() < 0.5:  # near the half of a digit
        micro = chance.randrange(100) * 10 ** chance.randint(0, 7) + chance.choice(_RESTS)
    digits, decimals = chance.randint(1, 6), chance.randint(0, 6)
    line = f"{micro // 1000000}.{micro % 1000000:06} {digits} {decimals}"
    return Question("format_tv", (), (line,), (f"{digits} digits",))


def folding(chance: Random) -> Question:
    letters = "aZÄßéΣσςİıǅŉΐﬁＡ𐐀.@- 1"
    return Question(
        "casefold",
        (),
        ("fold " + "".join(chance.choice(letters) for _ in range(chance.randint(1, 8))).strip(" "),),
        ("fold",),
    )


_NAMED = ("$a", "${b}", "$(c)", "${d}", "$a$b", "x", " ", "$$", "", "{", "}", "é")
_CONDITIONS = {
    "defined": "${%s?%s}",
    "undefined": "${%s:%s}",
    "both": "${%s?{%s}:{%s}}",
    "only else": "${%s:{%s}}",
    "compared": "${{%s} %s {%s}?{%s}:{%s}}",
    "truth": "${{%s} %s {%s}}",
    "open": "${%s?{%s}",
    "text": "%s%s",
}


def template(chance: Random) -> Question:
    form = chance.choice(list(_CONDITIONS))
    made = _CONDITIONS[form]
    parts: list[str] = []
    for number in range(made.count("%s")):
        if number == 0 and made.startswith("${%s"):
            parts.append(chance.choice(("a", "b", "c", "d", "e")))
        elif number == 1 and made.startswith("${{%s} %s"):
            parts.append(chance.choice(("==", "!=", "<", "<=", ">", ">=", "=", "")))
        else:
            parts.append("".join(chance.choice(_NAMED) for _ in range(chance.randint(0, 2))))
    return Question("mac_expand", (), ("a = 1", "b = bee", "d = 10", "", made % tuple(parts)), (form,))


_EXTENDED = (
    *("foo", "foo+bar", "foo-bar+x", "foo+bar-x", "+foo", "-foo", "foo+", "foo++x", "owner-list", "list-request"),
    *("owner-list+x", "mailer-daemon", "MAILER-DAEMON+x", "postmaster+x", "Postmaster-x", "double-bounce", "a b+c"),
    *(
        "double-bounce+x",
        "owner-",
        "-request",
        "foo=bar",
        "foo.bar+x",
        "+",
        "",
        "OWNER-list+y",
        "x-Request",
        "x+y-request",
    ),
)
_OF_EXTENDED = ("", "@example.com", "@exa+mple.com", "@ex-ample.com", "@", "@b@c+d")


def stripping(chance: Random) -> Question:
    delimiters = chance.choice(("", "+", "-", "+-", "-+", "+-=.", "t"))
    lines = [f"strip\t{delimiters}\t{chance.choice(_EXTENDED)}{chance.choice(_OF_EXTENDED)}" for _ in range(6)]
    return Question("address_driver", (), tuple(lines), (f"delimiters {delimiters or 'none'}",))


_VALUES = {
    "address": "x@y.example",
    "local part": "x",
    "short domain": "x@y",
    "two": "x@y.example, z@y.example",
    "quoted": '"x y"@y.example',
    "with a name": "Name <x@y.example>",
    "with a comment": "x@y.example (comment)",
    "domain alone": "@y.example",
    "with extension": "x+old@y.example",
    "group": "some: x@y.example, z;",
    "literal": "x@[192.0.2.1]",
    "two without a comma": "x y",
    "brackets": "<x@y.example>",
    "special": "x;y@z.example",
}


def crunching(chance: Random) -> Question:
    form = chance.choice([form for form in _VALUES if form != "domain alone"])  # which no caller hands on
    given, written = (chance.choice(("internal", "external")) for _ in range(2))
    line = f"crunch\t{chance.choice(('', '+ext', '+a b'))}\t{given}\t{written}\t{_VALUES[form]}"
    return Question("address_driver", (), (line,), (form, f"from {given}", f"to {written}"))


_MAPPED = (
    "a@example.com",
    '"a b"@example.com',
    "@example.com",
    "a",
    "a+x@example.com",
    '"a@b"@b',
    "a@localdomain",
    "c",
)


def mapping(chance: Random) -> Question:
    """As cleanup(8) asks for canonical and virtual alias addresses: the external form of a key alone."""
    forms = [chance.choice(list(_VALUES)) for _ in range(3)]
    keys = chance.sample(_MAPPED, 3)
    pairs = ", ".join(f"{{{key} = {_VALUES[form]}}}" for key, form in zip(keys, forms, strict=True))
    table = f"inline:{{{pairs}}}" + chance.choice(("", "", " fail:f", " regexp:{{/^a b@/ internal@y.example}}"))
    delimiter, propagate = chance.choice(("+", "+", "")), chance.choice("01")
    lines = []
    for _ in range(4):
        local = chance.choice(("a", "a b", "a+x", "a b+x", "c+y", "c", "a@b", "A", "other"))
        address = f"{local}{chance.choice(('', '@example.com', '@localdomain', '@b', '@EXAMPLE.com'))}"
        written = chance.choice(("internal", "external"))
        lines.append(f"map\t{delimiter}\t{propagate}\tinternal\texternal\t{written}\t{table}\t{address}")
    kept = "extensions are kept" if propagate == "1" else "extensions are dropped"
    return Question("address_driver", (), tuple(lines), (*forms, kept, f"delimiter {delimiter or 'none'}"))


_GROUPS = ("0", "1", "db8", "2001", "ffff", "FFFF", "0000", "abcd")
_ODD_GROUPS = {"five digits": "10000", "no digit": "g", "nothing": "", "zeros before": "00001"}
_TAILS = ("192.0.2.1", "0.0.0.0", "255.255.255.255")
_ODD_TAILS = {
    "a number too large": "256.0.2.1",
    "three numbers": "192.0.2",
    "a dot behind": "192.0.2.1.",
    "octal": "010.0.2.1",
}
_ENDS = {"zone": "%eth0", "colon behind": ":", "blank behind": " ", "length behind": "/64"}


def _ipv6(chance: Random, forms: list[str]) -> str:
    tail = chance.random()
    groups = [chance.choice(_GROUPS) for _ in range(8)]
    if tail < 0.3:
        forms.append("IPv4 at the end")
        groups = [*groups[: chance.choice((6, 6, 6, 7, 1))], chance.choice(_TAILS)]
    elif tail < 0.4:
        odd = chance.choice(list(_ODD_TAILS))
        forms.append(odd)
        groups = [*groups[:6], _ODD_TAILS[odd]]
    chosen = chance.random()
    if chosen < 0.5:
        forms.append("zeros left out")
        at = chance.randint(0, len(groups) - 1)
        rest = chance.randint(at + 1, len(groups))
        text = ":".join(groups[:at]) + "::" + ":".join(groups[rest:])
    elif chosen < 0.6:
        forms.append("zeros left out twice")
        text = f"{groups[0]}::{groups[1]}::{groups[-1]}"
    elif chosen < 0.7 and tail >= 0.4:
        forms.append("a group too few or too many")
        text = ":".join(chance.choice((groups[:7], groups[:2], [*groups, "1"])))
    elif chosen < 0.85:
        odd = chance.choice(list(_ODD_GROUPS))
        forms.append(odd)
        groups[chance.randrange(min(len(groups), 6))] = _ODD_GROUPS[odd]
        text = ":".join(groups)
    else:
        forms.append("whole")
        text = ":".join(groups)
    if chance.random() < 0.2:
        end = chance.choice(list(_ENDS))
        forms.append(end)
        text += _ENDS[end]
    return text


def ipv6_address(chance: Random) -> Question:
    forms: list[str] = []
    return Question("valid_hostname", (), (_ipv6(chance, forms),), tuple(forms))


def ipv6_literal(chance: Random) -> Question:
    forms: list[str] = []
    left = chance.choice(("[%s]", "[%s]", "[ipv6:%s]", "[IPv6:%s]", "%s", "[%s"))
    right = chance.choice(("", ":25", ":smtp", "x"))
    address = _ipv6(chance, forms)
    if chance.random() < 0.1:
        address, forms = "example.com", ["host name"]
    return Question("host_port", (), (left % address + right,), (*forms, left, right or "no port"))


_LENGTHS = ("0", "1", "16", "32", "64", "127", "128", "129", "-1", "x", "", "032")
_ASKED6 = ("2001:db8::1", "::", "::1", "::ffff:192.0.2.1", "192.0.2.1", "2001:DB8:0:0::1", "1:2:3:4:5:6:7:8", "ffff::")


def ipv6_network(chance: Random) -> Question:
    """In a cidr table and in a pattern list."""
    forms: list[str] = []
    network = _ipv6(chance, forms)
    if chance.random() < 0.4:
        network, forms = chance.choice(("2001:db8::", "::", "ffff::", "::ffff:192.0.2.0", "8000::")), ["network"]
    length = chance.choice(_LENGTHS)
    written = f"{network}/{length}"
    if chance.random() < 0.5:
        lines = tuple(f"get {key}" for key in _ASKED6)
        return Question("dict_open", (f"cidr:{{{{{written} found}}}}", "read"), lines, (*forms, f"/{length}", "cidr"))
    bracketed = chance.choice((f"[{network}]/{length}", f"[{written}]"))
    asked = (f"{bracketed}, 10.0.0.0/8", "x", chance.choice(_ASKED6))
    return Question("namadr_list", asked, (), (*forms, f"/{length}", "pattern list"))


MAKERS: tuple[Callable[[Random], Question], ...] = (
    *(pattern_list, inline, rules, letters, combined, quoting, finding, routing, masquerading),
    *(host, hostname, octets, number, folding, template),
    *(stripping, crunching, mapping, ipv6_address, ipv6_literal, ipv6_network),
)


WIDE = 5  # times as many questions of those that have many forms
_WIDE = (crunching, ipv6_address, ipv6_literal, ipv6_network)


def questions(maker: Callable[[Random], Question], seed: int, count: int) -> Iterator[Question]:
    chance = Random(f"{maker.__name__} {seed}")
    for _ in range(count * (WIDE if maker in _WIDE else 1)):
        yield maker(chance)
