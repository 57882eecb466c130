"""The command lines of master.cf's services: does the program take each option and each word after the options?

What the daemons of 3.7.11 do, each run with each of these: an option that they do not have, or ``-o`` without a value,
is "fatal: invalid option"; a word after the options is "fatal: unexpected command-line argument", of pipe, spawn, smtp
and lmtp "fatal: unknown attribute name" where they have no such attribute; only postscreen does not look at it. The
master starts such a service again and again, without success; postconf and ``postfix check`` do not mention it.

Sources: master(5), pipe(8), spawn(8), smtp(8) ``flags``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailconf.check.subject import Subject
from mailconf.diagnostics import Severity, Sink, error
from mailconf.model.pipe_words import FLAGS as PIPE_FLAGS
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.text.master_cf import (
    COMMAND,
    FLAGS,
    TAKES_VALUE,
    Option,
    ServiceEntry,
    ServiceWord,
    Words,
    command_line,
    entry_at,
)
from mailconf.source import Source

CK052 = error("CK052", "a pipe or spawn service lacks an argument")
"""Why: pipe(8) and spawn(8) stop when their service names no user or no command: "fatal: missing ..." is logged each
time that the service is needed, and its mail waits.

Example:
    # master.cf
    scan unix - n n - - pipe argv=/usr/local/bin/scan

Remedy: add user=NAME and, as the last argument, argv= with the command.

Source: pipe(8), spawn(8), "COMMAND ATTRIBUTE SYNTAX"; observed with Postfix 3.7.11.
"""

CK053 = error("CK053", "a service has a flag that its program does not know")
"""Why: a program stops at a letter of flags= that it does not know; mail for the service waits.

Example:
    # master.cf
    scan unix - n n - - pipe flags=RZ user=scan argv=/usr/local/bin/scan

Remedy: remove the letter.

Source: pipe(8) and smtp(8), flags; observed with Postfix 3.7.11.
"""

CK086 = error("CK086", "a word in master.cf that the service's program does not take")
"""Why: a service's program stops at a word after its options that it does not take ("fatal: unexpected command-line
argument", or "unknown attribute name"), and master(8) starts it again and again. Often the word belongs to the value
of -o before it, which ends at the first blank. Only postscreen ignores such words, for which this is a warning.

Example:
    # master.cf
    2525 inet n - n - - smtpd -o smtpd_banner=$myhostname ESMTP

Remedy: write -o { name = value } where the value has blanks; put a comment on a line of its own.

Source: master(5), "Command name + arguments"; observed with the programs of Postfix 3.7.11.
"""

CK087 = error("CK087", "an option in master.cf that Postfix's programs do not have, or that lacks its value")
"""Why: a service's program stops at an option that it does not have, and at one that lacks its value ("fatal: invalid
option"); master(8) starts it again and again. `postfix check` does not report it.

Example:
    # master.cf
    2525 inet n - n - - smtpd -O smtpd_banner=example

Remedy: set a parameter with -o name=value; remove the option otherwise.

Source: master(5), "Command name + arguments"; observed with the programs of Postfix 3.7.11.
"""

CK089 = error("CK089", "a pipe or spawn service runs its command as a user that Postfix does not allow")
"""Why: pipe(8) and spawn(8) run commands with the rights of user=. They stop where that is root, the owner of the mail
system, or, for pipe, the group of postdrop: a mistake in such a command would give away the mail system.

Example:
    # master.cf
    scan unix - n n - - pipe user=root argv=/usr/local/bin/scan

Remedy: make an account of its own for the command, and name that.

