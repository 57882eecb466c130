"""A test file from its text: every key and value is checked, and what is wrong is reported with its place.

What stands in a group (an item with ``cases:`` or ``table:``) holds for its cases, unless they have it themselves.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import TypeVar

from mailconf.diagnostics import Sink, alike, error
from mailconf.insight.cases import values
from mailconf.insight.cases.nodes import List, Map, Node, Text, read_yaml
from mailconf.insight.cases.suite import Case, Client, Expected, Goal, Suite, TestWorld
from mailconf.insight.cases.table import COLUMNS, rows
from mailconf.insight.cases.values import Wrong
from mailconf.model.address import external
from mailconf.model.world import Outcome, Records
from mailconf.source import Source, Span

TS002 = error("TS002", "a test file has a key that is not known")
"""Why: what a key asks for that is misspelt would not be tested.

Example:
    # /etc/postfix/mail.test.yaml
    site: .
    cases:
      - {to: info@example.com, replies: 250}
    $ mailconf test /etc/postfix/mail.test.yaml

Remedy: write one of the keys that the hint names. A comma within braces ends a value: several ways out are a list,
goes: [local ann, local joe].

Source: docs/testing.md.
"""

TS003 = error("TS003", "a value of a test file has the wrong form")
"""Why: a mapping, a list or nothing at all stands where something else is needed, so that it is not known what to test.

Example:
    # /etc/postfix/mail.test.yaml
    site: .
    cases:
      - {to: info@example.com, reply: [250, 550]}
    $ mailconf test /etc/postfix/mail.test.yaml

Remedy: give the value the form that the report names.

Source: docs/testing.md.
"""

TS004 = error("TS004", "a value of a test file can mean nothing")
"""Why: an address, a reply or a record is written in a way in which no server could have it.

Example:
    # /etc/postfix/mail.test.yaml
    site: .
    cases:
      - {to: info@example.com, reply: refused}
    $ mailconf test /etc/postfix/mail.test.yaml

Remedy: write the value as the hint shows.

Source: docs/testing.md.
"""

TS005 = error("TS005", "a test file lacks what a case needs")
"""Why: without a site there is nothing to ask, without a recipient there is no question, and a case that expects
nothing always passes.

Example:
    # /etc/postfix/mail.test.yaml
    site: .
    cases:
      - {to: info@example.com}
    $ mailconf test /etc/postfix/mail.test.yaml

Remedy: add the key that the report names.

Source: docs/testing.md.
"""

TS006 = error("TS006", "a case of a test file names a client that is not defined")
"""Why: the answers depend on who asks.

Example:
    # /etc/postfix/mail.test.yaml
    site: .
    clients: {inside: 192.0.2.7}
    cases:
      - {client: outside, to: info@example.com, reply: 250}
    $ mailconf test /etc/postfix/mail.test.yaml

Remedy: add the client under clients, or write its address.

