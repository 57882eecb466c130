"""Random m4 texts: calls, quotes, unbalanced leftovers, delimiters that change. For properties and live comparison."""

from __future__ import annotations

import random
from collections.abc import Callable

NAMES = ["a", "b", "c", "foo", "len", "x", "_y", "define", "defn", "eval"]
WORDS = [*NAMES, "a", "b", "foo", "x"]
DELIMITERS = [
    "[",
    "]",
    "<<",
    ">>",
    "`",
    "'",
    '"',
    "{",
    "}",
    "(",
    ")",
    ",",
    "<!",
    "!>",
    "a",
    "0",
    "::",
    "#",
    "//",
    "/*",
    "*/",
    "ab",
    "((",
    "",
    " ",
    "  ",
    "\n",
]
PIECES = ["1", "23", "-", "+", ".", "$1", "$2", "$0", "$@", "$*", "$#", "${1}", "$10", "#", "# c\n", '"', "$"]
FLAGS = ["aeq", "V", "c", "+x", "-e", "t", "+l", "", "f"]

Make = Callable[[random.Random], str]


def _name(r: random.Random) -> str:
    return r.choice(NAMES[:7])


def _any_name(r: random.Random) -> str:
    return r.choice([*NAMES, "ifelse", "divert", "nope", ""])


def _number(r: random.Random) -> str:
    return r.choice(["0", "1", "2", "-1", "3", " 1", "x", ""])


def _delimiter(r: random.Random) -> str:
    return r.choice(DELIMITERS)


def _text(r: random.Random) -> str:
    return "".join(r.choice("abc AB1_-\n.") for _ in range(r.randrange(8)))


def _always(text: str) -> Make:
    return lambda r: text


# A call: its name, and for each argument how to make it; None is any text, expanded further.
CALLS: list[tuple[str, tuple[Make | None, ...]]] = [
    ("define", (_name, None)),
    ("define", (_name, None)),
    ("define", (_name, None)),
    ("pushdef", (_name, None)),
    ("popdef", (_name,)),
    ("undefine", (_name,)),
    ("defn", (_name,)),
    ("defn", (_any_name,)),
    ("ifdef", (_name, None, None)),
    ("ifelse", (None, None, None, None)),
    ("ifelse", (_name, _name, None)),
    ("shift", (None, None, None)),
    ("len", (None,)),
    ("index", (_text, _text)),
    ("substr", (_text, _number, _number)),
    ("translit", (_text, _text, _text)),
    ("incr", (_number,)),
    ("divert", (_number,)),
    ("undivert", (_number,)),
    ("divert", ()),
    ("undivert", ()),
    ("divnum", ()),
    ("dnl", ()),
    ("m4wrap", (None,)),
    ("indir", (_any_name, None)),
    ("builtin", (_any_name, None)),
    ("changequote", (_delimiter, _delimiter)),
    ("changequote", (_always("["), _always("]"))),
    ("changequote", ()),
    ("changecom", (_delimiter, _delimiter)),
    ("changecom", ()),
    ("errprint", (None,)),
    ("traceon", (_any_name,)),
    ("traceoff", ()),
    ("traceon", ()),
    ("debugmode", (lambda r: r.choice(FLAGS),)),
    ("dumpdef", (_name,)),
    ("__line__", ()),
    ("__file__", ()),
    ("a", (None,)),
    ("foo", (None, None)),
    ("b", (None,)),
    ("x", (None, None, None)),
    ("eval", (_number,)),
    ("format", (_always("%s-%d"), None, _number)),
    ("include", (_always("included"),)),
    ("sinclude", (_always("included"),)),
    ("undivert", (_always("included"),)),
]
INCLUDED = b"line1 len(abc)\ndefine(`foo',`FOO2 $1')x"


def _argument(r: random.Random, text: str) -> str:
    return "`" + text + "'" if r.random() < 0.7 else r.choice(["", " ", "\n"]) + text


def _sequence(r: random.Random, depth: int) -> str:
    return "".join(_piece(r, depth) for _ in range(r.choice([0, 1, 1, 2, 2, 3, 4])))


def _piece(r: random.Random, depth: int = 0) -> str:
    kind = r.random()
    if kind < 0.20 or (kind >= 0.64 and depth > 4):
        return r.choice(WORDS)
    if kind < 0.30:
        return r.choice([" ", "\n", "\t", "  ", " \n "])
    if kind < 0.36:
        return r.choice(PIECES)
    if kind < 0.55:
        return "`" + _sequence(r, depth + 1) + "'"
    if kind < 0.60:
        return r.choice(["`", "'", "(", ")", ","])
    if kind < 0.64:
        return "(" + _sequence(r, depth + 1) + ")"
    name, arguments = r.choice(CALLS)
    made = (_sequence(r, depth + 1) if make is None else make(r) for make in arguments)
    return name + "(" + ",".join(_argument(r, text) for text in made) + ")"


def random_text(r: random.Random) -> bytes:
    """One input for m4."""
    return "".join(_piece(r) for _ in range(r.randrange(1, 14))).encode()


def random_pattern(r: random.Random, depth: int = 0) -> str:
    """One regular expression, without the doubled repetitions and references in which GNU's matcher is at odds."""
    out = ""
    for _ in range(r.randrange(1, 5)):
        kind = r.random()
        if kind < 0.5:
            item = r.choice("aabbc")
        elif kind < 0.55:
            item = "."
        elif kind < 0.63:
            item = r.choice(["[ab]", "[^a]", "[a-c]", "[]a]", "[^]b]", "[a-]", "[b_]", "[c-a]"])
        elif kind < 0.70:
            item = r.choice(["\\w", "\\W", "\\s", "\\S", "\\b", "\\B", "\\<", "\\>", "\\`", "^", "$"])
        elif kind < 0.73:
            item = r.choice(["\\+", "\\?", "\\.", "\\*", "\\{", "\\}", "\n", " "])
        elif kind < 0.9 and depth < 2:
            item = "\\(" + random_pattern(r, depth + 1) + "\\)"
        else:
            item = r.choice("abc")
        out += item
        if r.random() < 0.3 and not item.endswith(")"):
            out += r.choice("*+?")
        if r.random() < 0.1:
            out += "\\|" + r.choice("abc")
    return out


def random_subject(r: random.Random) -> str:
    return "".join(r.choice("aaabbbc_ \n") for _ in range(r.randrange(9)))
