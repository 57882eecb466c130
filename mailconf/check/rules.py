"""The rules, in the order in which they run: first the configuration, then the tables, then their maps."""

from __future__ import annotations

from collections.abc import Callable

from mailconf.build.plan import BD020, plan
from mailconf.check import maps
from mailconf.check.machine import installation
from mailconf.check.postfix import (
    arguments,
    certificates,
    chains,
    chroots,
    client_settings,
    dead_settings,
    delivery_programs,
    domains,
    every_message,
    files,
    forms,
    host_names,
    leftovers,
    line_ends,
    local_recipients,
    mail_lost,
    mailboxes,
    meanings,
    misplaced,
    networks,
    nexthops,
    notices,
    null_senders,
    parameters,
    pipe_commands,
    processes,
    refused_users,
    relaying,
    reply_codes,
    restrictions,
    rewriting,
    routes,
    server_settings,
    services,
    single_values,
    sizes,
    start,
    tables,
    trust,
    types,
)
from mailconf.check.subject import Subject
from mailconf.diagnostics import Severity, Sink
from mailconf.files import Tree
from mailconf.model.site import Site
from mailconf.postfix.policy.codes import PF204
from mailconf.postfix.policy.policy import compile_policy
from mailconf.postfix.policy.smtpd import GUARDED
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.listeners import all_smtpds

Rule = Callable[[Subject, Sink], None]

RULES: tuple[Rule, ...] = (
    parameters.names,
    parameters.values,
    parameters.nulls,
    forms.values,
    reply_codes.codes,
    nexthops.nexthops,
    nexthops.lists,
    types.known,
    trust.opened,
    services.listeners,
    services.programs,
    arguments.arguments,
    pipe_commands.commands,
    services.named,
    misplaced.misplaced,
    sizes.sizes,
    start.values,
    files.existing,
    delivery_programs.programs,
    chains.chains,
    certificates.dates,
    line_ends.carriage_returns,
    dead_settings.dead,
    client_settings.clients,
    server_settings.servers,
    single_values.values,
    mailboxes.owners,
    mailboxes.backscatter,
    mailboxes.accepted,
    local_recipients.known,
    local_recipients.proxied,
    meanings.copied,
    domains.classes,
    leftovers.providers,
    domains.postmasters,
    routes.nexthops,
    host_names.greetings,
    host_names.origins,
    leftovers.tests,
    rewriting.everything,
    every_message.checks,
    mail_lost.lost,
    networks.lists,
    restrictions.lists,
    null_senders.refused,
    processes.sockets,
    chroots.tables,
    processes.filters,
    processes.postscreens,
    relaying.strangers,
    refused_users.refused,
    notices.templates,
    installation.installation,
    tables.contents,
    maps.freshness,
)


def _serves_as_main_cf_has_it(configuration: Configuration) -> bool:
    """Whether there is an SMTP server whose restrictions on relaying are main.cf's."""
    servers = [service for service in configuration.services if service.program == "smtpd"]
    return not configuration.services or any(service.overrides.keys().isdisjoint(GUARDED) for service in servers)


def check(configuration: Configuration, site: Site, root: Tree, sink: Sink) -> None:
    """Compile the Policy, which reports restrictions and patterns that mean nothing, and run every rule.

    What is found more than once, for main.cf and for services that override other things, is reported once.
    """
    found, compiled = Sink(), Sink()
    policy = compile_policy(configuration, compiled, site=site)
    unguarded = _serves_as_main_cf_has_it(configuration)
    for diagnostic in compiled:
        if diagnostic.code != PF204.name or unguarded:
            found.add(diagnostic)
    asked = configuration.asked()
    for service in all_smtpds(configuration):
        if not asked.isdisjoint(service.overrides):
            policy.check_service(configuration.for_service(service), service, found)
    planned = Sink()
    targets = plan(site, root, planned)
    for diagnostic in planned:  # what this machine lacks is no fault of the configuration
        lack = diagnostic.code == BD020.name
        found.add(diagnostic._replace(severity=Severity.WARNING) if lack else diagnostic)
    subject = Subject(configuration, site, root, targets, policy.smtpd.knows_restriction, configuration.postfix)
    for rule in RULES:
        rule(subject, found)
    for diagnostic in dict.fromkeys(found):
        sink.add(diagnostic)