Source: pipe(8), spawn(8), "SECURITY"; observed with Postfix 3.7.11.
"""

IGNORES_WORDS = "postscreen"
SMTP_FLAGS = frozenset("DORX")
# Each program's attributes, name=value, in any case; argv takes every word after it.
ATTRIBUTES = {
    "pipe": ("argv", "chroot", "directory", "eol", "flags", "null_sender", "size", "user"),
    "spawn": ("argv", "user"),
    "smtp": ("flags",),
    "lmtp": ("flags",),
}
_NEEDED = {"pipe": ("user", "argv"), "spawn": ("user", "argv")}
_KNOWN_FLAGS = {"pipe": PIPE_FLAGS, "smtp": SMTP_FLAGS, "lmtp": SMTP_FLAGS}
_LIKE_HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2212"
_QUOTES = "\"'\u2018\u2019\u201c\u201d"
_OR_REMOVE = "where the value has blanks; remove the word where it is not of the value"
_LONGEST_HINT = 200  # characters of a setting that is written out in a hint


def arguments(subject: Subject, sink: Sink) -> None:
    """Report options and words that stop a service, and what pipe and spawn services lack."""
    configuration = subject.configuration
    source = configuration.sources.get("master.cf")
    for service in configuration.services:  # of those with the same name and type, the last
        if source is None or service.span is None:
            continue
        entry = entry_at(source.text, service.span.start)
        if any("'}'" in problem.message for problem in entry.problems):
            continue  # PF233 reports it: nothing starts
        options, words = command_line(entry)
        if not _options(entry, options, source, sink):
            _words(entry, options, words, configuration, source, sink)


def _options(entry: ServiceEntry, options: Sequence[Option], source: Source, sink: Sink) -> bool:
    """Report the first option at which the program stops; whether there is one."""
    for option in options:
        if option.letter in FLAGS or (option.letter in TAKES_VALUE and option.value is not None):
            continue
        message = f"the option -{option.letter} has no value: {entry.fields[COMMAND].text} does not start"
        hint = "write -o name=value, or remove it" if option.letter == "o" else "remove it"
        if option.letter not in TAKES_VALUE:
            message = f"there is no option -{option.letter}: {entry.fields[COMMAND].text} does not start"
            hint = "a parameter is set with -o name=value" if option.letter == "O" else "remove it"
        sink.report(CK087, message, source.span(option.word.start, option.word.end), hint=hint)
        return True
    return False


def _words(
    entry: ServiceEntry,
    options: Sequence[Option],
    words: Words,
    configuration: Configuration,
    source: Source,
    sink: Sink,
) -> None:
    program = entry.fields[COMMAND].text
    known = ATTRIBUTES.get(program, ())
    given: dict[str, tuple[str, ServiceWord]] = {}
    for at, word in enumerate(words):
        name, equals, value = word.text.partition("=")
        name = name.lower()
        if not equals or name not in known:
            if at or not _is_broken(options):
                _unexpected(entry, options, words.since(at), configuration, source, sink)
            break
        given[name] = value, word
        if name == "argv":
            break
    if not words or "argv" in given or len(given) == len(words):
        for name in _NEEDED.get(program, ()):
            if not given.get(name, ("",))[0] and (name == "argv" or name not in given):
                message = f"the {program} service {entry.name} has no {name}="
                span = source.span(entry.logical.place(0), entry.logical.end)
                sink.report(
                    CK052,
                    message,
                    span,
                    hint=f"add {name}=value after the options, argv= as the last; see {program}(8)",
                )
    if "flags" in given:
        _flags(entry, *given["flags"], source, sink)
    if "user" in given:
        _user(entry, *given["user"], configuration, source, sink)


def _is_broken(options: Sequence[Option]) -> bool:
    """Whether the last option is ``-o name`` of ``-o name = value``: PF018, whose remedy takes the words after it."""
    value = options[-1].value if options else None
    return value is not None and options[-1].letter == "o" and "=" not in value.text


def _flags(entry: ServiceEntry, flags: str, word: ServiceWord, source: Source, sink: Sink) -> None:
    program = entry.fields[COMMAND].text
    for flag in flags:
        if flag not in _KNOWN_FLAGS[program]:
            message = f'there is no flag "{flag}" of {program}: the service {entry.name} does not start'
            hint = f"remove it: the flags are {''.join(sorted(_KNOWN_FLAGS[program]))}"
            sink.report(CK053, message, source.span(word.start, word.end), hint=hint)
            return


def _user(
    entry: ServiceEntry, value: str, word: ServiceWord, configuration: Configuration, source: Source, sink: Sink
) -> None:
    """``user=name`` or ``user=name:group``; whether they exist is the machine's to know."""
    user, _, group = value.partition(":")
    program = entry.fields[COMMAND].text
    problem = ""
    if not user:
        problem = "names no user"
    elif user == "root":
        problem = "must not be root"
    elif user == configuration.value("mail_owner"):
        problem = f"must not be {user}, the mail_owner"
    elif program == "pipe" and group and group == configuration.value("setgid_group"):
        problem = f"must not have the group {group}, the setgid_group"
    if problem:
        hint = "name an account of its own, without a blank after the =" if user else "write user=name, without a blank"
        sink.report(CK089, f"user= of the {program} service {problem}", source.span(word.start, word.end), hint=hint)


def _unexpected(
    entry: ServiceEntry,
    options: Sequence[Option],
    words: Words,
    configuration: Configuration,
    source: Source,
    sink: Sink,
) -> None:
    """Report ``words``, the first of which the program does not take."""
    program, first = entry.fields[COMMAND].text, words[0]
    shown = f'"{first.text}"' if first.text else "an empty argument"
    span = source.span(first.start, first.end)
    hint = _remedy(entry, options, words, configuration)
    if program == IGNORES_WORDS:
        sink.report(CK086, f"{program} ignores {shown}", span, hint=hint, severity=Severity.WARNING)
        return
    reason = "knows no such attribute" if program in ATTRIBUTES else "takes no arguments"
    sink.report(CK086, f"{program} {reason} and stops at {shown}", span, hint=hint)


def _remedy(entry: ServiceEntry, options: Sequence[Option], words: Words, configuration: Configuration) -> str:
    """What to write instead of the word that the program does not take."""
    text = words[0].text
    if text.startswith("#"):
        return "master.cf has no comments after an entry: put it on a line of its own, with # in the first column"
    if text and text[0] in _LIKE_HYPHENS:
        return f'write -{text[1:]}: "{text[0]}" only looks like a hyphen'
    name, equals, _ = text.partition("=")
    if equals and configuration.is_known(name):
        return f"write -o {text}"
    before = entry.words[len(entry.words) - len(words) - 1].text if len(words) < len(entry.words) else ""
    if len(words) > 1 and words[1].text.startswith("=") and "=" not in text:
        return f"write {text}=value without blanks"
    last = options[-1] if options else None
    if before.endswith("=") and (last is None or last.value is None or last.value.text != before):
        return f"write {before}{text} without a blank"
    if last is None or last.letter != "o" or last.value is None or before == "--":
        return "remove it"
    value = last.value.text
    if text.startswith("-") and text != "-":
        return "options precede all other words"
    if value and value[0] in _QUOTES:
        return "Postfix knows no quotes here: write -o { name = value } where the value has blanks"
    setting = " ".join([value, *_belonging(words)])
    if "{" in setting or "}" in setting or "=" not in value or len(setting) > _LONGEST_HINT:
        return f"write -o {{ name = value }} {_OR_REMOVE}"
    name, _, rest = setting.partition("=")
    return f"write -o {{ {name} = {rest.strip()} }} {_OR_REMOVE}"


def _belonging(words: Words) -> Iterator[str]:
    """The words that may be the rest of the value of the option before them."""
    for word in words:
        if word.text.startswith("-") or "=" in word.text:
            return
        yield word.text
