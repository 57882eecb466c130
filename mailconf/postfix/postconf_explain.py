"""What ``postconf --explain NAME`` tells of a parameter (ours, not the original's).

Its type, default and value, where it is set, which names it refers to and which tables, since when it exists, and where
its default changed.
"""

from __future__ import annotations

from mailconf.postfix import main_cf, parameters
from mailconf.postfix.expand import references
from mailconf.postfix.parameters_history import SINCE
from mailconf.postfix.postconf import Fatal, Postconf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = {
    parameters.BOOLEAN: "yes or no",
    parameters.INTEGER: "a number",
    parameters.TIME: "a time",
    parameters.STRING: "text",
}
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def explain(known: Postconf, name: str, main_text: str) -> list[str]:
    """The lines about ``name``; ``main_text`` is main.cf's text. Raises Fatal for a name that means nothing."""
    if not known.is_parameter(name) and name not in SINCE:
        raise Fatal(f"{name}: unknown parameter")
    return [name, *(f"    {label:<10} {text}" for label, text in _facts(known, name, main_text))]


def _facts(known: Postconf, name: str, main_text: str) -> Iterator[tuple[str, str]]:
    kind, _ = known.postfix.parameters.get(name) or known.of_services.get(name) or ("", "")
    if kind:
        unit = parameters.default_unit(name, known.postfix.parameters) if kind == parameters.TIME else ""
        yield "type", KINDS[kind] + (f", in {UNITS[unit]} without a unit" if unit else "")
        yield "default", known.default(name, {}) or "(empty)"
        if name in known.postfix.raw:
            yield "expanded", "when it is used"
    elif name in known.users:
        yield "type", "text of your own"
    elif name in known.postfix.legacy:
        yield "type", "an old name without a default of its own"
    else:
        yield "type", f"not of Postfix {known.postfix.release}"
    if known.is_set(name):
        yield "set to", known.raw(name, known.values) or "(empty)"
        yield "in", _place(known, name, main_text)
    value = known.raw(name, known.values)
    if "$" in value and name not in known.postfix.raw:
        yield "value", known.expand(value, known.values) or "(empty)"
    names = dict.fromkeys(references(value))
    if names:
        yield "refers to", ", ".join(names)
    users = [other for other in known.values if name in references(known.values[other])]
    if users:
        yield "used by", ", ".join(users)
    if name in SINCE:
        yield "since", f"Postfix {SINCE[name]}"
    yield from _changes(name)


def _place(known: Postconf, name: str, main_text: str) -> str:
    place = "the command line"
    for found in main_cf.read(main_text):
        if isinstance(found, main_cf.Definition) and found.name == name and found.value == known.values[name]:
            place = f"{known.main_file}, line {found.line}"
    return place


def _changes(name: str) -> Iterator[tuple[str, str]]:
    """Where a recorded version differs from the one before."""
    before: tuple[tuple[str, str] | None, str] | None = None
    for version in parameters.recorded():
        now = (version.parameters.get(name), version.deprecated.get(name, ""))
        if before is not None and now != before and name not in ("mail_version", "mail_release_date"):
            (found, instead), (earlier, earlier_instead) = now, before
            if found is None and earlier is not None:
                yield version.release, "not there"
            elif found is not None and found != earlier:
                yield version.release, f"{'new, the' if earlier is None else 'the'} default is {found[1] or '(empty)'}"
            if instead and not earlier_instead:
                yield version.release, f"deprecated: instead, {instead}"
        before = now
