"""The functions of $-expressions, ``${name{value}}``, from Postfix 3.11 on (postconf(5) domain_to_ascii).

The translation of domain names is that of UTS 46 without its transitional mappings, for which Python's own IDNA codec
is too old; the table of what Unicode disallows is left out.
"""

from __future__ import annotations

import unicodedata

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_LABEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


class DomainError(Exception):
    """A domain name that cannot be translated; the message is the engine's warning."""


def domain_to_ascii(domain: str) -> str:
    """The A-label form of a domain name; one that is ASCII already stays as it is. Raises DomainError."""
    if domain and domain.isascii():
        return domain
    out = []
    well_formed = True
    for label in _labels(domain, "ASCII"):
        well_formed = well_formed and label != "" and _LABEL.issuperset(char for char in label if char < "\x80")
        out.append(label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii"))
    if not well_formed:
        raise _error(domain, "ASCII", "malformed ASCII label(s)")
    return ".".join(out)


def domain_to_utf8(domain: str) -> str:
    """The U-label form of a domain name; one that is not ASCII stays as it is. Raises DomainError."""
    if not domain or not domain.isascii():
        return domain
    out = []
    for label in _labels(domain, "UTF8"):
        if label.startswith("xn--"):
            try:
                label = label[4:].encode("ascii").decode("punycode")
            except UnicodeError:
                raise _error(domain, "UTF8", "UIDNA_ERROR_PUNYCODE") from None
        out.append(label)
    return ".".join(out)


def _labels(domain: str, form: str) -> list[str]:
    if any("\ud800" <= char <= "\udfff" for char in domain):
        raise _error(domain, form, "malformed UTF-8")
    labels = unicodedata.normalize("NFKC", domain.lower()).replace("\u3002", ".").split(".")
    found = []
    for label in labels[:-1] if len(labels) > 1 and not labels[-1] else labels:
        if not label:
            found.append("UIDNA_ERROR_EMPTY_LABEL")
        if label.startswith("-"):
            found.append("UIDNA_ERROR_LEADING_HYPHEN")
        if label.endswith("-") and label:
            found.append("UIDNA_ERROR_TRAILING_HYPHEN")
    if found:
        raise _error(domain, form, ",".join(dict.fromkeys(found)))
    return labels


def _error(domain: str, form: str, problem: str) -> DomainError:
    function = "midna_domain_to_ascii_create" if form == "ASCII" else "midna_domain_to_utf8_create"
    return DomainError(f'{function}: Problem translating domain "{domain}" to {form} form: {problem}')


FUNCTIONS: dict[str, Callable[[str], str]] = {"domain_to_ascii": domain_to_ascii, "domain_to_utf8": domain_to_utf8}
