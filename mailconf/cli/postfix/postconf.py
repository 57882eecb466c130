"""``postconf``: Postfix's configuration utility (postconf(1)), with the original's options, words and exit status.

Ours, anywhere among the original's options: ``--root DIR`` (absolute paths lie below DIR), ``--postfix-version V`` (the
parameters, defaults and words of that version; else of the Postfix that is installed, else of the one in
mailconf.postfix.parameters.data), ``--explain`` (describe each parameter that is named: type, default, value, where it
was set, what it refers to, since when it exists). On a terminal, long answers go through $PAGER, as git's do.

Departures: messages go to standard error only, not to syslog; -v is accepted and has no effect; a fatal error ends
the program at once, where the original waits a second; -m lists the types that mailconf has; -T describes Python's TLS
library, whose compile-time version has no date; -b checks only those parameters of bounce(8) that the templates use;
-q (3.9) and -j (3.11) are there in every version; a file of more than 1 MB is refused ("File too large").
"""

from __future__ import annotations

import os
import sys

from mailconf.cli.postfix.postfix_tool import Messages, getopt
from mailconf.encoding import decode, encode
from mailconf.files import read_here
from mailconf.postfix.parameters.catalogue import BASE, ParameterSet, parameter_set
from mailconf.postfix.parameters.releases import chosen_release
from mailconf.postfix.postconf import show
from mailconf.postfix.postconf.values import BUILTIN, DEFAULT_DIRECTORY, SERVICE, USER, Postconf, PostconfFatal, Scope
from mailconf.postfix.text.lines import MAX_FILE
from mailconf.postfix.text.master_cf import COMMAND, FIELDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mailconf.files import Tree
    from mailconf.postfix.settings.bounce_templates import Names
    from mailconf.postfix.text.master_cf import ServiceEntry

OURS = {"--root": True, "--postfix-version": True, "--explain": False}
FLAGS = "aAbdefFhHjlmMnpPqtvxX#"
VALUED = "cCoT"
MODES = "aAbFlmMpPtT"
MODIFIERS = "defhHjnoxX#"
CONFLICTS = ("denX#", "efX#", "exX#", "deoX#", "ehHX#")
ALLOWED = {"F": "efhHjox", "M": "efjoxX#", "p": MODIFIERS, "P": "efhHjoxX"}  # by mode, modifiers; other modes: none
NOT_JSON = "efhHX#"
COMMAS_SINCE = JSON_SINCE = README_SINCE = (3, 11)
README = "See https://www.postfix.org/DEPRECATION_README.html for details"
USAGE = (
    "usage: {name} [-a (server SASL types)] [-A (client SASL types)] [-b (bounce templates)] [-c config_dir] "
    "[-c param_class] [-d (parameter defaults)] [-e (edit configuration)] [-f (fold lines)] [-F (master.cf fields)] "
    "[-h (no names)] [-H (no values)] {json}[-l (lock types)] [-m (map types)] [-M (master.cf)] "
    "[-n (non-default parameters)] [-o name=value (override parameter value)] [-p (main.cf, default)] "
    "[-P (master.cf parameters)] [-t (bounce templates)] [-T compile-version|run-version|public-key-algorithms] "
    "[-v (verbose)] [-x (expand parameter values)] [-X (exclude)] [-# (comment-out)] [name...]"
)
SHAPES = {
    "M": "-M option requires service_name[/type]",
    "F": "-F option requires service_name[/type[/field]]",
    "P": "-P option requires service_name[/type[/parameter]]",
}
LOCKS = ("flock", "fcntl", "dotlock")
SERVER_SASL = ("cyrus", "dovecot")
CLIENT_SASL = ("cyrus",)
PUBLIC_KEY_ALGORITHMS = ("dsa", "ecdsa", "rsa")


