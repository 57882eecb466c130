"""Whether libwrap lets a client in, by hosts.allow and hosts.deny: sendmail asks it when a client connects.

The first rule that matches decides: one of hosts.allow lets the client in, one of hosts.deny keeps it out, and an
option ``allow`` or ``deny`` of either turns that round. Where no rule matches, the client is let in. An option that
libwrap cannot carry out keeps it out.

Nothing is run here: commands of spawn, aclexec and twist are not. A rule with twist keeps the client out, as with
libwrap, where the command takes the place of the server; so does one with aclexec, whose command cannot be asked.
`unheeded` names them.

Source: hosts_access(5), hosts_options(5); observed with libwrap 7.6.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from mailconf.diagnostics import Sink
from mailconf.sendmail.rules.world import RulesWorld, Trusting, Unable
from mailconf.source import Source, Span, decode
from mailconf.tables.entry import Entry
from mailconf.tables.hosts_access import (
    TB161,
    TB163,
    TB164,
    HostList,
    HostsRule,
    Option,
    read_daemons,
    read_hosts,
    read_rule,
)

ALLOW, DENY = "/etc/hosts.allow", "/etc/hosts.deny"
DAEMON = "sendmail"  # what sendmail is called there
UNKNOWN, _PARANOID = "unknown", "paranoid"
_ANY = Trusting(unsafe_folders=True, links=True, group=True, sticky=True)
_COMMANDS = ("aclexec", "spawn", "twist")
_REFUSING = ("aclexec", "twist")
_CHANGING = ("banners", "group", "nice", "rfc931", "setenv", "umask", "user")
_MOST_FILES = 16  # /file patterns that are followed for one rule
_EARLY = {ALLOW: "its last rule does not count", DENY: "clients that no rule matches are refused"}
_NUMBERS = {
    "linger": re.compile(r"\+?[0-9]+"),
    "nice": re.compile(r"([+-]?[0-9]+)?"),
    "rfc931": re.compile(r"(\+?0*[1-9][0-9]*)?"),
}
_LEVELS = frozenset(("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"))
_FACILITIES = frozenset(("kern", "user", "mail", "daemon", "auth", "lpr", "news", "uucp", "cron")) | {
    f"local{n}" for n in range(8)
}


class HostsClient(NamedTuple):
    """A client as it is matched: its name ("unknown", "paranoid"), address, and user, each as libwrap is told it."""

    name: str
    address: str
    user: str = UNKNOWN


class Access(NamedTuple):
    """The answer.

    granted  whether the client is let in
    file     that has decided; "" where no rule has matched
    span     the rule; None where the file ends too early
    """

    granted: bool
    file: str = ""
    span: Span | None = None

    def __str__(self) -> str:
        return "granted" if self.granted else "refused"


async def access(world: RulesWorld, daemon: str, client: HostsClient) -> Access:
    """Whether a client may talk to a daemon."""
    client = client._replace(address=_plain(client.address))
    for file, grants in ((ALLOW, True), (DENY, False)):
        rules, whole = await _rules(world, file)
        for entry in rules:
            matching = _Matching(world, client)
            if await matching.rule(entry, daemon):
                decided = await matching.decided(entry, grants=grants)
                return Access(decided, file, entry.span)
        if not whole and not grants:
            return Access(False, file)
    return Access(True)


async def unheeded(world: RulesWorld, daemon: str) -> list[str]:
    """What rules for a daemon ask for that is not done, each in words for the log."""
    found = []
    for file in (ALLOW, DENY):
        rules, whole = await _rules(world, file)
        if not whole:
            found.append(f"{file} ends without a newline: {_EARLY[file]}")
        for entry in rules:
            daemons = read_daemons(entry.key).meaning
            if daemons is None or not _named(daemons, daemon):
                continue
            rule: HostsRule = read_rule(entry.value).meaning
            where = f"{file}, line {entry.span.first.line}"
            told = [(option, _instead(option)) for option in rule.options]
            found += [f"{where}: {option.name} {option.value} {text}" for option, text in told if text]
    return found


def _instead(option: Option) -> str:
    if option.name in _REFUSING:
        return "is not run: clients that the rule matches are refused"
    if option.name in _COMMANDS:
        return "is not run"
    return "is not done" if option.name in _CHANGING else ""


async def _rules(world: RulesWorld, file: str) -> tuple[list[Entry], bool]:
    """The rules of a file, none where it cannot be read; and whether each of its lines ends as it has to."""
    text = await _text(world, file)
    if text is None:
        return [], True
    sink = Sink()
    rules = read_hosts(Source(file, text), sink)
    return rules, not any(finding.code == TB161.name for finding in sink)


async def _text(world: RulesWorld, file: str) -> str | None:
    try:
        data, _ = await world.read(file, _ANY)
    except Unable:
        return None
    return decode(data)


def _named(daemons: HostList, daemon: str) -> bool:
    """Whether a list has a daemon, at whichever address it may listen."""
    found = any(_is_text(word.partition("@")[0] if word[:1] != "@" else word, daemon) for word in daemons.words)
    return found and not (daemons.excepted and _named(daemons.excepted, daemon))


class _Matching:
    """One client against one rule."""

    def __init__(self, world: RulesWorld, client: HostsClient) -> None:
        self._world = world
        self._client = client
        self._files = 0

    async def rule(self, entry: Entry, daemon: str) -> bool:
        daemons = read_daemons(entry.key).meaning
        rule: HostsRule = read_rule(entry.value).meaning
        if daemons is None or rule.clients is None:
            return False
        return await self._has(daemons, daemon) and await self._has(rule.clients, "")

    async def decided(self, entry: Entry, *, grants: bool) -> bool:
        """What a rule that matches decides."""
        side = read_rule(entry.value)
        if any(fault.code in (TB163, TB164) for fault in side.faults):
            return False
        for option in side.meaning.options:
            if option.name in _REFUSING or not await self._is_sound(option):
                return False
            if option.name in ("allow", "deny"):
                return bool(option.name == "allow")
        return grants

    async def _is_sound(self, option: Option) -> bool:
        """Whether libwrap can carry an option out."""
        if option.name == "severity":
            facility, dot, level = option.value.lower().rpartition(".")
            return level in _LEVELS and (not dot or facility in _FACILITIES)
        if option.name in _NUMBERS:
            return _NUMBERS[option.name].fullmatch(option.value) is not None
        if option.name == "user":
            user, dot, group = option.value.partition(".")
            return await self._world.user(user) is not None and (not dot or await self._is_group(group))
        return option.name != "group" or await self._is_group(option.value)

    async def _is_group(self, name: str) -> bool:
        text = await _text(self._world, "/etc/group") or ""
        return any(line.partition(":")[0] == name for line in text.splitlines())

    async def _has(self, listed: HostList, daemon: str) -> bool:
        """Whether a list has the client, or ``daemon`` where there is one."""
        for word in listed.words:
            if await (self._is_daemon(word, daemon) if daemon else self._is_client(word)):
                return listed.excepted is None or not await self._has(listed.excepted, daemon)
        return False

    async def _is_daemon(self, word: str, daemon: str) -> bool:
        name, at, host = word[:1] + word[1:].partition("@")[0], *word[1:].partition("@")[1:]
        if not at:
            return _is_text(word, daemon)
        return _is_text(name, daemon) and await self._is_host(host, HostsClient(UNKNOWN, UNKNOWN))

    async def _is_client(self, word: str) -> bool:
        user, at, host = word[:1] + word[1:].partition("@")[0], *word[1:].partition("@")[1:]
        if not at:
            return await self._is_host(word, self._client)
        return await self._is_host(host, self._client) and _is_text(user, self._client.user)

    async def _is_host(self, word: str, client: HostsClient) -> bool:
        if word.startswith("@"):
            return False  # a netgroup, and nobody has them
        if word.startswith("/"):
            return await self._in_file(word, client)
        upper = word.upper()
        if upper == "KNOWN":
            return _is_known(client.address) and _is_known(client.name)
        if upper == "LOCAL":
            return "." not in client.name and _is_known(client.name)
        found = re.fullmatch(r"(\[[^/]*|[^/\[][^/]*)/(.*)", word)
        if found:
            return _in_network(found[1], found[2], client.address)
        return _is_text(word, client.address) or _is_text(word, client.name)

    async def _in_file(self, file: str, client: HostsClient) -> bool:
        self._files += 1
        text = await _text(self._world, file) if self._files <= _MOST_FILES else None
        for word in text.split() if text else ():
            if await self._is_host(word, client):
                return True
        return False


def _plain(address: str) -> str:
    """An IPv4 address that is written as an IPv6 one as itself."""
    try:
        mapped = IPv6Address(address).ipv4_mapped
    except ValueError:
        return address
    return str(mapped) if mapped else address


def _is_known(text: str) -> bool:
    return text.lower() not in (UNKNOWN, _PARANOID)


def _is_text(word: str, text: str) -> bool:
    """Whether a pattern matches a text: a suffix, a prefix, a wildcard, or the text itself."""
    low, subject, upper = word.lower(), text.lower(), word.upper()
    if "*" in word or "?" in word:
        return fnmatchcase(subject, low.replace("[", "[[]"))
    if word.startswith("."):
        return len(subject) > len(low) and subject.endswith(low)
    if upper == "ALL":
        return True
    if upper == "KNOWN":
        return _is_known(text)
    if upper == "UNKNOWN" or upper == "PARANOID":
        return subject == upper.lower()
    if word.endswith("."):
        return subject.startswith(low)
    if word.startswith("["):
        return _in_network(word, "128", text)
    return low == subject


def _in_network(net: str, mask: str, address: str) -> bool:
    if net.startswith("["):
        return net.endswith("]") and _in_network6(net[1:-1], mask, address)
    try:
        bits = _mask(mask)
        return bits is not None and int(IPv4Address(address)) & bits == int(IPv4Address(net))
    except ValueError:
        return False


def _mask(text: str) -> int | None:
    if "." in text:
        return None if text == "255.255.255.255" else int(IPv4Address(text))
    length = int(text) if text.isascii() and text.isdigit() else 0
    return (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF if 0 < length <= 32 else None


def _in_network6(net: str, length: str, address: str) -> bool:
    if not (length.isascii() and length.isdigit() and int(length[:9]) <= 128):
        return False
    try:
        shift = 128 - int(length)
        return int(IPv6Address(address)) >> shift == int(IPv6Address(net)) >> shift
    except ValueError:
        return False
