"""What the rules look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from mailconf.build.plan import Target
from mailconf.files import Tree
from mailconf.model.site import Site, TableUse
from mailconf.postfix.parameters.catalogue import BASE, ParameterSet
from mailconf.postfix.settings.configuration import Configuration
from mailconf.source import Span, decode


class Subject(NamedTuple):
    """A Postfix configuration, as written and in the terms of the model.

    targets         the maps that it needs (`mailconf.build.plan`)
    is_restriction  whether an access table may name a word as a restriction or restriction class
    postfix         the parameters of the Postfix that is installed below the root, or of the usual one
    """

    configuration: Configuration
    site: Site
    root: Tree
    targets: Sequence[Target]
    is_restriction: Callable[[str], bool]
    postfix: ParameterSet = BASE

    def place(self, use: TableUse) -> Span | None:
        """Where a finding about a table belongs: where it is named or, where a default names it, in main.cf."""
        return use.span or self.configuration.place(use.role)

    def read(self, name: str) -> str:
        """The text of a file that the configuration names. Raises OSError."""
        return decode(self.root.read(name))
