"""``postconf``: Postfix's configuration utility (postconf(1)), with the original's options, words and exit status.

Ours in front of the original's options: ``--root DIR`` (absolute paths lie below DIR).

Departures: standard error only, nothing goes to syslog; -v is accepted and says nothing more; a fatal error ends the
program at once, where the original waits a second.
"""

from __future__ import annotations

import os
import sys

from mailconf.cli.postfix_tool import Messages, getopt, take_root
from mailconf.postfix import postconf_show as show
from mailconf.postfix.postconf import BUILTIN, DEFAULT_DIRECTORY, SERVICE, USER, Fatal, Postconf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailconf.files import Root

FLAGS = "aAbdefFhHlmMnpPtvxX#"
VALUED = "cCoT"
MODES = "aAbFlmMpPtT"
MODIFIERS = "defhHnoxX#"
CONFLICTS = ("denX#", "efX#", "exX#", "deoX#", "ehHX#")
ALLOWED = {"F": "efhHox", "M": "efoxX#", "p": MODIFIERS, "P": "efhHoxX"}  # by mode, modifiers; other modes: none
USAGE = (
    "usage: {} [-a (server SASL types)] [-A (client SASL types)] [-b (bounce templates)] [-c config_dir] "
    "[-c param_class] [-d (parameter defaults)] [-e (edit configuration)] [-f (fold lines)] [-F (master.cf fields)] "
    "[-h (no names)] [-H (no values)] [-l (lock types)] [-m (map types)] [-M (master.cf)] "
    "[-n (non-default parameters)] [-o name=value (override parameter value)] [-p (main.cf, default)] "
    "[-P (master.cf parameters)] [-t (bounce templates)] [-T compile-version|run-version|public-key-algorithms] "
    "[-v (verbose)] [-x (expand parameter values)] [-X (exclude)] [-# (comment-out)] [name...]"
)
LOCKS = ("flock", "fcntl", "dotlock")
SERVER_SASL = ("cyrus", "dovecot")
CLIENT_SASL = ("cyrus",)
ATTRIBUTES = ("service", "type", "private", "unprivileged", "chroot", "wakeup", "process_limit", "command")


