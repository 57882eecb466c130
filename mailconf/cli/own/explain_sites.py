"""The configuration that `mailconf explain` asks: a Postfix or a sendmail one, with the World that answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from mailconf.cli.own.site import Loaded, is_etc_mail, load_site
from mailconf.diagnostics import Sink

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailconf.files import Root
    from mailconf.model.policy import Policy
    from mailconf.model.site import Service
    from mailconf.model.world import Records, World
    from mailconf.mta.personality import Personality


class Given(NamedTuple):
    """The options that a configuration is prepared with; the answers are those of the DNS, and of policy services."""

    service: str
    version: str | None
    answers: dict[tuple[str, str], Records]
    actions: dict[str, str]
    online: bool


class Prepared(NamedTuple):
    """A configuration that can be asked.

    service  the smtpd that is meant, None with sendmail
    folder   where the configuration is, as reports call it
    words    gives the words of replies, and how commands are read
    """

    policy: Policy
    world: World
    service: Service | None
    folder: str
    words: Callable[[], Personality]


def prepare(directory: str, root: Root, sink: Sink, given: Given) -> Prepared | None:
    """The configuration in ``directory``; None, with a diagnostic, where there is none that can be asked."""
    folder = root.path(directory)
    of_sendmail = is_etc_mail(folder, root) and not root.is_file(folder / "main.cf")
    return (_sendmail if of_sendmail else _postfix)(directory, root, sink, given)


def _sendmail(directory: str, root: Root, sink: Sink, given: Given) -> Prepared | None:
    from mailconf.cli.own.explain_sendmail import prepare
    from mailconf.cli.shared.sendmail_daemon import personality
    from mailconf.model.fileworld import FileWorld

    if given.service:
        raise click.BadParameter("sendmail has one service alone", param_hint="--service")
    if given.version is not None:
        raise click.BadParameter(f"{directory} is sendmail's", param_hint="--postfix-version")
    found = prepare(directory, root, sink, online=given.online)
    if found is None:
        return None
    world = FileWorld(found.root, dns=given.answers, policies=given.actions, online=given.online)
    return Prepared(found.policy, world, None, root.place(directory), lambda: personality(found.policy))


def _postfix(directory: str, root: Root, sink: Sink, given: Given) -> Prepared | None:
    from mailconf.cli.own.explain_tables import Unbuilt
    from mailconf.cli.shared.postfix_personality import postfix_personality
    from mailconf.model.fileworld import FileWorld
    from mailconf.postfix.policy.policy import compile_policy
    from mailconf.postfix.settings.listeners import report_missing
    from mailconf.postfix.settings.protocol import report_protocol
    from mailconf.postfix.settings.screening import report_screening
    from mailconf.postfix.settings.unserved import report_unserved

    loaded = load_site(directory, root, sink, "sendmail or Postfix", version=given.version)
    if loaded is None:
        return None
    smtpd = _service(loaded, given.service)
    report_missing(loaded.configuration, sink)
    policy = compile_policy(loaded.configuration, sink, smtpd)
    report_protocol(loaded.configuration, [smtpd] if smtpd else [], sink)
    report_screening(loaded.configuration, [smtpd] if smtpd else [], sink)
    report_unserved(loaded.configuration, [smtpd] if smtpd else [], sink)
    unbuilt = Unbuilt(loaded, sink, policy.smtpd.knows_restriction)
    world = FileWorld(
        loaded.root,
        dns=given.answers,
        policies=given.actions,
        online=given.online,
        instead=unbuilt,
        transitional=policy.site.idna2003,
        ports=policy.site.ports,
        utf8=policy.site.utf8_tables,
    )
    configuration = loaded.configuration
    return Prepared(policy, world, smtpd, root.place(directory), lambda: postfix_personality(configuration, Sink()))


def _service(loaded: Loaded, name: str) -> Service | None:
    """The smtpd that ``name`` means; without a name that of port 25."""
    from mailconf.postfix.settings.listeners import all_smtpds, called, default_service

    services = all_smtpds(loaded.configuration)
    if not name:
        return default_service(services, loaded.configuration.ports)
    found = called(services, name, loaded.configuration.ports)
    if found is not None:
        return found
    other = next((s for s in loaded.configuration.services if s.name == name), None)
    what = f"{name} runs {other.program}, not smtpd" if other else f"master.cf has no smtpd service {name}"
    known = ", ".join(dict.fromkeys(service.title for service in services)) or "none"
    raise click.BadParameter(f"{what}; the smtpd services are: {known}", param_hint="--service")
