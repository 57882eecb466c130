"""Messages that are put into sendmail's queue by its command (-odq), and lists that are asked of it then."""

from __future__ import annotations

from typing import Any

LISTS = (
    ("-bp",), ("-bp", "-v"), ("-bP",), ("-bp", "x"), ("-bp", "-q"), ("-bp", "-qL"), ("-bp", "-qQ"), ("-bp", "-qIzzz"),
    ("-bp", "-q!Izzz"), ("-bp", "-qRfar"), ("-bp", "-qRFAR", "-v"), ("-bp", "-q!Rfar"), ("-bp", "-qSsome"),
    ("-bp", "-q!Ssome"), ("-bp", "-qRfar", "-qSsome"), ("-bp", "-qRfar", "-q!Ssome"), ("-bp", "-qS<>"),
    ("-bp", "-qR", "-v"), ("-bp", "-qGmqueue"), ("-bh",), ("-bH",), ("-qGnosuch",),
)  # fmt: skip
_LONG = "a" * 75

# sender (None: who calls), recipients, lines of the body
_MESSAGES: list[tuple[str | None, tuple[str, ...], int]] = [
    (None, ("x@far.example", "ann"), 1),
    ("sender@some.example", ("y@far.example",), 3),
    ("<>", ("z@other.example",), 0),
    (f"{_LONG}@some.example", (f"{_LONG}@far.example", '"q r"@far.example', "b@other.example"), 2000),
    ("b\xe4d@some.example", ("c\xe4d@far.example",), 1),
]
CASES: list[dict[str, Any]] = [
    {
        "messages": [{"sender": s, "recipients": r, "lines": n} for s, r, n in _MESSAGES[:count]],
        "lists": LISTS if count in (0, len(_MESSAGES)) else LISTS[:2],
    }
    for count in range(len(_MESSAGES) + 1)
]
