"""The rules, in the order in which they run: first what is said, then the tables, then what they are built into."""

from __future__ import annotations

from collections.abc import Callable

from mailconf.build.plan import plan
from mailconf.check import maps, parameters, tables
from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.model.site import Site
from mailconf.postfix.configuration import Configuration
from mailconf.postfix.policy import compile_policy

Rule = Callable[[Subject, Sink], None]

RULES: tuple[Rule, ...] = (
    parameters.names,
    parameters.values,
    tables.contents,
    maps.freshness,
)


def check(configuration: Configuration, site: Site, root: Root, sink: Sink) -> None:
    """Compile the Policy, which reports restrictions and patterns that mean nothing, and run every rule."""
    policy = compile_policy(configuration, sink)
    for service in site.listeners:
        if service.overrides:
            compile_policy(configuration, sink, service)
    targets = plan(site, root, sink)
    subject = Subject(configuration, site, root, targets, policy.smtpd.knows_restriction)
    for rule in RULES:
        rule(subject, sink)
