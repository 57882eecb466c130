"""Random configurations and command lines far from any that a person would write, for comparing postconfs.

`wild_case` makes a case of its dice: files of broken lines, odd names and odd bytes, values from a grammar of
$-expressions with mistakes in it, and any options together. What departures name is left out: ``-v``, ``-m``, ``-T``
and ``-b``, and options that only some versions have.
"""

from __future__ import annotations

import random

from tests.vectors.postconf_inputs import ARGUMENTS, BUILTIN, FIELDS, USERS, Case

NAMES = [
    *BUILTIN,
    *USERS,
    *("smtpd_recipient_restrictions", "x_destination_recipient_limit", "pipe_time_limit", "foo_time_limit"),
    *(
        "smtp_destination_concurrency_limit",
        "virtual_transport",
        "inet_interfaces",
        "mynetworks",
        "compatibility_level",
    ),
    *("a-b", "a.b", "1", "A", "\u00fc", "a:b", "a{b", "a$b", "$a", '"', "foo_expansion_filter", "foo_search_base"),
    *("foo_dbpath", "foo_hosts", "foo_result_format", "smtpd_tls_wrappermode", "mail_version", "service_name", "user"),
]
BLANKS = [" ", " ", " ", "  ", "\t", "", "\v", "\f", "\r"]
ENDS = [*["\n"] * 15, "\n", "\r\n", "\n\n", "\n \n", "\n#c\n", "\n  # c\n", "\0\n", "\r"]
TABLES = [
    *("hash:/etc/x", "ldap:foo", "mysql:foo", "pgsql:bar", "sqlite:a", "memcache:foo", "proxy:ldap:foo"),
    *("proxy:proxy:mysql:bar", "proxy:{mysql:bar}", "unionmap:{ldap:foo, sqlite:bar}", "pipemap:{{pgsql:foo},mysql:a}"),
    *("ldap:./foo", "ldap:/nonexistent", "sqlite:{foo}", "inline:{a=b, {c = d e}}", "ldap:", ":foo", "mysql::foo"),
    *("ldap:foo}", "check_client_access ldap:foo", "{check_x_access {sqlite:bar, a}}", "static:{a b}"),
]
TEXTS = ["", "x", "yes", "no", "10", "9", "3.6", "a b", " ", "\u00e9", "\udcff", "()", ":", "?", "=", ",", "#"]
WRONG = ["{", "}", "(", ")", "${", "$(", "$", "${}", "${ }"]
OPERATORS = ["==", "!=", "<", "<=", ">", ">=", "<level", ">=level"]
WRONG_OPERATORS = ["=", "=!", "<>", "<=lev", "", "== "]
SERVICES = ["smtp", "x", "foo", "a.b", "*", "\u00e9", "pipe", "127.0.0.1:25", "[::1]:smtp", "a/b", ""]
KINDS = ["inet", "unix", "unix", "fifo", "pass", "unix-dgram", "*", "bad", ""]


def wild_case(dice: random.Random) -> Case:
    main, master = _mutated(dice, _main(dice)), _mutated(dice, _master(dice))
    arguments = _arguments(dice)
    if any(argument[:1] == "-" and set(argument) & set("eX#") for argument in arguments):
        main, master = (text.replace("\0", "") for text in (main, master))  # an edit loses what follows a NUL
        main, master = (text + "\n" if text and text[-1] != "\n" else text for text in (main, master))
    if any(argument[:1] == "-" and set(argument) & set("bt") for argument in arguments):
        main = ""  # bounce(8) checks parameters that its templates do not use
    return Case(main, master, arguments)


def _expression(dice: random.Random, depth: int = 0) -> str:
    """A text with references, some of which are wrong."""
    if depth > 3 or dice.random() < 0.35:
        return dice.choice(WRONG if dice.random() < 0.02 else TEXTS)
    name = dice.choice(NAMES + USERS * 9 if dice.random() < 0.03 else BUILTIN + USERS[:-3])
    inner = [_expression(dice, depth + 1) for _ in range(4)]
    a, b, c, d = inner
    blank = dice.choice(["", "", "", " "])
    operator = dice.choice(WRONG_OPERATORS if dice.random() < 0.04 else OPERATORS)
    if dice.random() < 0.03:
        return dice.choice([f"${a}", f"${{{a}", f"$({name}?{a})", f"${{{name}{{{a}}}}}", f"${{{name}{a}}}"])
    return dice.choice(
        [
            f"${name}",
            f"${{{name}}}",
            f"$({name})",
            f"{a}{b}",
            f"{a} ${name} {b}",
            f"${{{name}?{a}}}",
            f"${{{name}:{a}}}",
            f"${{{name}{blank}?{blank}{{{a}}}}}",
            f"${{{name}?{{{a}}}{blank}:{blank}{{{b}}}}}",
            f"${{{name}?{{{a}}}:{b}}}",
            f"${{{{{a}}}{blank}{operator}{blank}{{{b}}}}}",
            f"${{{{{a}}} {operator} {{{b}}}?{{{c}}}:{{{d}}}}}",
            f"${{{{${name}}} {operator} {{{b}}}{blank}?{c}}}",
            f"$${a}",
        ]
    )


def _value(dice: random.Random) -> str:
    between = dice.choice([" ", " ", ", ", "\n ", "\n\t#c\n ", "\n#\n\n  ", ",\n "])
    makers = [lambda: dice.choice(TABLES), lambda: _expression(dice), lambda: dice.choice(NAMES), lambda: "w" * 30]
    return between.join(dice.choice(makers)() for _ in range(dice.choice([0, 1, 1, 1, 2, 3, 6])))


