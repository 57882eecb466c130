"""Domain names in other letters than ASCII: between their U-labels and their A-labels (RFC 5890), as Postfix does it.

Names are mapped by UTS 46, non-transitional: faß.example is xn--fa-hia.example. The transitional mapping (postconf(5)
enable_idna2003_compatibility = yes) makes it fass.example. Every question to the DNS, and every check of a name that is
not ASCII, uses `to_ascii`.

What Postfix 3.7.11 with ICU 72 takes and refuses is recorded in tests/vectors/idna@*.jsonl:

- letters lose their case, and forms of compatibility become plain ones; ``。`` is a dot;
- a label may hold what is no letter, ``_``, or letters of both directions; IDNA 2008 is stricter and is not asked;
- an empty label, a hyphen at either end or at both the third and the fourth place, a combining mark at the beginning,
  an A-label without a meaning, and more than 63 characters of a label or 255 of a name are problems;
- the result must be a host name of letters, digits, ``-`` and ``_``, so that it may not end with a dot.

A name that is ASCII needs no translation and is not looked at.
"""

from __future__ import annotations

import re
import unicodedata

_MAX_NAME = 255
_MAX_LABEL = 63
_HOST_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\Z")
_MALFORMED = "malformed ASCII label(s)"
# The mapping that Unicode gave up in favour of the letters themselves (UTS 46, section 7). ICU 72 still maps ẞ so.
_ALWAYS = str.maketrans({"\u1e9e": "ss"})
_TRANSITIONAL = str.maketrans({"\u00df": "ss", "\u03c2": "\u03c3", "\u200c": None, "\u200d": None})


class DomainNameError(ValueError):
    """A name that cannot be translated. The message is the reason in Postfix's words: ``UIDNA_ERROR_EMPTY_LABEL``."""


def to_ascii(name: str, *, transitional: bool = False) -> str:
    """``name`` in A-labels; as it is when it is ASCII. Raises DomainNameError."""
    if name.isascii():
        return name
    return _encoded(_labels(name, transitional=transitional))


def to_unicode(name: str) -> str:
    """``name`` in U-labels. Raises DomainNameError."""
    labels = _labels(name, transitional=False)
    _encoded(labels)
    return ".".join(_decoded(label) for label in labels)


def comparable(name: str, *, transitional: bool = False) -> str:
    """What two spellings of the name of one host have in common: A-labels in lower case, as far as there are any."""
    try:
        return to_ascii(name, transitional=transitional).lower()
    except DomainNameError:
        return name.lower()


def for_resolver(host: str) -> str:
    """What getaddrinfo(3) is to be given for ``host``: text that Python does not translate by IDNA 2003 itself.

    A name that cannot be translated becomes one that cannot exist.
    """
    name = comparable(host)
    return name if name.isascii() else "invalid."


def _encoded(labels: list[str]) -> str:
    encoded = [label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii") for label in labels]
    if any(len(label) > _MAX_LABEL for label in encoded):
        raise DomainNameError("UIDNA_ERROR_LABEL_TOO_LONG")
    result = ".".join(encoded)
    if len(result) > _MAX_NAME - 2 + result.endswith("."):
        raise DomainNameError("UIDNA_ERROR_DOMAIN_NAME_TOO_LONG")
    if not all(_HOST_LABEL.match(label) for label in encoded):
        raise DomainNameError(_MALFORMED)
    return result


def _labels(name: str, *, transitional: bool) -> list[str]:
    """The mapped labels of ``name``, A-labels among them as they are, or what is wrong with them."""
    if any("\ud800" <= char <= "\udfff" for char in name):
        raise DomainNameError("malformed UTF-8")
    if len(name) > 4 * _MAX_NAME:  # no mapping makes this short enough, except for characters that it drops
        raise DomainNameError("UIDNA_ERROR_DOMAIN_NAME_TOO_LONG")
    labels = _mapped(name.translate(_TRANSITIONAL) if transitional else name).split(".")
    problems: list[str] = []
    for label in labels[:-1] if len(labels) > 1 and not labels[-1] else labels:
        problems += _problems(label)
    if problems:
        raise DomainNameError(",".join(dict.fromkeys(problems)))
    return labels


def _mapped(name: str) -> str:
    from idna import IDNAError, uts46_remap  # loads tables of half a megabyte

    try:
        return uts46_remap(name.translate(_ALWAYS), std3_rules=False)
    except IDNAError:
        raise DomainNameError("UIDNA_ERROR_DISALLOWED") from None


def _problems(label: str) -> list[str]:
    if not label:
        return ["UIDNA_ERROR_EMPTY_LABEL"]
    if len(label) > _MAX_LABEL:
        return ["UIDNA_ERROR_LABEL_TOO_LONG"]
    if label.startswith("xn--"):
        try:
            label = _decoded(label)
        except DomainNameError as error:
            return [str(error)]
    found = []
    if label.startswith("-"):
        found.append("UIDNA_ERROR_LEADING_HYPHEN")
    if label.endswith("-"):
        found.append("UIDNA_ERROR_TRAILING_HYPHEN")
    if label[2:4] == "--":
        found.append("UIDNA_ERROR_HYPHEN_3_4")
    if unicodedata.category(label[0]).startswith("M"):
        found.append("UIDNA_ERROR_LEADING_COMBINING_MARK")
    return found


def _decoded(label: str) -> str:
    """The U-label of an A-label, which must be one that mapping leaves as it is; other labels as they are."""
    if not label.startswith("xn--"):
        return label
    try:
        decoded = label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        raise DomainNameError("UIDNA_ERROR_PUNYCODE") from None
    if not decoded or _mapped(decoded) != decoded:
        raise DomainNameError("UIDNA_ERROR_INVALID_ACE_LABEL")
    return decoded
