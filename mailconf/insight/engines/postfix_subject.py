"""A Postfix configuration in the world of a test file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from mailconf.diagnostics import Sink
from mailconf.files import Overlay
from mailconf.insight.engines.subject import Located, NoService, Options
from mailconf.insight.engines.world import CaseWorld
from mailconf.insight.source_tables import SourceTables
from mailconf.maps.simple.memory import MemoryTable
from mailconf.postfix.parameters.catalogue import parameter_set
from mailconf.postfix.policy.policy import PostfixPolicy, compile_policy
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.listeners import all_smtpds, called, default_service
from mailconf.postfix.settings.site import site_of
from mailconf.source import decode

if TYPE_CHECKING:
    from mailconf.build.plan import Target
    from mailconf.insight.cases.suite import Suite
    from mailconf.model.site import Service, Site

_LISTS = {
    "local": "local_domains",
    "virtual alias": "virtual_alias_domains",
    "virtual mailbox": "virtual_mailbox_domains",
    "relay": "relay_domains",
}


class PostfixSubject:
    """See `mailconf.insight.engines.subject.Subject`."""

    dialect = "postfix"

    def __init__(self, configuration: Configuration, suite: Suite, sink: Sink) -> None:
        self.configuration = configuration
        self.directory = configuration.directory
        self.root = configuration.root
        self.site: Site = site_of(configuration)
        self._services = all_smtpds(configuration)
        self._policies: dict[str, PostfixPolicy] = {}
        first = self.policy("")
        self._sources = SourceTables(self._plan, self.root, sink, first.smtpd.knows_restriction)
        self.world = CaseWorld(
            self.root,
            suite.world,
            instead=self._sources,
            transitional=self.site.idna2003,
            ports=self.site.ports,
            utf8=self.site.utf8_tables,
        )

    @classmethod
    def load(cls, located: Located, suite: Suite, options: Options, sink: Sink) -> PostfixSubject | None:
        version = suite.version or options.postfix_version
        try:
            given = parameter_set(version) if version else None
        except ValueError as mistake:
            from mailconf.insight.engines.subject import TS007

            sink.report(TS007, str(mistake), suite.site.span)
            return None
        root, directory = located.root, located.directory
        configuration = Configuration.load(directory, Sink(), root, postfix=given)
        added = _own_settings(configuration, suite.world.host)
        main = f"{directory.rstrip('/')}/main.cf"
        changed = Overlay(root, {main: root.read(main).rstrip(b"\n") + b"\n" + added.encode()})
        changed.is_real = root.is_real
        return cls(Configuration.load(directory, Sink(), changed, postfix=given), suite, sink)

    def _plan(self) -> list[Target]:
        from mailconf.build.plan import plan

        return list(plan(self.site, self.root, Sink()))

    def service(self, name: str) -> Service | None:
        if not name:
            return default_service(self._services, self.configuration.ports)
        found = called(self._services, name, self.configuration.ports)
        if found is None:
            known = ", ".join(dict.fromkeys(service.title for service in self._services)) or "none"
            raise NoService(f"master.cf has no smtpd service {name}; there are: {known}")
        return found

    def policy(self, service: str) -> PostfixPolicy:
        if service not in self._policies:
            self._policies[service] = compile_policy(self.configuration, Sink(), self.service(service))
        return self._policies[service]

    def entries(self, table: str) -> dict[str, str]:
        """The entries of a table that is made of a text; none of another one."""
        opened = self._sources(table)
        if not isinstance(opened, MemoryTable):
            return {}
        return {decode(key): decode(value) for key, value in opened.entries()}

    def alias_tables(self) -> list[str]:
        """The tables of aliases(5)."""
        return self.configuration.words("alias_maps")

    def hear_rulesets(self, hear: Callable[[str], object]) -> None:
        """There are none."""

    def without_reasons(self) -> AbstractContextManager[None]:
        return nullcontext()

    def sameness(self, original: str, recipient: str) -> str:
        """cleanup(8) drops duplicates, whatever the case of their letters (postconf(5) enable_original_recipient)."""
        named = original if self.configuration.boolean("enable_original_recipient") else ""
        return f"{named} {recipient}".lower()

    def policies(self) -> list[PostfixPolicy]:
        """Those of the services that have been asked for."""
        return list(self._policies.values())

    def milters(self) -> list[str]:
        return [milter.socket for milter in self.site.milters if milter.used]

    def domains(self, kind: str) -> list[str]:
        words = getattr(self.site, _LISTS[kind]).value
        return list(dict.fromkeys(word for word in words if _is_domain(word)))


def _is_domain(word: str) -> bool:
    """Whether a word of a list is a full name, and no table, file, exception or wild card."""
    return "." in word and ":" not in word and "/" not in word and word[:1] not in ("!", ".")


def _own_settings(configuration: Configuration, host: str) -> str:
    """Lines for main.cf that say what else the machine would be asked for: its name, addresses and networks."""
    lines = ["inet_interfaces = loopback-only"]
    if host and not configuration.is_set("myhostname"):
        lines.append(f"myhostname = {host}")
    if not configuration.is_set("mynetworks") and not configuration.root.is_real:
        lines.append("mynetworks = 127.0.0.0/8 [::1]/128")
    return "".join(f"{line}\n" for line in lines)
