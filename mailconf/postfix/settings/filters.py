"""The mail filters (milters) of main.cf: postconf(5) smtpd_milters, non_smtpd_milters, milter_*; MILTER_README."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailconf.model.filtering import FilterDefault, Filtering, FilterSettings
from mailconf.model.site import Service
from mailconf.postfix.parameters.catalogue import time_value
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.text.words import split_words, texts, unbraced

STAGES = (
    "connect", "helo", "mail", "rcpt", "data", "end_of_header", "end_of_data", "unknown_command",
)  # fmt: skip
NO_FILTERS_WORD = "no_milters"  # of receive_override_options
_VERSIONS = (2, 3, 4, 6)
_ADDRESS = re.compile(r"(unix|local|inet|inet6):(.+)", re.DOTALL)
_HOST_AND_PORT = re.compile(r"(?P<first>[^@:]+)@(?P<named>.+)|(?P<host>.+):(?P<port>[^:]+)", re.DOTALL)


class FilterReader:
    """Reads lists of filters as one service sees them.

    service  whose chroot holds the sockets, None for that of no service
    """

    def __init__(self, c: Configuration, service: Service | None = None) -> None:
        self._queue = c.value("queue_directory")
        self._chrooted = service is not None and is_chrooted(c, service)
        version, header_replies = _protocol(c.value("milter_protocol"))
        self._base = FilterSettings(
            name="",
            address="",
            default=_default(c.value("milter_default_action")),
            connect_timeout=c.seconds("milter_connect_timeout"),
            command_timeout=c.seconds("milter_command_timeout"),
            content_timeout=c.seconds("milter_content_timeout"),
            version=version,
            header_replies=header_replies,
        )
        self._common = Filtering(
            macros={stage: tuple(c.words(f"milter_{stage}_macros")) for stage in STAGES},
            values={
                "j": c.value("myhostname"),
                "v": c.value("milter_macro_v"),
                "{daemon_name}": c.value("milter_macro_daemon_name"),
            },
            defaults=_defaults(c.value("milter_macro_defaults") if c.is_known("milter_macro_defaults") else ""),
        )

    def read(self, value: str) -> Filtering:
        """The filters that a list names: sockets, or ``{ socket, name=value, ... }``."""
        return self._common._replace(filters=tuple(self._filter(word.text) for word in split_words(value)))

    def _filter(self, word: str) -> FilterSettings:
        if word[:1] != "{":
            return self._base._replace(name=word, address=self._address(word))
        name, *settings = [part.strip() for part in texts(unbraced(word))] or [""]
        found = self._base._replace(name=name, address=self._address(name))
        for setting in settings:
            key, _, text = setting.partition("=")
            if key == "default_action":
                found = found._replace(default=_default(text))
            elif key == "protocol":
                version, header_replies = _protocol(unbraced(text))
                found = found._replace(version=version, header_replies=header_replies)
            elif seconds := time_value(text, "s"):
                found = _timed(found, key, seconds)
        return found

    def _address(self, name: str) -> str:
        """Where a filter listens: "inet:host:port", or "unix:" with the path that this machine has; "" for no place."""
        found = _ADDRESS.fullmatch(name)
        if found is None:
            return ""
        family, place = found.groups()
        if family.startswith("inet"):
            at = _HOST_AND_PORT.fullmatch(place)
            return f"inet:{at['host'] or at['named']}:{at['port'] or at['first']}" if at else ""
        if not place.startswith("/"):
            return f"unix:{self._queue}/{place}"
        return f"unix:{self._queue}{place}" if self._chrooted else f"unix:{place}"


def _timed(settings: FilterSettings, key: str, seconds: float) -> FilterSettings:
    if key == "connect_timeout":
        return settings._replace(connect_timeout=seconds)
    if key == "command_timeout":
        return settings._replace(command_timeout=seconds)
    return settings._replace(content_timeout=seconds) if key == "content_timeout" else settings


def is_chrooted(view: Configuration, service: Service) -> bool:
    """The fifth field of a service's line; what - means is for compatibility_level to say."""
    from mailconf.postfix.text.master_cf import entry_at

    if service.span is None:
        return False
    field = entry_at(service.span.source.text, service.span.start).fields[4].text
    if field != "-":
        return field == "y"
    level = view.value("compatibility_level").partition(".")[0]
    return level.isdecimal() and int(level[:6]) < 1


def has_filters(c: Configuration) -> bool:
    """Whether clients' mail passes filters (smtpd_milters, smtpd_milter_maps, receive_override_options)."""
    return NO_FILTERS_WORD not in c.words("receive_override_options")


def _protocol(value: str) -> tuple[int, bool]:
    """The version, and whether fields are answered, of a milter_protocol."""
    words = texts(value)
    version = next((int(word) for word in words if word in map(str, _VERSIONS)), max(_VERSIONS))
    return version, "no_header_reply" not in words


def _default(word: str) -> FilterDefault:
    try:
        return FilterDefault(word)
    except ValueError:
        return FilterDefault.BROKEN


_PAIR = re.compile(r"\s*([^=\s]+)\s*=\s*(.*?)\s*\Z", re.DOTALL)


def _defaults(value: str) -> dict[str, str]:
    """postconf(5) milter_macro_defaults: ``name=value``, or ``{ name = value }``."""
    return dict(_pairs(value))


def _pairs(value: str) -> Iterator[tuple[str, str]]:
    for word in _words(value):
        found = _PAIR.match(word)
        if found:
            name = found[1]
            yield (name if len(name) == 1 or name[0] == "{" else f"{{{name}}}"), found[2]


def _words(value: str) -> Iterator[str]:
    for word in split_words(value):
        text = word.text
        # ``{name}=value`` is a name in braces; ``{ name = value }`` is a pair.
        yield unbraced(text) if text[0] == "{" and text[-1] == "}" and "=" in text else text
