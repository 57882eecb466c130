"""The functions of $-expressions, ``${name{value}}``, from Postfix 3.11 on (postconf(5) domain_to_ascii)."""

from __future__ import annotations

from mailconf.domain_names import DomainNameError, to_ascii, to_unicode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class DomainError(Exception):
    """A domain name that cannot be translated; the message is the engine's warning."""


def domain_to_ascii(domain: str) -> str:
    """The A-label form of a domain name; one that is ASCII already stays as it is. Raises DomainError."""
    if not domain:
        raise _error(domain, "ASCII", "UIDNA_ERROR_EMPTY_LABEL")
    try:
        return to_ascii(domain)
    except DomainNameError as problem:
        raise _error(domain, "ASCII", str(problem)) from None


def domain_to_utf8(domain: str) -> str:
    """The U-label form of a domain name; one that is not ASCII stays as it is. Raises DomainError."""
    if not domain or not domain.isascii():
        return domain
    try:
        return to_unicode(domain)
    except DomainNameError as problem:
        raise _error(domain, "UTF8", str(problem)) from None


def _error(domain: str, form: str, problem: str) -> DomainError:
    function = "midna_domain_to_ascii_create" if form == "ASCII" else "midna_domain_to_utf8_create"
    return DomainError(f'{function}: Problem translating domain "{domain}" to {form} form: {problem}')


FUNCTIONS: dict[str, Callable[[str], str]] = {"domain_to_ascii": domain_to_ascii, "domain_to_utf8": domain_to_utf8}
