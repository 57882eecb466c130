"""What a sendmail.cf distinguishes (`mailconf.model.distinction`).

Rulesets make keys of what they are given, and only running them shows which. So sessions are led with values that are
recognised in any key (`mailconf.sendmail.policy.probing`), and each key becomes a template: ``from:{plain}@{domain}``.
What no such session has shown is not left out: a map that rules can reach (`mailconf.sendmail.rules.questions.Calls`)
and that was not asked, and a key that is not the values' alone, are announced as `Key.MADE`.

Words and classes on the left sides of rules are announced as literals, for each dimension that can come there: by the
ruleset's argument, and by the macros that are read on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from mailconf.model.distinction import Dimension, Distinction, Form, Key
from mailconf.sendmail.policy import hosts_access
from mailconf.sendmail.policy.probing import Seen, observed
from mailconf.sendmail.policy.recipients_files import DEFAULT_USERS
from mailconf.sendmail.rules.classes import folded
from mailconf.sendmail.rules.questions import Calls, Way, ways
from mailconf.sendmail.rules.symbols import IN_CLASS, LATE_MACRO, MAP_BEGIN, NOT_IN_CLASS
from mailconf.source import Span

if TYPE_CHECKING:
    from mailconf.sendmail.policy.settings import Compiled
    from mailconf.sendmail.rules.compile import CompiledRule
    from mailconf.sendmail.rules.maps import DefinedMap

_ADDRESS = (Key.WHOLE, Key.LOCAL, Key.PLAIN_LOCAL, Key.DOMAIN, Key.PARENTS)
_COMPARED = {
    Dimension.CLIENT: (Key.WHOLE, Key.NETWORKS),
    Dimension.SENDER: _ADDRESS,
    Dimension.RECIPIENT: _ADDRESS,
    Dimension.HEADER: _ADDRESS,
}
_NAMES = (Key.WHOLE, Key.PARENTS)
_CLIENT = (Dimension.NAME, Dimension.REVERSE_NAME, Dimension.CLIENT)
_ENVELOPE = (Dimension.SENDER, Dimension.RECIPIENT)
_OF_RULESETS = {
    "check_relay": _CLIENT,
    "greet_pause": _CLIENT,
    "srv_features": _CLIENT,
    "check_mail": (Dimension.SENDER,),
    "check_rcpt": (Dimension.RECIPIENT,),
    "check_vrfy": (Dimension.RECIPIENT,),
    "check_expn": (Dimension.RECIPIENT,),
    "check_compat": _ENVELOPE,
    "queuegroup": (Dimension.RECIPIENT,),
    "trust_auth": (Dimension.LOGIN,),
    "tls_client": (Dimension.SESSION,),
}
_OF_MACROS = {
    "client_addr": Dimension.CLIENT,
    "client_name": Dimension.NAME,
    "client_resolve": Dimension.NAME,
    "client_ptr": Dimension.REVERSE_NAME,
    "_": Dimension.NAME,
    "s": Dimension.HELO,
    "f": Dimension.SENDER,
    "g": Dimension.SENDER,
    "mail_addr": Dimension.SENDER,
    "mail_host": Dimension.SENDER,
    "mail_mailer": Dimension.SENDER,
    "mail_from": Dimension.SENDER,
    "rcpt_addr": Dimension.RECIPIENT,
    "rcpt_host": Dimension.RECIPIENT,
    "rcpt_mailer": Dimension.RECIPIENT,
    "u": Dimension.RECIPIENT,
    "currHeader": Dimension.HEADER,
    "hdr_name": Dimension.HEADER,
    "auth_type": Dimension.LOGIN,
    "auth_authen": Dimension.LOGIN,
    "auth_author": Dimension.LOGIN,
}
_RECORDS = {"host": ("CNAME", "AAAA", "A", "MX", "PTR"), "bestmx": ("MX", "A", "AAAA")}
_TABLES = ("hash", "btree", "cdb", "text")
_SESSION = (Dimension.SESSION,)


class _Place(NamedTuple):
    """A rule: what its ruleset is called, and where it stands."""

    rule: str
    span: Span | None


def distinctions(compiled: Compiled) -> Iterator[Distinction]:
    """Everything that the answers may depend on."""
    announcing = _Announcing(compiled)
    yield from announcing.of_keys(observed(compiled))
    yield from announcing.of_maps()
    yield from announcing.of_machine()
    yield from announcing.of_words()
    for dimension in (*_CLIENT, Dimension.HELO, *_ENVELOPE, Dimension.HEADER, Dimension.LOGIN, Dimension.SESSION):
        yield Distinction("rulesets", dimension, Form.SYNTAX, exact=False)


class _Announcing:
    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled
        self._book = book = compiled.book
        self._calls = Calls(book)
        self._ways = [(way, self._calls.reached(starts)) for way, starts in ways(book)]
        self._reading = self._macros_read()
        self._dimensions = self._dimensions_of_rulesets()
        self._seen: set[tuple[Form, str]] = set()

    # -- which dimensions come where

    def _rules(self, number: int) -> list[CompiledRule]:
        return self._book.rulesets[number].rules

    def _macros_read(self) -> dict[int, set[str]]:
        """The macros that each ruleset reads when it runs."""
        found: dict[int, set[str]] = {}
        for number in {number for _, reached in self._ways for number in reached}:
            found[number] = {
                self._book.names.name(token[1])
                for rule in self._rules(number)
                for token in (*rule.left, *rule.right)
                if token[:1] == LATE_MACRO and len(token) > 1
            }
        return found

    def _macros_set(self, number: int) -> Iterator[str]:
        """The macros that a ruleset sets by a macro map."""
        for rule in self._rules(number):
            for at, token in enumerate(rule.right[:-2]):
                if token[:1] == MAP_BEGIN and self._kind(rule.right[at + 1]) == "macro":
                    yield rule.right[at + 2].strip("{}") if rule.right[at + 2] != "{" else rule.right[at + 3]

    def _kind(self, name: str) -> str:
        known = self._book.maps.get(folded(name))
        return known.kind.name if known else ""

    def _dimensions_of_rulesets(self) -> dict[int, set[Dimension]]:
        """What can come to each ruleset: what its callers are given, and the macros that are read on the way."""
        given = {way: set(self._given(way)) for way, _ in self._ways}
        held: dict[str, set[Dimension]] = {}
        for _ in range(4):  # what one ruleset has put into a macro another one reads
            for way, reached in self._ways:
                for number in reached:
                    for name in self._reading[number]:
                        known = _OF_MACROS.get(name)
                        given[way] |= {known} if known else held.get(name, set())
                for number in reached:
                    for name in self._macros_set(number):
                        held.setdefault(name, set()).update(given[way])
        found: dict[int, set[Dimension]] = {}
        for way, reached in self._ways:
            for number in reached:
                found.setdefault(number, set()).update(given[way])
        return found

    def _given(self, way: Way) -> Iterable[Dimension]:
        if way.ruleset:
            headers = {ruleset for ruleset, _ in self._book.headers.values()}
            return _OF_RULESETS.get(way.ruleset, (Dimension.HEADER,) if way.ruleset in headers else _SESSION)
        if not way.mailer:
            return _ENVELOPE
        one = Dimension.SENDER if way.sender else Dimension.RECIPIENT
        return (one, Dimension.HEADER) if way.header else (one,)

    def _place(self, line: int, rule: str) -> _Place:
        source = self._compiled.source
        known = source is not None and 0 < line <= source.text.count("\n") + 1
        return _Place(rule, source.line_span(line) if source is not None and known else None)

    def _asking(self, name: str) -> tuple[_Place, set[Dimension]]:
        """The first rule that asks a map, and what can come to all of them."""
        asking = self._calls.asking(name)
        if not asking:
            return _Place(name, None), set()
        number, first = asking[0]
        dimensions = {d for number_, _ in asking for d in self._dimensions.get(number_, ())}
        return self._place(first.line, f"ruleset {self._book.shown_name(number)}"), dimensions

    # -- what was observed

    def of_keys(self, seen: Iterable[Seen]) -> Iterator[Distinction]:
        """What sessions were seen to ask."""
        places = {name: self._asking(map_.name)[0] for map_ in self._book.maps.values() for name in [_text(map_)]}
        by: dict[tuple[Form, str, Dimension, tuple[str, ...]], set[str]] = {}
        for what in seen:
            self._seen.add((what.form, what.text))
            by.setdefault((what.form, what.text, what.dimension, what.records), set()).add(what.template)
        for (form, text, dimension, records), templates in sorted(by.items(), key=lambda item: str(item[0])):
            place = places.get(text, _Place("aliases" if form is Form.TABLE else "rulesets", None))
            exact = dimension not in (*_ENVELOPE, Dimension.HEADER) and form is Form.TABLE
            known = tuple(sorted(templates - {""}))
            one = Distinction(place.rule, dimension, form, text, records=records, span=place.span)
            if known:
                yield one._replace(keys=(Key.TEMPLATE,), exact=exact, templates=known)
            if "" in templates:
                yield one._replace(keys=(Key.MADE,), exact=False)

    # -- what can be asked

    def of_maps(self) -> Iterator[Distinction]:
        """Maps that rules can ask and that were not seen to be asked, and those that compute."""
        for map_ in self._book.maps.values():
            place, dimensions = self._asking(map_.name)
            form, kind = _form(map_), map_.kind.name
            if form is None or not dimensions:
                continue
            text = _text(map_)
            records = _RECORDS.get(kind, (map_.record or "A",)) if form is Form.DNS else ()
            if form is Form.TABLE and (form, text) in self._seen:
                continue
            for dimension in sorted(dimensions, key=str):
                made = Distinction(place.rule, dimension, form, text, (Key.MADE,), exact=False, span=place.span)
                yield made._replace(records=records)

    def of_machine(self) -> Iterator[Distinction]:
        """Users, their files, aliases and user databases, by the mailers that ask for them."""
        mailers = self._book.mailers.values()
        recipient = Distinction("aliases", Dimension.RECIPIENT, Form.TABLE, exact=False)
        names = ("{value}", "{local}", "{plain}")
        if any(mailer.has("A") for mailer in mailers):
            keys = (*names, *(f"owner-{name}" for name in names), "owner-owner", "postmaster")
            aliases = self._book.maps.get("aliases")
            for leaf in _leaves(aliases) if aliases else ():
                if _form(leaf) is Form.TABLE:
                    yield recipient._replace(text=_text(leaf), keys=(Key.TEMPLATE,), templates=keys)
            for file in self._book.options.get("UserDatabaseSpec", "").replace(",", " ").split():
                if file.startswith("/"):
                    drop = tuple(f"{name}:{kind}" for name in names for kind in ("maildrop", "mailsender"))
                    text = f"btree:{file.removesuffix('.db')}"
                    yield recipient._replace(rule="UserDatabaseSpec", text=text, keys=(Key.TEMPLATE,), templates=drop)
        system = recipient._replace(form=Form.SYSTEM)
        yield system._replace(rule="mailers", text="user", keys=(Key.TEMPLATE,), templates=names)
        users = system._replace(rule="DefaultUser", dimension=Dimension.SESSION, text="user")
        yield users._replace(keys=(Key.FIXED,), fixed=self._default_users())
        yield system._replace(rule="mailers", text="names")
        for text in ("file", "account"):
            yield system._replace(text=text)
        for dimension in (Dimension.CLIENT, Dimension.NAME):
            wrap = system._replace(rule="libwrap", dimension=dimension, text="read")
            yield wrap._replace(keys=(Key.FIXED,), fixed=(hosts_access.ALLOW, hosts_access.DENY))
        yield system._replace(rule="libwrap", dimension=Dimension.CLIENT, text="read", keys=(Key.MADE,))
        for text in ("/etc/shells", *((helpfile,) if (helpfile := self._book.options.get("HelpFile")) else ())):
            yield system._replace(
                rule="files", dimension=Dimension.SESSION, text="read", keys=(Key.FIXED,), fixed=(text,)
            )
        yield system._replace(rule="mailers", form=Form.DNS, text="", keys=(Key.MADE,), records=_RECORDS["host"])

    def _default_users(self) -> tuple[str, ...]:
        name = self._book.options.get("DefaultUser", "").replace(".", ":").partition(":")[0].strip()
        return (name,) if name else DEFAULT_USERS

    def of_words(self) -> Iterator[Distinction]:
        """What rules compare with: words of their left sides, and the members of their classes."""
        words: dict[tuple[Dimension, str], CompiledRule] = {}
        classes: dict[tuple[Dimension, str], CompiledRule] = {}
        for number, dimensions in self._dimensions.items():
            for rule in self._rules(number):
                for dimension in dimensions:
                    for name in _classes(rule):
                        classes.setdefault((dimension, name), rule)
                    for word in _words(rule, self._compiled):
                        words.setdefault((dimension, word), rule)
        for (dimension, name), rule in sorted(classes.items(), key=lambda item: (item[1].line, str(item[0][0]))):
            place = self._place(rule.line, f"class {self._book.names.name(name)}")
            for member in sorted(self._book.classes.set_of(name)):
                yield self._literal(dimension, member, place)
        for (dimension, word), rule in sorted(words.items(), key=lambda item: (item[1].line, str(item[0]))):
            yield self._literal(dimension, word, self._place(rule.line, f"ruleset {self._calls.ruleset_of(rule)}"))

    def _literal(self, dimension: Dimension, word: str, place: _Place) -> Distinction:
        keys = _COMPARED.get(dimension, _NAMES)
        return Distinction(place.rule, dimension, Form.LITERAL, folded(word), keys, exact=False, span=place.span)


def _leaves(map_: DefinedMap) -> list[DefinedMap]:
    """The maps that one asks in its place: the members of a sequence, and theirs."""
    found, waiting, seen = [], [map_], set()
    while waiting:
        one = waiting.pop(0)
        if one.name in seen:
            continue
        seen.add(one.name)
        members = [member for member in one.members if member is not None]
        waiting += members
        if not members:
            found.append(one)
    return found


def _form(map_: DefinedMap) -> Form | None:
    """How a map looks at its key; None for one that computes, or that has others do so."""
    kind = map_.kind.name
    if kind in (*_TABLES, "implicit", "stab"):
        return Form.TABLE
    if kind in ("dns", "host", "bestmx"):
        return Form.DNS
    return {"regex": Form.PATTERN, "user": Form.SYSTEM, "program": Form.SERVICE, "socket": Form.SERVICE}.get(kind)


def _text(map_: DefinedMap) -> str:
    """What a Distinction calls a map."""
    kind = map_.kind.name
    form = _form(map_)
    if form is Form.TABLE:
        kind = {"implicit": "hash", "stab": "text"}.get(kind, kind)
        base = map_.file if kind == "text" else map_.file.removesuffix(f".{'cdb' if kind == 'cdb' else 'db'}")
        return f"{kind}:{base}"
    if form is Form.PATTERN:
        return f"regex:{map_.name}"
    if form is Form.SERVICE:
        return f"{kind}:{map_.file}"
    return {"user": "user"}.get(kind, "")


def _classes(rule: CompiledRule) -> Iterator[str]:
    return (token[1] for token in rule.left if token[:1] in (IN_CLASS, NOT_IN_CLASS) and len(token) > 1)


def _words(rule: CompiledRule, compiled: Compiled) -> Iterator[str]:
    """The texts between a left side's operators that have a letter or digit, without what surrounds names."""
    run: list[str] = []
    for token in (*rule.left, IN_CLASS):
        if token[:1] >= "\uf780":
            text = "".join(run).strip("<>@. ")
            if any(character.isalnum() for character in text):
                yield text
            run = []
        else:
            run.append(token)
