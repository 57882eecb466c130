"""Which values of a client, a HELO name, a sender or a recipient a configuration can tell apart.

An *alphabet* holds, for one dimension, a value for each thing that a `Distinction` looks at: what a list names, one
below each domain, one for each key of a table, one that matches each pattern, and some that nothing names. Two values
with the same *signature*, which is what all those questions answer for them, are treated alike; `representatives` keeps
one of each. Whoever compares configurations, or proves something of one, enumerates from these.

What an alphabet has of patterns is a sample: one text that each rule matches (`mailconf.model.specimen`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from mailconf.model.distinction import Dimension, Distinction, Form, Key
from mailconf.model.specimen import specimen

# The keys of a table (patterns without their delimiters), nothing for one that cannot be listed.
Keys = Callable[[str], Iterable[str]]
# What a table ("type:name") has for a key, None for nothing or where it cannot answer.
Look = Callable[[str, str], str | None]

FRESH = "zz.stranger.example"  # a name that no configuration has
FRESH_LOCAL = "zz"
STRANGERS = ("203.0.113.9", "1.2.3.9", "64.9.9.9", "130.9.9.9", "180.9.9.9", "2001:db8:ffff::9", "2a00:9::9")
OF_ONE_OCTET = ".9.9.9"  # how the address ends that stands for a key of one octet
MOST = 20_000  # values of an alphabet that are kept


class Alphabet(NamedTuple):
    """The values of one dimension; ``sampled``: patterns were among what looks at it, or there were too many keys."""

    dimension: Dimension
    values: tuple[str, ...]
    sampled: bool = False


def alphabet(distinctions: Iterable[Distinction], dimension: Dimension, keys: Keys, most: int = MOST) -> Alphabet:
    """The alphabet of ``dimension``, at most ``most`` values, the fresh ones first."""
    found: dict[str, None] = dict.fromkeys(_fresh(dimension))
    sampled, entered = False, set()
    for each in distinctions:
        if each.dimension is not dimension or (each.form, each.text, each.keys) in entered:
            continue
        entered.add((each.form, each.text, each.keys))
        sampled = sampled or each.form is Form.PATTERN
        for value in _values(each, dimension, keys):
            if len(found) >= most:
                return Alphabet(dimension, tuple(found), True)
            found.setdefault(value)
    return Alphabet(dimension, tuple(found), sampled)


def _fresh(dimension: Dimension) -> Iterator[str]:
    if dimension is Dimension.CLIENT:
        yield from STRANGERS
    elif dimension in (Dimension.SENDER, Dimension.RECIPIENT):
        yield f"{FRESH_LOCAL}@{FRESH}"
        if dimension is Dimension.SENDER:
            yield ""
    else:
        yield FRESH


def _values(each: Distinction, dimension: Dimension, keys: Keys) -> Iterator[str]:
    of_address = dimension in (Dimension.SENDER, Dimension.RECIPIENT)
    if each.form is Form.LITERAL and dimension is Dimension.CLIENT:
        yield from _in_network(each.text)
    elif each.form is Form.LITERAL:
        yield _address(each.text, each.keys) if of_address else each.text
    elif each.form is Form.SUFFIX:
        yield f"{FRESH_LOCAL}@zz{each.text}" if of_address else f"zz{each.text}"
    elif each.form is Form.NETWORK:
        yield from _in_network(each.text)
    elif each.form is Form.TABLE:
        for key in keys(each.text):
            yield from _of_key(key, each.keys) if of_address else _of_host(key, dimension)
    elif each.form is Form.PATTERN:
        yield from filter(None, map(specimen, keys(each.text)))


def _address(text: str, keys: Sequence[Key]) -> str:
    """An address of which the part that ``keys`` names is ``text``."""
    if "@" in text or not text:
        return text
    return f"{FRESH_LOCAL}@{text}" if Key.DOMAIN in keys or Key.AT_DOMAIN in keys else f"{text}@{FRESH}"


def _of_key(key: str, keys: Sequence[Key]) -> Iterator[str]:
    """Addresses for which a table is asked for ``key``."""
    local, at, domain = key.rpartition("@")
    if not at:
        yield f"{FRESH_LOCAL}@zz{key}" if key.startswith(".") else f"{FRESH_LOCAL}@{key}"
        yield f"{FRESH_LOCAL}@zz.{key.lstrip('.')}"
    elif not domain:
        yield f"{local}@{FRESH}"
    else:
        yield f"{local or FRESH_LOCAL}@{domain}"


def _of_host(key: str, dimension: Dimension) -> Iterator[str]:
    if dimension is Dimension.CLIENT:
        yield from _in_network(key)
        return
    yield f"zz{key}" if key.startswith(".") else key
    yield f"zz.{key.lstrip('.')}"


def _in_network(text: str) -> Iterator[str]:
    """An address in a network, or with the octets that a key of an access table has; nothing for a name."""
    from ipaddress import ip_address, ip_network

    try:
        network = ip_network(text.strip("[]").replace("]/", "/"), strict=False)
        yield str(network[min(9, network.num_addresses - 1)])
    except ValueError:
        octets = text.split(".")
        if all(octet.isdigit() for octet in octets) and len(octets) < 4:
            try:
                yield str(ip_address(".".join([*octets, "9", "9", "9"][:4])))
            except ValueError:
                return


def representatives(
    found: Alphabet, distinctions: Sequence[Distinction], look: Look, delimiters: str = ""
) -> list[str]:
    """A value of each signature, in the alphabet's order; the value that nothing names comes first."""
    about = [each for each in distinctions if each.dimension is found.dimension]
    plain = {each for each in about if each.form in (Form.LITERAL, Form.SUFFIX)}
    asked = list(dict.fromkeys((d.text, d.keys) for d in about if d.form in (Form.TABLE, Form.PATTERN)))
    networks = [each.text for each in about if each.form is Form.NETWORK]
    first: dict[object, str] = {}
    for value in found.values:
        first.setdefault(_signature(value, plain, asked, networks, look, delimiters), value)
    return list(first.values())


def _signature(
    value: str,
    plain: set[Distinction],
    asked: Sequence[tuple[str, tuple[Key, ...]]],
    networks: Sequence[str],
    look: Look,
    delimiters: str,
) -> object:
    folded = value.lower()
    domain = folded.rpartition("@")[2]
    literal = tuple(sorted(d.text for d in plain if _matches(d, folded, domain)))
    answers = []
    for table, keys in asked:
        probe = Distinction("", Dimension.SENDER, Form.TABLE, table, keys or (Key.WHOLE,))
        answers.append(tuple(look(table, key) for key in probe.keys_of(folded, delimiters)))
    inside = tuple(text for text in networks if _is_in(folded, text)) if ":" in folded or folded[-1:].isdigit() else ()
    return literal, tuple(answers), inside, value == ""


def _matches(each: Distinction, value: str, domain: str) -> bool:
    text = each.text.lower()
    return domain.endswith(text) if each.form is Form.SUFFIX else text in (value, domain)


def _is_in(value: str, network: str) -> bool:
    from ipaddress import ip_address, ip_network

    try:
        return ip_address(value) in ip_network(network.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return False