class Tool:
    """One run: the options, and what it prints. Output is kept until the end, so that a fatal error prints none."""

    def __init__(self, name: str, root: Root) -> None:
        self.name = name
        self.root = root
        self.messages = Messages(name)
        self.options: set[str] = set()
        self.overrides: list[str] = []
        self.classes = {BUILTIN, SERVICE, USER}
        self.tls_mode = ""
        self.directory = ""
        self.lines: list[str] = []

    def read(self, name: str) -> str:
        """The text of a file that the configuration names."""
        from mailconf.source import decode

        with open(self.root.path(name), "rb") as file:  # noqa: PTH123 - Path.open is slower to start
            return decode(file.read())

    def flush(self) -> None:
        from mailconf.source import encode

        if self.lines:
            sys.stdout.flush()
            sys.stdout.buffer.write(encode("\n".join(self.lines) + "\n"))
            sys.stdout.buffer.flush()
            self.lines.clear()

    def options_of(self, arguments: list[str]) -> None:
        """Take the options off ``arguments``. Raises Fatal."""
        given_directory = None
        for letter, value in getopt(self.name, arguments, FLAGS, VALUED):
            if letter == "?":
                raise Fatal(USAGE.format(self.name))
            if letter == "c":
                given_directory = value
            elif letter == "C":
                self.classes = _classes(value)
            elif letter == "T":
                self.tls_mode = value
                self.options.add(letter)
            else:
                if letter in "bt" and self.options & set("bt") - {letter}:
                    raise Fatal("specify one of -b and -t")
                if letter == "o":
                    self.overrides.append(value)
                self.options.add(letter)
        self.explicit = given_directory is not None or "MAIL_CONFIG" in os.environ
        self.directory = given_directory or os.environ.get("MAIL_CONFIG") or DEFAULT_DIRECTORY

    def check_options(self, arguments: list[str]) -> str:
        """The mode; raises Fatal for options that exclude each other."""
        modes = [letter for letter in MODES if letter in self.options]
        if len(modes) > 1:
            raise Fatal("specify one of -" + " -".join(modes))
        mode = modes[0] if modes else "p"
        allowed = ALLOWED.get(mode, "")
        if "e" in allowed and any("=" in argument for argument in arguments):
            self.options.add("e")
        for group in CONFLICTS:
            found = [letter for letter in group if letter in self.options]
            if len(found) > 1:
                raise Fatal("specify one of -" + " -".join(found))
        wrong = [letter for letter in MODIFIERS if letter in self.options and letter not in allowed]
        if wrong:
            raise Fatal(f"with option -{mode}, do not specify -" + " -".join(wrong))
        return mode

    def run(self, arguments: list[str]) -> int:
        self.options_of(arguments)
        mode = self.check_options(arguments)
        if self.options & set("eX#"):
            return self.edit(mode, arguments)
        if mode == "p":
            self.main_cf(arguments)
        elif mode in "MFP":
            self.master_cf(mode, arguments)
        else:
            return self.facts(mode, arguments)
        return 0

    # Parameters

    def open(self) -> Postconf:
        def warn(text: str) -> None:
            self.messages.warn(text)

        known = Postconf(self.directory, warn, self.read)
        if self.explicit:
            known.values["config_directory"] = self.directory
        return known

    def main_cf(self, names: list[str]) -> None:
        known = self.open()
        defaults = "d" in self.options
        if defaults:
            known.values.clear()
        else:
            known.read_main()
            for text in self.overrides:
                known.override(text)
            known.check_values()
        known.read_master(required=False)
        if not defaults:
            known.register_users()
        self.parameters(known, names)
        self.flush()
        if not defaults:
            self.warn_of(known.unused())

    def parameters(self, known: Postconf, names: list[str]) -> None:
        for name in names:
            if not known.is_parameter(name):
                self.messages.warn(f"{name}: unknown parameter")
        for name in [n for n in names if known.is_parameter(n)] if names else known.names(self.classes):
            if "n" in self.options and name not in known.values:
                continue
            value = "" if "H" in self.options else known.raw(name, known.values)
            if "x" in self.options and "H" not in self.options and not known.is_raw(name):
                value = known.expand(value, known.values)
            self.lines.append(self.line(name, value))

    def line(self, name: str, value: str) -> str:
        options = self.options
        return show.parameter(
            name, value, fold="f" in options, with_name="h" not in options, with_value="H" not in options
        )

    def warn_of(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.messages.warn(text)

    # Services

    def master_cf(self, mode: str, requests: list[str]) -> None:
        known = self.open()
        known.read_main()
        for text in self.overrides:
            known.override(text)
        known.check_values()
        known.read_master(required=True)
        known.register_users()
        wanted = _requests(mode, requests)
        matched: set[int] = set()
        for scope in known.services:
            entry = scope.entry
            expand = _expansion(known, known.scope_values(scope)) if "x" in self.options else None

            prefix = f"{entry.name}/{entry.type}/"
            if mode == "M":
                if _match(wanted, (entry.name, entry.type), matched):
                    self.lines.append(show.service(entry, fold="f" in self.options, expand=expand))
            elif mode == "F":
                for at, attribute in enumerate(ATTRIBUTES):
                    if _match(wanted, (entry.name, entry.type, attribute), matched):
                        value = show.command(entry, expand=expand) if attribute == "command" else entry.fields[at].text
                        self.lines.append(self.field(prefix + attribute, value))
            else:
                for name in sorted(scope.values, key=lambda n: n.encode("utf-8", "surrogateescape")):
                    if _match(wanted, (entry.name, entry.type, name), matched):
                        value = scope.values[name]
                        self.lines.append(self.line(prefix + name, expand(value) if expand else value))
        for at, request in enumerate(requests):
            if at not in matched:
                self.messages.warn(f'unmatched request: "{request}"')
        self.flush()
        self.warn_of(known.unused())

    def field(self, name: str, value: str) -> str:
        if "H" in self.options:
            return name
        return value if "h" in self.options else f"{name} = {value}"

    # Facts

    def facts(self, mode: str, arguments: list[str]) -> int:
        if mode == "l":
            self.lines += LOCKS
        elif mode == "a":
            self.lines += SERVER_SASL
        elif mode == "A":
            self.lines += CLIENT_SASL
        elif mode == "m":
            from mailconf.maps.registry import known_types

            self.lines += known_types()
        self.flush()
        return 0

    def edit(self, mode: str, arguments: list[str]) -> int:
        raise Fatal("not yet")


def _expansion(known: Postconf, values: dict[str, str]) -> show.Expand:
    def expand(text: str) -> str:
        return known.expand(text, values)

    return expand


def _classes(text: str) -> set[str]:
    found: set[str] = set()
    for word in text.replace(",", " ").split():
        if word == "all":
            found |= {BUILTIN, SERVICE, USER}
        elif word in (BUILTIN, SERVICE, USER):
            found.add(word)
        else:
            raise Fatal(f'unknown -C option value "{word}" in "{text}"')
    return found


def _requests(mode: str, requests: list[str]) -> list[tuple[str, ...]]:
    """The requests as patterns, ``*`` for what is left out. Raises Fatal."""
    size, shape = (2, "service_name[/type]") if mode == "M" else (3, "service_name[/type[/%s]]")
    patterns = []
    for request in requests:
        parts = request.split("/")
        if len(parts) > size and mode != "P":
            raise Fatal(f"-{mode} option requires " + shape.replace("%s", "field"))
        parts += ["*"] * (size - len(parts))
        if mode == "F" and parts[2] not in (*ATTRIBUTES, "*"):
            raise Fatal(f'invalid service attribute name: "{parts[2]}"')
        patterns.append(tuple(parts))
    return patterns


def _match(patterns: list[tuple[str, ...]], names: tuple[str, ...], matched: set[int]) -> bool:
    """Whether a pattern, or no pattern at all, selects ``names``; the numbers of those that do join ``matched``."""
    found = not patterns
    for at, pattern in enumerate(patterns):
        if all(part in ("*", name) for part, name in zip(pattern, names, strict=True)):
            matched.add(at)
            found = True
    return found


def run(name: str, arguments: list[str]) -> int:
    """Run ``arguments`` as postconf's; ``name`` is what it was called as."""
    arguments = list(arguments)
    tool = Tool(name, take_root(arguments))
    try:
        return tool.run(arguments)
    except Fatal as failure:
        tool.messages.fatal(str(failure))
        return 1