def _main(dice: random.Random) -> str:
    out = ""
    for _ in range(dice.randrange(12)):
        line = dice.choice(NAMES) + dice.choice(BLANKS) + "=" + dice.choice(BLANKS) + _value(dice)
        if dice.random() < 0.02:
            line = dice.choice(["  lead", "nothing", "= x", "#", "\t", "a b = c", "{ a = b }", "\0", "a\0b = c"])
        out += line + dice.choice(ENDS)
    return out if dice.random() < 0.7 else out.rstrip("\n")


def _master(dice: random.Random) -> str:
    out = ""
    for _ in range(dice.randrange(5)):
        fields = [dice.choice(SERVICES), dice.choice(KINDS[:6])]
        fields += [dice.choice("--yn") for _ in range(3)]
        fields += [dice.choice(["-", "10", "10?"]), dice.choice(["-", "1"])]
        fields.append(dice.choice(["smtpd", "smtp", "spawn", "pipe", "local", "virtual", "error", "lmtp", "{a b}"]))
        line = dice.choice([" ", " ", "\t", "\n  "]).join(fields)
        for _ in range(dice.choice([0, 0, 1, 2, 5])):
            line += dice.choice([" ", " ", "\n ", "\n\t#c\n ", "\n\n  "]) + _argument(dice)
        if dice.random() < 0.04:
            line = dice.choice(["x unix - -", "  x", "  x", "x", "a b c d e f g h", "smtp inet q - - - - y", "\0"])
        out += line + dice.choice(ENDS)
    return out if dice.random() < 0.7 else out.rstrip("\n")


def _argument(dice: random.Random) -> str:
    name, value = dice.choice(NAMES), _value(dice).replace("\n", " ")
    return dice.choice(
        [
            dice.choice(ARGUMENTS),
            f"-o {name}={value.replace(' ', '')}",
            f"-o {{ {name} = {value} }}",
            f"-o{name}={dice.choice(TEXTS)}",
            f"-vo {name}=$foo",
            f"{name}={value}",
            "-o",
        ]
    )


def _mutated(dice: random.Random, text: str) -> str:
    """``text`` with a few characters changed, in some cases."""
    if not text or dice.random() < 0.8:
        return text
    characters = list(text)
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(len(characters))
        characters[at] = dice.choice(["", " ", "\n", "=", "{", "}", "$", "#", "\0", "\r", characters[at] * 2, "\udc80"])
        if not characters:
            break
    return "".join(characters)


def _arguments(dice: random.Random) -> list[str]:
    kind = dice.random()
    if kind < 0.6:
        return _shown(dice)
    return _edited(dice) if kind < 0.92 else _any(dice)


def _request(dice: random.Random, parts: int) -> str:
    request = dice.choice(SERVICES)
    if parts > 1:
        request += "/" + dice.choice(KINDS)
    if parts > 2:
        request += "/" + dice.choice([*FIELDS, *NAMES])
    return request


def _shown(dice: random.Random) -> list[str]:
    mode = dice.choice(["-n", "-n", "-p", "", "-M", "-F", "-P", "-d", "-H"])
    options = [mode] if mode else []
    options += [letter for letter in ("-f", "-x", "-h", "-H") if dice.random() < (0.25 if letter < "-g" else 0.1)]
    if dice.random() < 0.2:
        options += ["-C", dice.choice(["user", "service", "builtin", "all", "user,service"])]
    if dice.random() < 0.25:
        options += ["-o", _option(dice)]
    if mode in ("-M", "-F", "-P"):
        options += [_request(dice, dice.randrange(1, 4)) for _ in range(dice.choice([0, 0, 1, 2]))]
    else:
        options += [dice.choice(NAMES) for _ in range(dice.choice([0, 0, 1, 3]))]
    return options


def _option(dice: random.Random) -> str:
    return dice.choice(NAMES) + dice.choice(["=", " = ", "", "= "]) + _value(dice).replace("\n", " ").replace("\0", "")


def _edited(dice: random.Random) -> list[str]:
    mode, actions = dice.choice([("", "eX#"), ("", "eX#"), ("-M", "eX#"), ("-F", "eee#"), ("-P", "eeeXX#")])
    action = "-" + dice.choice(actions)
    options = [mode] if mode else []
    options.append(action)
    for _ in range(dice.choice([1, 1, 2, 3]) if dice.random() < 0.95 else 0):
        if not mode:
            options.append(_option(dice) if action == "-e" or dice.random() < 0.1 else dice.choice(NAMES))
            continue
        request = _request(dice, (2 if mode == "-M" else 3) - (dice.random() < 0.04))
        if action == "-e":
            service = "foo unix - - - - - pipe -o a=b {c d}"
            values = [_value(dice).replace("\n", " "), "y", "-", "10", service, "", *[service] * (8 * (mode == "-M"))]
            request += dice.choice(["=", " = "]) + dice.choice(values)
        options.append(request)
    return [option.replace("\0", "") for option in options]


def _any(dice: random.Random) -> list[str]:
    """Any options that may or may not go together."""
    options = []
    for _ in range(dice.randrange(1, 5)):
        letters = "".join(dice.choice("aAbdefFhHlMnpPtxX#") for _ in range(dice.choice([1, 1, 2, 3])))
        options.append("-" + letters)
    if dice.random() < 0.3:
        options += [dice.choice(["-C", "-o", "-T", "--", "-", "-Z", "-e"])]
    return options + [dice.choice([dice.choice(NAMES), _request(dice, 2), "a=b"]) for _ in range(dice.choice([0, 1]))]
