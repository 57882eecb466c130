"""What the rules look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mailconf.build.plan import Target
from mailconf.files import Root
from mailconf.model.site import Site
from mailconf.postfix.configuration import Configuration


@dataclass(frozen=True, slots=True)
class Subject:
    """A Postfix configuration, as written and in the terms of the model.

    targets         the maps that it needs (`mailconf.build.plan`)
    is_restriction  whether an access table may name a word as a restriction or restriction class
    """

    configuration: Configuration
    site: Site
    root: Root
    targets: Sequence[Target]
    is_restriction: Callable[[str], bool]