class Tool:
    """One run: the options, and what it prints. Output is kept until the end, so that a fatal error prints nothing."""

    def __init__(self, name: str, root: Tree | None = None, postfix: ParameterSet = BASE) -> None:
        self.name = name
        self.root = root
        self.postfix = postfix
        self.messages = Messages(name)
        self.options: set[str] = set()
        self.overrides: list[str] = []
        self.classes = {BUILTIN, SERVICE, USER}
        self.tls_mode = ""
        self.directory = DEFAULT_DIRECTORY
        self.explicit = False
        self.explains = False
        self.lines: list[str] = []

    def read(self, name: str) -> str:
        """The text of a file that the configuration names."""
        return decode(_read(self.root, name))

    def warn(self, text: str) -> None:
        self.messages.warn(text)

    def flush(self) -> None:
        if not self.lines:
            return
        data = encode("\n".join(self.lines) + "\n")
        self.lines.clear()
        if sys.stdout.isatty() and data.count(b"\n") >= os.get_terminal_size().lines and _paged(data):
            return
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    # Options

    def take_options(self, arguments: list[str]) -> None:
        """Take the options off ``arguments``. Raises Fatal."""
        directory = os.environ.get("MAIL_CONFIG")
        for letter, value in getopt(self.name, arguments, FLAGS, VALUED):
            if letter == "?":
                json = "[-j (streaming JSON) ] " if self.postfix.version >= JSON_SINCE else ""
                raise PostconfFatal(USAGE.format(name=self.name, json=json))
            if letter == "c":
                directory = value
            elif letter == "C":
                self.classes = _classes(value)
            elif letter == "T":
                self.tls_mode = value
                self.options.add(letter)
            else:
                if letter in "bt" and self.options & set("bt"):
                    raise PostconfFatal("specify one of -b and -t")
                if letter == "o":
                    self.overrides.append(value)
                self.options.add(letter)
        if directory is not None:
            self.directory, self.explicit = directory, True

    def check_options(self, arguments: list[str]) -> str:
        """The mode; raises Fatal for options that exclude each other."""
        modes = [letter for letter in MODES if letter in self.options]
        if len(modes) > 1:
            raise PostconfFatal("specify one of " + self.listed(modes))
        mode = modes[0] if modes else "p"
        allowed = ALLOWED.get(mode, "")
        if "e" in allowed and arguments and "=" in arguments[0]:
            self.options.add("e")
        for group in CONFLICTS if self.postfix.version < JSON_SINCE else ("eX#", *CONFLICTS):
            found = [letter for letter in group if letter in self.options]
            if len(found) > 1:
                raise PostconfFatal("specify one of " + self.listed(found))
        wrong = [letter for letter in MODIFIERS if letter in self.options and letter not in allowed]
        if wrong:
            raise PostconfFatal(f"with option -{mode}, do not specify -" + " -".join(wrong))
        wrong = [letter for letter in NOT_JSON if letter in self.options]
        if "j" in self.options and wrong:
            raise PostconfFatal("with option -j, do not specify -" + " -".join(wrong))
        return mode

    def listed(self, letters: list[str]) -> str:
        return (", " if self.postfix.version >= COMMAS_SINCE else " ").join(f"-{letter}" for letter in letters)

    def run(self, arguments: list[str]) -> int:
        """Carry out ``arguments``; the exit status. Raises Fatal."""
        self.take_options(arguments)
        mode = self.check_options(arguments)
        if self.explains:
            return self.explain(arguments)
        if self.options & set("eX#"):
            self.edit(mode, arguments)
        elif mode == "p":
            self.main_cf(arguments)
        elif mode in SHAPES:
            self.master_cf(mode, arguments)
        else:
            return self.facts(mode, arguments)
        return 0

    # Parameters

    def configuration(self) -> Postconf:
        known = Postconf(self.directory, self.warn, self.read, self.postfix)
        if self.explicit:
            known.values["config_directory"] = self.directory
        return known

    def read_main(self, known: Postconf) -> None:
        known.read_main()
        for text in self.overrides:
            known.override(text)

    def main_cf(self, names: list[str]) -> None:
        """No mode or -p: main.cf's parameters."""
        known = self.configuration()
        if "d" in self.options:
            known.values.clear()
            known.read_master(required=False)
            self.parameters(known, names)
            self.flush()
            return
        self.read_main(known)
        known.read_master(required=False)
        known.register_users()
        self.parameters(known, names)
        self.flush()
        self.complain(known, main=True)

    def parameters(self, known: Postconf, names: list[str]) -> None:
        for name in names:
            if not known.is_parameter(name):
                self.warn(f"{name}: unknown parameter")
        only_set = "n" in self.options
        if names:
            names = [name for name in names if known.is_parameter(name) and (known.is_set(name) or not only_set)]
        else:
            names = known.names(self.classes, only_set=only_set)
        for name in names:
            value = "" if "H" in self.options else known.raw(name, known.values)
            if "x" in self.options and "H" not in self.options and not known.is_raw(name):
                value = known.expand(value, known.values)
            self.lines.append(self.line(name, value))

    def line(self, name: str, value: str) -> str:
        options = self.options
        if "j" in options:
            return show.json_object(name, value)
        return show.parameter(
            name, value, fold="f" in options, with_name="h" not in options, with_value="H" not in options
        )

    def warn_of(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.warn(text)

    def complain(self, known: Postconf, *, main: bool) -> None:
        """Warn of settings that nothing uses or that will go, those of main.cf too when ``main`` is set."""
        if "q" in self.options:
            return
        if main:
            self.warn_of(known.complaints_of_main())
        self.warn_of(known.complaints_of_master())
        if known.told_deprecated and self.postfix.version >= README_SINCE:
            self.warn(README)

    def explain(self, names: list[str]) -> int:
        """--explain: what is known of each of ``names``; 1 when nothing is known of one of them."""
        from mailconf.postfix.postconf.explain import explain, suggestion

        known = self.configuration()
        self.read_main(known)
        known.read_master(required=False)
        known.register_users()
        texts = self.read(known.main_file), self.read(known.master_file) if known.services else ""
        status = 0
        for name in names:
            lines = explain(known, name, *texts)
            if not lines:
                status = 1
                near = suggestion(known, name)
                self.warn(f"{name}: unknown parameter" + (f"; did you mean {near}?" if near else ""))
            self.lines += lines
        self.flush()
        return status

    # Services

    def master_cf(self, mode: str, requests: list[str]) -> None:
        """-M, -F, -P: master.cf's entries, their fields, their ``-o`` settings."""
        known = self.configuration()
        known.read_master(required=True)
        self.read_main(known)
        known.register_users()
        wanted = _requests(mode, requests)
        matched: set[str] = set()
        for scope in known.services:
            for request, pattern in wanted:
                found = list(self.service(known, mode, scope, pattern))
                self.lines += found
                if found:
                    matched.add(request)
        self.warn_of(f'unmatched request: "{request}"' for request in requests if request not in matched)
        self.flush()
        self.complain(known, main=False)

    def service(self, known: Postconf, mode: str, scope: Scope, pattern: list[str]) -> Iterator[str]:
        """What ``pattern`` selects of a service."""
        entry = scope.entry
        if any(wanted not in ("*", part) for wanted, part in zip(pattern, (entry.name, entry.type), strict=False)):
            return
        expand = _expansion(known, known.scope_values(scope)) if "x" in self.options else None
        if mode == "M":
            if "j" in self.options:
                yield show.json_object(f"{entry.name}/{entry.type}", show.plain_service(entry, expand=expand))
            else:
                yield show.service(entry, fold="f" in self.options, expand=expand)
            return
        prefix = f"{entry.name}/{entry.type}/"
        if mode == "F":
            for at, field in enumerate(FIELDS):
                if pattern[2] in ("*", field):
                    yield self.field(prefix + field, entry, at, expand)
            return
        for name in sorted(scope.values, key=encode):
            if pattern[2] in ("*", name):
                value = scope.values[name]
                yield self.line(prefix + name, expand(value) if expand else value)

    def field(self, name: str, entry: ServiceEntry, at: int, expand: show.Expand | None) -> str:
        if "H" in self.options:
            return name
        label = "" if self.options & set("hj") else f"{name} = "
        if "j" in self.options:
            value = show.plain_command(entry, expand=expand) if at == COMMAND else entry.fields[at].text
            return show.json_object(name, value)
        if at == COMMAND:
            return show.command(entry, label, fold="f" in self.options, expand=expand)
        return label + entry.fields[at].text

    # Facts

    def facts(self, mode: str, arguments: list[str]) -> int:
        """The modes that are about the program and not about a configuration."""
        if mode in "bt":
            self.templates(mode, arguments)
        elif mode == "T":
            return self.tls()
        elif mode == "l":
            self.lines += LOCKS
        elif mode == "a":
            self.lines += SERVER_SASL
        elif mode == "A":
            self.lines += CLIENT_SASL
        else:
            from mailconf.maps.registry import known_types

            known = self.configuration()
            if self.explicit or _tree(self.root).exists(known.main_file):
                self.read_main(known)  # for its mistakes
            self.lines += known_types()
        self.flush()
        return 0

    def templates(self, mode: str, arguments: list[str]) -> None:
        """-b, -t: the bounce templates, expanded or not. Messages are those of bounce(8), which the original runs."""
        from mailconf.postfix.settings import bounce_templates

        if len(arguments) > 1:
            raise PostconfFatal("options -b and -t require at most one template file")
        known = self.configuration()
        self.read_main(known)
        file = arguments[0] if arguments else known.value("bounce_template_file")
        self.messages = Messages(f"{known.value('syslog_name')}/bounce")
        known.program = "bounce"
        known.values["service_name"] = "expand_templates" if mode == "b" else "dump_templates"
        names = bounce_templates.Names(known.bounce_value, known.seconds, file, self.warn)
        try:
            blocks = self.template_blocks(mode, file, names, known.value("header_from_format"))
            self.lines.append("\n".join(blocks).rstrip("\n"))
        except bounce_templates.TemplateError as failure:
            raise PostconfFatal(str(failure)) from None

    def template_blocks(self, mode: str, file: str, names: Names, author: str) -> list[str]:
        """What is printed of each template; ``author`` is header_from_format. Raises Fatal, TemplateError."""
        from mailconf.postfix.settings import bounce_templates

        given: dict[str, bounce_templates.Template] = {}
        if file:
            try:
                text = self.read(file)
            except OSError as failure:
                raise PostconfFatal(f"open {file}: {failure.strerror}") from None
            given = bounce_templates.read(text, file, self.warn, author=author)
        obsolete = bounce_templates.is_obsolete(author)
        blocks = []
        for kind, template in {**bounce_templates.built_in(obsolete=obsolete), **given}.items():
            blocks.append(str(template) if mode == "t" else names.expand(template, from_file=kind in given))
        return blocks

    def tls(self) -> int:
        """-T: what is known of the TLS library, which is the one of Python."""
        import ssl

        if self.tls_mode == "run-version":
            self.lines.append(ssl.OPENSSL_VERSION)
        elif self.tls_mode == "compile-version":
            self.lines.append("OpenSSL " + ".".join(str(part) for part in ssl._OPENSSL_API_VERSION[:3]))
        elif self.tls_mode == "public-key-algorithms":
            self.lines += PUBLIC_KEY_ALGORITHMS
        else:
            self.warn(f"unknown 'postconf -T' mode: {self.tls_mode}")
            return 1
        self.flush()
        return 0

    # Edits

    def edit(self, mode: str, arguments: list[str]) -> None:
        """-e, -X, -#: change main.cf or master.cf."""
        from mailconf.postfix.postconf import edit as postconf_edit

        action = next(letter for letter in "eX#" if letter in self.options)
        if not arguments:
            raise PostconfFatal("-e requires name=value argument" if action == "e" else "missing service argument")
        name = self.directory + ("/main.cf" if mode == "p" else "/master.cf")

        def change(text: str) -> str:
            if mode == "p":
                return postconf_edit.edit_main(text, action, arguments, name, self.warn, self.postfix.version)
            return postconf_edit.edit_master(text, mode, action, arguments, name, self.warn)

        try:
            self.rewrite(name, change)
        except IsADirectoryError as failure:
            change("")  # the original notices when it is done
            raise PostconfFatal(f"read {name}: {failure.strerror}") from None
        except OSError as failure:
            postconf_edit.check_requests(mode, action, arguments)  # what is wrong with them comes first
            temporary = f"{name}.tmp" if failure.filename == self.directory else f"{name} for reading"
            raise PostconfFatal(f"open {temporary}: {failure.strerror}") from None

    def rewrite(self, name: str, change: Callable[[str], str]) -> None:
        """Replace the file ``name`` by what ``change`` makes of its text; a lock on the folder keeps others out."""
        from mailconf.files import lock_folder, replace

        path = _tree(self.root).real(name)
        try:
            folder = lock_folder(path.parent)
        except OSError as failure:
            raise OSError(failure.errno, failure.strerror, self.directory) from None
        try:
            text = change(self.read(name))
            with replace(path) as file:
                file.write(encode(text))
        finally:
            os.close(folder)


def _expansion(known: Postconf, values: Mapping[str, str]) -> show.Expand:
    def expand(text: str) -> str:
        return known.expand(text, values)

    return expand


def _classes(text: str) -> set[str]:
    """The classes that -C names. Raises Fatal."""
    found: set[str] = set()
    for word in text.replace(",", " ").split():
        if word == "all":
            found |= {BUILTIN, SERVICE, USER}
        elif word in (BUILTIN, SERVICE, USER):
            found.add(word)
        else:
            raise PostconfFatal(f'unknown -C option value "{word}" in "{text}"')
    return found


def _requests(mode: str, requests: list[str]) -> list[tuple[str, list[str]]]:
    """The requests with their patterns, ``*`` for what is left out; without any, all services. Raises Fatal."""
    size = 2 if mode == "M" else 3
    patterns = []
    for request in requests:
        parts = show.pattern_parts(request)
        if not 0 < len(parts) <= size:
            raise PostconfFatal(SHAPES[mode])
        parts += ["*"] * (size - len(parts))
        if mode == "F" and parts[2] not in (*FIELDS, "*"):
            raise PostconfFatal(f'invalid service attribute name: "{parts[2]}"')
        patterns.append((request, parts))
    return patterns or [("", ["*"] * size)]


def _paged(data: bytes) -> bool:
    """Show ``data`` in the user's pager; False when there is no pager."""
    pager = os.environ.get("PAGER", "less")
    if pager in ("", "cat"):
        return False
    import subprocess

    environment = {"LESS": "FRX", **os.environ}
    try:
        shown = subprocess.run(pager, shell=True, input=data, env=environment, check=False)
    except BrokenPipeError:
        return True
    return shown.returncode not in (126, 127)


def _read(root: Tree | None, name: str) -> bytes:
    """A file's content. Raises OSError, also for a file of more than `MAX_FILE` bytes."""
    return read_here(name, MAX_FILE) if root is None else root.read(name, MAX_FILE)


def _tree(root: Tree | None) -> Tree:
    from mailconf.files import Root

    return root or Root(waits=True)


def run(name: str, arguments: list[str], root: Tree | None = None) -> int:
    """Run ``arguments`` as postconf's; ``name`` is what it was called as.

    root  what is read instead of what ``--root`` names
    """
    arguments = list(arguments)
    given: dict[str, str] = {}
    if any(word.startswith("--") for word in arguments):
        from mailconf.cli.shared.own_options import Missing, take_own

        try:
            given = take_own(arguments, OURS, VALUED)
        except Missing:  # the original's getopt complains
            given = {}
    if "--root" in given and root is None:
        from mailconf.files import Root

        root = Root(given["--root"], waits=True)
    release = chosen_release(lambda program: _read(root, program), given.get("--postfix-version"))
    tool = Tool(name, root)
    tool.explains = "--explain" in given
    try:
        tool.postfix = parameter_set(release)
        tool.messages.version_known = tool.postfix.version
        return tool.run(arguments)
    except (PostconfFatal, ValueError) as failure:
        tool.messages.fatal(str(failure))
        return 1
