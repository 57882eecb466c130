"""The values of one main.cf: what it sets, over the defaults of a version of Postfix (postconf(5)).

A parameter has four values, and each follows from the one before it:

    given     what main.cf, ``-o`` or the service's ``-o`` sets, as written
    default   what the version has; of myhostname, mydomain and mynetworks, what the machine has (`machine`)
    raw       what is given, else the default
    expanded  the raw value with every $-expression replaced

The readers of main.cf share this: `Configuration` (check, explain, serve, build), `Postconf` (postconf) and the table
tools. They differ in where settings come from and in what they do with an error, which is theirs to catch.

A program of Postfix reads its parameters one after the other, and a reference to one that it has not read yet has a
value only where main.cf sets it. So ``mydomain = a.$mail_name`` comes to "a." and no program starts, while postconf -x
shows "a.Postfix". `at` is a value with only some defaults known; `parameters.start` has the order.
"""

from __future__ import annotations

from mailconf.postfix.settings.machine import SETTLED, compute
from mailconf.postfix.text.expand import MAX_STEPS, USUAL, expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Lookup = Callable[[str], str | None]
    IsKnown = Callable[[str], bool]


class Values:
    """The values of one main.cf, or of one service's view of it.

    Each method raises MacroError for an expression that cannot be expanded, and `machine.BadValue` where the default of
    myhostname, mydomain or mynetworks cannot be computed.
    """

    __slots__ = ("_computing", "_default", "_given", "_settling", "_version")

    def __init__(
        self,
        given: Lookup,
        default: Lookup,
        *,
        settling: Callable[[str], IsKnown],
        version: Callable[[], tuple[int, int]] = lambda: USUAL,
    ) -> None:
        """``given`` has what is set, ``default`` the defaults that are the same on each machine; None for other names.

        settling  for each of `machine.SETTLED`, which defaults are known while its own is computed
        version   that of Postfix, whose $-expressions are meant; asked for when there is one
        """
        self._given = given
        self._default = default
        self._settling = settling
        self._version = version
        self._computing: set[str] = set()

    def is_given(self, name: str) -> bool:
        return self._given(name) is not None

    def default(self, name: str) -> str | None:
        """The unexpanded default; None where there is no such parameter. One that depends on itself is ""."""
        if name not in SETTLED:
            return self._default(name)
        if name in self._computing:
            return ""
        is_known = self._settling(name)
        self._computing.add(name)
        try:
            return compute(name, lambda other: self.at(other, is_known), self.is_given)
        finally:
            self._computing.discard(name)

    def raw(self, name: str) -> str | None:
        """The unexpanded value; None where there is no such parameter."""
        found = self._given(name)
        return self.default(name) if found is None else found

    def at(self, name: str, is_known: IsKnown) -> str:
        """The expanded value at a moment when only the defaults of ``is_known`` are known; a default as a whole."""
        given = self._given(name)
        if given is None:
            return self.expand(self.default(name) or "")

        def look_up(other: str) -> str | None:
            found = self._given(other)
            return self.default(other) if found is None and is_known(other) else found

        return expand(given, look_up, version=self._version()) if "$" in given else given

    def settled(self, name: str) -> str:
        """The expanded value of one of `machine.SETTLED`, as programs know it from then on."""
        return self.at(name, self._settling(name))

    def expand(self, text: str, steps: int = MAX_STEPS) -> str:
        """``text`` with every $-expression replaced; ``steps`` is how many references to follow."""
        return expand(text, self.raw, version=self._version(), steps=steps) if "$" in text else text

    def expanded(self, name: str) -> str:
        """The expanded value; "" where there is no such parameter."""
        return self.expand(self.raw(name) or "")
