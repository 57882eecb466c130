"""Domains in which the public has mailboxes: no other host is the one that delivers their mail."""

from __future__ import annotations

_COUNTRIES = ("co.jp", "co.uk", "com.au", "com.br", "de", "es", "fr", "it")
_PROVIDERS = frozenset(
    {
        *("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com", "ymail.com"),
        *("rocketmail.com", "aol.com", "icloud.com", "me.com", "mac.com", "proton.me", "protonmail.com", "pm.me"),
        *("gmx.com", "gmx.net", "gmx.de", "gmx.at", "gmx.ch", "web.de", "t-online.de", "freenet.de", "posteo.de"),
        *("mailbox.org", "mail.com", "fastmail.com", "fastmail.fm", "zoho.com", "tutanota.com", "tuta.com"),
        *("mail.ru", "yandex.ru", "yandex.com", "rambler.ru", "qq.com", "163.com", "126.com", "sina.com", "naver.com"),
        *("orange.fr", "wanadoo.fr", "free.fr", "laposte.net", "libero.it", "wp.pl", "o2.pl", "seznam.cz"),
        *("comcast.net", "verizon.net", "att.net", "btinternet.com", "ntlworld.com", "bigpond.com", "uol.com.br"),
        *(f"{name}.{country}" for name in ("yahoo", "hotmail") for country in _COUNTRIES),
    }
)


def is_provider(domain: str) -> bool:
    """Whether anybody may have a mailbox in a domain (in any case, a dot at its end aside)."""
    return domain.lower().rstrip(".") in _PROVIDERS
