"""The texts of bounce(8)'s reports, as a configuration has them: postconf(5) bounce_template_file, bounce(5)."""

from __future__ import annotations

from typing import NamedTuple

from mailconf.postfix.parameters.bounce_templates_data import KNOWN
from mailconf.postfix.settings.bounce_templates import Names, Template, built_in
from mailconf.postfix.settings.configuration import Configuration


class NoticeTemplate(NamedTuple):
    """``headers`` by their names, and the lines of the text with every ``$name`` expanded."""

    headers: dict[str, str]
    lines: tuple[str, ...]


def notice_templates(configuration: Configuration) -> dict[str, NoticeTemplate]:
    """The templates that are in force, by kind ("failure", "delay", "success", "verify")."""
    c = configuration

    def value(name: str) -> str | None:
        return c.value(name) if c.is_set(name) or name in KNOWN else None

    def seconds(name: str) -> int:
        return int(c.seconds(name))

    def expanded(template: Template) -> NoticeTemplate:
        names = Names(value, seconds, "", lambda text: None)
        return NoticeTemplate(template.headers, tuple(names.lines(template, from_file=False)))

    return {kind: expanded(template) for kind, template in built_in().items()}
