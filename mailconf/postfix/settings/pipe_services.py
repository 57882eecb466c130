"""The attributes of a pipe(8) service in master.cf."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailconf.model.pipe_words import FLAGS
from mailconf.model.site import Service
from mailconf.model.transport import CommandSettings
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.text.master_cf import TAKES_VALUE
from mailconf.postfix.text.words import split_words, unbraced
from mailconf.source import decode

_ATTRIBUTES = ("user", "flags", "eol", "null_sender", "size", "directory", "chroot")
_ESCAPE = re.compile(r"\\([0-7]{1,3}|.)", re.DOTALL)
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def pipe_service(view: Configuration, service: Service) -> tuple[tuple[str, ...], str, str, CommandSettings]:
    """argv=, which takes all that follows it, user=, flags=, and what else is said of a command (pipe(8)).

    view  the configuration as the service has it

    Where the daemon would end, ``problem`` says at what; nothing else of the settings counts then.
    """
    said: dict[str, str] = {}
    argv: tuple[str, ...] | None = None
    flags = problem = ""
    words = _without_options(service.arguments)
    for number, argument in enumerate(words):
        name, equals, value = argument.partition("=")
        name = name.lower()
        if name == "argv" and equals:
            argv = (value, *words[number + 1 :])
            break
        if name not in _ATTRIBUTES or not equals:
            problem = problem or f"unknown attribute name: {argument}"
        elif name == "flags":
            flags += value
        elif name == "size" and not (value.isascii() and value.isdigit()):
            problem = problem or f"get_service_attr: bad size= value: {value}"
        else:
            said[name] = value
    unknown = next((flag for flag in flags if flag not in FLAGS), "")
    problem = problem or (f"unknown flag: {unknown} (ignored)" if unknown else "")
    if not problem and "user" not in said:
        problem = "missing user= command-line attribute"
    if not problem and argv is None:
        problem = "missing argv= command-line attribute"
    usual = CommandSettings()
    settings = CommandSettings(
        eol=_unescaped(said.get("eol", usual.eol)),
        null_sender=said.get("null_sender", usual.null_sender),
        size=int(said.get("size", "0")[:18]),
        folder=said.get("directory", ""),
        chroot=said.get("chroot", ""),
        time=_time(view, service.name),
        exports=_exports(view),
        forbidden=(view.value("mail_owner"), view.value("setgid_group")),
        special=view.boolean("owner_request_special"),
        problem=problem,
    )
    return argv or (), said.get("user", ""), "".join(dict.fromkeys(flags)), settings


def _without_options(arguments: Sequence[str]) -> Sequence[str]:
    """The words after the options, as getopt(3) finds them."""
    at = 0
    while at < len(arguments) and arguments[at].startswith("-") and arguments[at] != "-":
        option = arguments[at]
        at += 1
        if option == "--":
            break
        first = next((place for place, letter in enumerate(option[1:], 1) if letter in TAKES_VALUE), 0)
        at += bool(first) and first == len(option) - 1
    return arguments[at:]


def _time(view: Configuration, name: str) -> float:
    """postconf(5) transport_time_limit, in seconds."""
    own = f"{name}_time_limit"
    return view.seconds(own if view.is_known(own) else "command_time_limit")


def _exports(view: Configuration) -> tuple[tuple[str, str | None], ...]:
    """postconf(5) export_environment, of what import_environment lets in; None is this process's value."""
    let_in = dict(_settings(view, "import_environment"))
    found: dict[str, str | None] = {}
    for name, value in _settings(view, "export_environment"):
        if value is not None:
            found[name] = value
        elif name == "MAIL_CONFIG":
            found[name] = view.directory
        elif name in let_in:
            found[name] = let_in[name]
    return tuple(found.items())


def _settings(view: Configuration, parameter: str) -> list[tuple[str, str | None]]:
    pairs = []
    for word in split_words(view.value(parameter)):
        text = unbraced(word.text) if word.text.startswith("{") else word.text
        name, equals, value = text.partition("=")
        pairs.append((name.strip(), value.strip() if equals else None))
    return pairs


def _unescaped(text: str) -> str:
    """``text`` with escapes as in C; a letter that none of them has stands for itself."""
    return _ESCAPE.sub(lambda found: _escaped(found[1]), text)


def _escaped(code: str) -> str:
    if code[0] in "01234567":
        return decode(bytes([int(code, 8) & 0xFF]))
    return _ESCAPED.get(code, code)