Source: docs/testing.md.
"""

MOST_CASES = 100_000
TOP_KEYS = ("site", "root", "postfix-version", "world", "clients", "defaults", "cases")
WORLD_KEYS = ("dns", "users", "services", "host", "clock")
CLIENT_KEYS = ("address", "name", "reverse", "helo", "service", "auth")
ASKED_KEYS = ("name", "client", "helo", "from", "to", "size", "message", "header")
EXPECTED_KEYS = ("reply", "goes", "copies", "as", "becomes")
GROUP_KEYS = ("cases", "table", "columns")
CASE_KEYS = ASKED_KEYS + EXPECTED_KEYS
AS_KEYS = ("from", "to")

T = TypeVar("T")


def read_suite(source: Source, sink: Sink) -> Suite | None:
    """The test file; None where something of it is wrong."""
    found = Sink()
    node = read_yaml(source, found)
    suite = _Reader(source, found).suite(node) if node is not None else None
    if node is None and not found.failed:
        found.report(TS005, "the file is empty", source.span(0), hint="write site: and cases:")
    for diagnostic in found:
        sink.add(diagnostic)
    return None if found.failed else suite


class _Reader:
    def __init__(self, source: Source, sink: Sink) -> None:
        self._source, self._sink = source, sink
        self._clients: dict[str, Client] = {}
        self._wrong_clients: set[str] = set()  # those of which something is wrong, which has been reported
        self._cases: list[Case] = []

    # -- forms

    def _map(self, node: Node, what: str, keys: tuple[str, ...] = ()) -> Map | None:
        if not isinstance(node, Map):
            self._sink.report(TS003, f"{what} is a mapping", node.span, hint=f"write {what}: {{key: value}}")
            return None
        for key in node.items if keys else ():
            if key not in keys:
                self._unknown(node, key, what, keys)
        return node

    def _unknown(self, node: Map, key: str, what: str, keys: tuple[str, ...]) -> None:
        hint = f"the keys are {', '.join(keys)}"
        value = node.items.get(key)
        if found := alike(key, keys):
            hint = f"write {found[0]}"
        elif node.flow and isinstance(value, Text) and not value.value and " " in key:
            hint = "a comma within braces ends a value: write a list, [local ann, local joe], or put it in quotes"
        self._sink.report(TS002, f"{what} has no key {key}", node.keys[key], hint=hint)

    def _text(self, node: Node, what: str) -> str | None:
        if not isinstance(node, Text):
            self._sink.report(TS003, f"{what} is one text", node.span, hint=f"write {what}: value")
            return None
        if not node.value and not node.style:
            self._sink.report(TS003, f"{what} has no value", node.span, hint='write one; an empty text is ""')
            return None
        return node.value

    def _texts(self, node: Node, what: str) -> list[Text]:
        """The texts of a list, or one text."""
        items = node.items if isinstance(node, List) else [node]
        return [item for item in items if self._text(item, what) is not None and isinstance(item, Text)]

    def _value(self, node: Node, what: str, read: Callable[[str], T]) -> T | None:
        text = self._text(node, what)
        if text is None:
            return None
        return self._try(node.span, what, lambda: read(text))

    def _try(self, span: Span, what: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Wrong as wrong:
            self._sink.report(TS004, f"{what}: {wrong}", span, hint=wrong.hint)
            return None

    # -- the file

    def suite(self, node: Node) -> Suite | None:
        top = self._map(node, "a test file", TOP_KEYS)
        if top is None:
            return None
        items = top.items
        for key in ("site", "cases"):
            if key not in items:
                self._sink.report(TS005, f"there is no {key}", self._source.span(0), hint=f"add {key}: at the top")
        site = self._text(items["site"], "site") if "site" in items else None
        root = self._text(items["root"], "root") if "root" in items else None
        version = self._text(items["postfix-version"], "postfix-version") if "postfix-version" in items else None
        world = self._world(items["world"]) if "world" in items else TestWorld()
        if "clients" in items and (clients := self._map(items["clients"], "clients")) is not None:
            for name, written in clients.items.items():
                if (client := self._client(name, written)) is not None:
                    self._clients[name] = client
                else:
                    self._wrong_clients.add(name)
        defaults: dict[str, Node] = {}
        if "defaults" in items and (given := self._map(items["defaults"], "defaults", CASE_KEYS)) is not None:
            defaults = dict(given.items)
        if "cases" in items:
            self._group(items["cases"], defaults, "")
        if site is None:
            return None
        if not self._cases and not self._sink.failed:
            self._sink.report(TS005, "there is no case", self._source.span(0), hint="add one below cases:")
        for client in self._clients.values():
            _know(world, client)
        for case in self._cases:
            _know(world, case.client)
        file = self._source.name
        return Suite(
            self._source,
            file,
            Expected(site, items["site"].span),
            root,
            world,
            self._clients,
            self._cases,
            version or "",
        )

    def _world(self, node: Node) -> TestWorld:
        world = TestWorld()
        found = self._map(node, "world", WORLD_KEYS)
        if found is None:
            return world
        items = found.items
        if "dns" in items:
            self._dns(items["dns"], world.dns)
        if "users" in items:
            world.users = self._users(items["users"])
        if "services" in items and (services := self._map(items["services"], "services")) is not None:
            for name, action in services.items.items():
                endpoint = self._try(services.keys[name], "services", lambda name=name: values.service(name))  # type: ignore[misc]
                text = self._text(action, name)
                if endpoint is not None and text is not None:
                    world.services[endpoint] = text
        if "host" in items:
            world.host = self._value(items["host"], "host", _host) or ""
        if "clock" in items:
            world.clock = self._value(items["clock"], "clock", _clock)
        return world

    def _users(self, node: Node) -> Mapping[str, str]:
        if isinstance(node, Map):
            homes = {name: self._text(home, name) for name, home in node.items.items()}
            return {name: home for name, home in homes.items() if home is not None}
        found = {}
        for item in self._texts(node, "users"):
            if not item.value.replace("-", "").replace("_", "").replace(".", "").isalnum():
                message = f"users: {item.value!r} is not the name of a user"
                self._sink.report(TS004, message, item.span, hint="write a list of names: [ann, joe]")
            found[item.value] = f"/home/{item.value}"
        return found

    def _dns(self, node: Node, found: dict[tuple[str, str], Records]) -> None:
        names = self._map(node, "dns")
        for written, value in names.items.items() if names is not None else ():
            assert names is not None
            name = self._try(names.keys[written], "dns", lambda: values.dns_name(written))  # noqa: B023
            if name is None:
                continue
            if isinstance(value, Map):
                found[name, ""] = Records(Outcome.ABSENT)  # the name is there
                for key, records in value.items.items():
                    kind = self._try(value.keys[key], name, lambda: values.dns_type(key))  # noqa: B023
                    if kind is not None:
                        self._records(name, kind, self._texts(records, key), found)
                continue
            texts = self._texts(value, written)
            if [text.value.lower() for text in texts] == [values.SERVFAIL]:
                found[name, "*"] = Records(Outcome.FAILED, (), "SERVFAIL")
                continue
            kinds: dict[str, list[Text]] = {}
            for text in texts:
                kind = self._try(text.span, written, lambda: values.address_type(text.value))  # noqa: B023
                if kind is not None:
                    kinds.setdefault(kind, []).append(text)
            for kind, some in kinds.items():
                self._records(name, kind, some, found)

    def _records(self, name: str, kind: str, texts: list[Text], found: dict[tuple[str, str], Records]) -> None:
        for text in texts:
            self._try(text.span, name, lambda: values.records(kind, [text.value]))  # noqa: B023
        if not self._sink.failed:
            found[name, kind] = values.records(kind, [text.value for text in texts])

    # -- clients

    def _client(self, label: str, node: Node, helo: str | None = None) -> Client | None:
        if isinstance(node, Text):
            words = self._value(node, label, values.client_words)
        else:
            found = self._map(node, f"client {label}", CLIENT_KEYS)
            if found is None:
                return None
            if "address" not in found.items:
                self._sink.report(TS005, f"client {label} has no address", node.span, hint="add address: 192.0.2.1")
                return None
            texts = {key: self._text(value, key) for key, value in found.items.items()}
            words = values.ClientWords("")._replace(
                **{key: text or "" for key, text in texts.items() if key in CLIENT_KEYS}
            )
        if words is None:
            return None
        if helo is not None:
            words = words._replace(helo=helo)
        what = "client" if isinstance(node, Text) and node.value == label else label
        return self._try(node.span, what, lambda: values.client(label, words))

    def _who(self, items: Mapping[str, Node]) -> Client | None:
        """The client of a case: by its name, or as it is described there; without one, a stranger."""
        helo = self._text(items["helo"], "helo") if "helo" in items else None
        node = items.get("client")
        if node is None:
            return values.client("stranger", values.ClientWords("203.0.113.1", helo=helo))
        if isinstance(node, Text) and node.value in self._clients:
            known = self._clients[node.value]
            return known if helo is None else known._replace(helo=helo)
        if isinstance(node, Text) and node.value in self._wrong_clients:
            return None
        if isinstance(node, Text) and node.value[:1].isalpha() and ":" not in node.value:
            names = ", ".join(self._clients) or "none"
            close = alike(node.value, self._clients)
            hint = f"write {close[0]}" if close else f"add it under clients; there are: {names}"
            self._sink.report(TS006, f"there is no client {node.value}", node.span, hint=hint)
            return None
        return self._client(node.value if isinstance(node, Text) else "client", node, helo)

    # -- cases

    def _group(self, node: Node, defaults: Mapping[str, Node], title: str) -> None:
        if not isinstance(node, List):
            self._sink.report(TS003, "cases is a list", node.span, hint="write each case behind a hyphen: - {to: ...}")
            return
        for item in node.items:
            found = self._map(item, "a case", CASE_KEYS + GROUP_KEYS)
            if found is None:
                continue
            items = {**defaults, **found.items}
            if not ("cases" in found.items or "table" in found.items):
                self._case(items, item.span, title)
                continue
            name = items.pop("name", None)
            inner = " / ".join(filter(None, (title, self._text(name, "name") if name is not None else "")))
            nested, table, columns = items.pop("cases", None), items.pop("table", None), items.pop("columns", None)
            if nested is not None:
                self._group(nested, items, inner)
            if table is not None:
                self._table(table, columns, items, inner)

    def _table(self, node: Node, columns: Node | None, defaults: Mapping[str, Node], title: str) -> None:
        names = ["to", "reply", "goes"]
        if columns is not None:
            names = [word for text in self._texts(columns, "columns") for word in text.value.split()]
        if self._text(node, "table") is None:
            return
        assert isinstance(node, Text)
        for name in names:
            if name not in COLUMNS:
                span = node.span if columns is None else columns.span
                self._sink.report(
                    TS002, f"a table has no column {name}", span, hint=f"columns are {', '.join(COLUMNS)}"
                )
                return
        for row in rows(node, names):
            if row.wrong:
                self._sink.report(TS004, row.wrong, row.span, hint="put two blanks or a tab between reply and goes")
                continue
            cells: dict[str, Node] = dict(row.cells)
            self._case({**defaults, **cells}, row.span, title)

    def _case(self, items: Mapping[str, Node], span: Span, group: str) -> None:
        if len(self._cases) >= MOST_CASES:
            if len(self._cases) == MOST_CASES and not self._sink.failed:
                self._sink.report(TS005, f"there are more than {MOST_CASES:,} cases", span, hint="make two files of it")
            return
        client = self._who(items)
        sender = self._value(items["from"], "from", values.sender) if "from" in items else ""
        recipients = self._recipients(items.get("to"), span)
        size = self._value(items["size"], "size", _size) if "size" in items else 0
        message = self._message(items)
        title = self._text(items["name"], "name") if "name" in items else None
        if not items.keys() - ASKED_KEYS:  # a key that is not known may have been meant for one
            keys = ", ".join(EXPECTED_KEYS)
            self._sink.report(TS005, "the case expects nothing", span, hint=f"add one of {keys}")
        reply = goes = copies = None
        if "reply" in items:
            where = items["reply"].span
            reply = self._value(items["reply"], "reply", lambda text: values.reply_pattern(text, where))
        if "goes" in items:
            goes = self._goals(items["goes"], "goes")
        if "copies" in items:
            copies = self._goals(items["copies"], "copies")
        renamed = self._as(items["as"]) if "as" in items else {}
        becomes = self._becomes(items["becomes"], message) if "becomes" in items else ()
        if client is None or sender is None or not recipients or size is None:
            return
        if title is None:
            shown = ", ".join(to if values.domains_meant(to) else external(to) for to in recipients)
            title = f"{client.label}: <{external(sender)}> -> {shown}"
        title = f"{group}: {title}" if group else title
        self._cases.append(
            Case(
                title,
                span,
                client,
                sender,
                tuple(recipients),
                size,
                message,
                reply,
                goes,
                copies,
                renamed.get("from"),
                renamed.get("to"),
                becomes,
                goes_span=items["goes"].span if "goes" in items else None,
                copies_span=items["copies"].span if "copies" in items else None,
            )
        )

    def _recipients(self, node: Node | None, span: Span) -> list[str]:
        if node is None:
            self._sink.report(TS005, "the case has no recipient", span, hint="add to: user@domain")
            return []
        found = [self._value(text, "to", values.recipient) for text in self._texts(node, "to")]
        return [address for address in found if address is not None]

    def _goals(self, node: Node, what: str) -> tuple[Goal, ...]:
        """A list of ways out, or a text with commas between them; "nothing" and an empty list are none."""
        found: list[Goal] = []
        for text in self._texts(node, what):
            if text.value.strip() == "nothing":
                continue
            for part in _parts(text.value):
                goal = self._try(text.span, what, lambda: values.goal(part, text.span))  # noqa: B023
                if goal is not None:
                    found.append(goal)
        return tuple(found)

    def _as(self, node: Node) -> dict[str, Expected]:
        found = self._map(node, "as", AS_KEYS)
        result: dict[str, Expected] = {}
        for key, value in found.items.items() if found is not None else ():
            read = values.sender if key == "from" else values.recipient
            address = self._value(value, key, read)
            if address is not None:
                result[key] = Expected(address, value.span)
        return result

    def _becomes(self, node: Node, message: str | None) -> tuple[tuple[str, Expected], ...]:
        """Header fields and their texts."""
        if message is None:
            self._sink.report(TS005, "there is no message that could become anything", node.span, hint="add header:")
        found = self._map(node, "becomes")
        result = []
        for name, value in found.items.items() if found is not None else ():
            text = value.value if isinstance(value, Text) and value.style else self._text(value, name)
            if text is not None:
                result.append((name, Expected(" ".join(text.split()), value.span)))
        return tuple(result)

    def _message(self, items: Mapping[str, Node]) -> str | None:
        """The message of a case: its header lines and its body, ended by LF; None without either."""
        lines: list[str] = []
        header = items.get("header")
        if isinstance(header, Map):
            for name, value in header.items.items():
                text = self._text(value, name)
                lines.append(f"{name}: {text or ''}")
        elif header is not None:
            for line in self._texts(header, "header"):
                self._try(line.span, "header", lambda: _field(line.value))  # noqa: B023
                lines.append(line.value.rstrip("\n"))
        body = self._text(items["message"], "message") if "message" in items else None
        if header is None:
            return body
        return "\n".join([*lines, "" if body is None else body, ""])


def _parts(text: str) -> list[str]:
    """``local ann, local joe``: a comma ends a way out, except within a command."""
    if "|" in text:
        return [text]
    return [part.strip() for part in text.split(",") if part.strip()]


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Wrong(f"{text!r} is not a number of bytes", "write digits: 20480000")
    return int(text)


def _field(text: str) -> str:
    first, colon, _ = text.partition(":")
    if not colon or not first.strip() or not first.rstrip().isascii() or " " in first.rstrip():
        raise Wrong(f"{text!r} is not a line of a header", "write Subject: hello")
    return text


def _host(text: str) -> str:
    from mailconf.smtp.path import valid_hostname

    if not valid_hostname(text):
        raise Wrong(f"{text!r} is not a host name", "write a name as in mail.example.com")
    return text


def _clock(text: str) -> float:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise Wrong(f"{text!r} is not a time", "write 2026-01-31T12:00:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return moment.timestamp()


def _know(world: TestWorld, client: Client) -> None:
    """A client's name leads to its address and back, unless the world has other records for it."""
    import ipaddress

    if not client.name.is_found:
        return
    kind = "AAAA" if ":" in client.address else "A"
    reverse = ipaddress.ip_address(client.address).reverse_pointer
    for name, type_, value in ((client.name.text.lower(), kind, client.address), (reverse, "PTR", client.name.text)):
        if not any(known == name for known, _ in world.dns):
            world.dns[name, type_] = Records(Outcome.FOUND, (value,))
