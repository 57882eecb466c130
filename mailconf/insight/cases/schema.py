"""The JSON schema of test files, for editors: docs/test.schema.json, and ``mailconf test --schema``.

The keys are those of `mailconf.insight.cases.read`; tests compare the two.
"""

from __future__ import annotations

import json
from typing import Any

from mailconf.insight.cases.read import AS_KEYS, CASE_KEYS, CLIENT_KEYS, GROUP_KEYS, TOP_KEYS, WORLD_KEYS
from mailconf.insight.cases.table import COLUMNS
from mailconf.insight.cases.values import DNS_TYPES

_SCALAR = {"type": ["string", "number", "boolean"]}
_TEXT = {"type": "string"}
_TEXTS: dict[str, Any] = {"oneOf": [_SCALAR, {"type": "array", "items": _SCALAR}]}
_ABOUT = {
    "site": "The folder of the configuration, relative to this file.",
    "root": "The folder below which absolute names of the configuration lie, relative to this file.",
    "postfix-version": "The Postfix whose defaults and words are meant, as in 3.10.",
    "world": "Everything that the configuration can ask of the outside.",
    "clients": "Who asks, by names that cases use.",
    "defaults": "What holds for every case that does not say otherwise.",
    "cases": "The cases, and groups of them.",
    "dns": "Records by name; what is not here does not exist. servfail: it cannot be told.",
    "users": "The users of the machine; without, those of etc/passwd below the root.",
    "services": "What policy services answer, by endpoint as in unix:private/policyd.",
    "host": "The machine's own name, where the configuration does not set it.",
    "clock": "The time, as in 2026-01-31T12:00:00Z.",
    "address": "The client's IP address.",
    "name": "What reports call it; of a client, its verified host name, or servfail.",
    "reverse": "The client's name by reverse lookup, where that is not its verified name.",
    "helo": "The name that the client gives; empty: it sends no EHLO.",
    "service": "The smtpd of master.cf that the client comes to, by name or port.",
    "auth": "The user that the client has logged in as.",
    "client": "A name from clients, or an address with or without a host name.",
    "from": "The sender; <> is the null sender.",
    "to": "The recipient, or a list; postmaster@[each local domain] is a case for each.",
    "size": "The number of bytes that MAIL announces.",
    "message": "The message, header and body.",
    "header": "A header line, a list of them, or a mapping.",
    "reply": "A code, a code and how the text begins, or /regex/.",
    "goes": "Where it goes, in any order: transport[:nexthop] address, also a user alone, or a domain.",
    "copies": "Where copies go that nobody named.",
    "as": "The envelope as the next server reads it.",
    "becomes": "Header fields, as header checks leave them; an empty text for a field that is not there any more.",
    "table": "A line a case; the columns are to, reply and goes.",
    "columns": "The columns of the table, which are divided by two or more blanks.",
}


def _of(key: str, form: dict[str, Any]) -> dict[str, Any]:
    return {**form, "description": _ABOUT[key]}


def _object(forms: dict[str, dict[str, Any]], keys: tuple[str, ...], required: tuple[str, ...] = ()) -> dict[str, Any]:
    properties = {key: _of(key, forms[key]) for key in keys}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        **({"required": list(required)} if required else {}),
    }


def schema() -> dict[str, Any]:
    """The schema as an object."""
    client = {"oneOf": [_TEXT, {"$ref": "#/$defs/client"}]}
    case: dict[str, dict[str, Any]] = {
        **dict.fromkeys(("name", "from", "helo", "message"), _TEXT),
        "client": client,
        "to": {"oneOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]},
        "size": {"type": "integer", "minimum": 0},
        "header": {"oneOf": [_TEXTS, {"type": "object", "additionalProperties": _SCALAR}]},
        "reply": {"type": ["string", "integer"]},
        "goes": _TEXTS,
        "copies": _TEXTS,
        "as": {"$ref": "#/$defs/as"},
        "becomes": {"type": "object", "additionalProperties": _SCALAR},
        "cases": {"$ref": "#/$defs/cases"},
        "table": _TEXT,
        "columns": {
            "oneOf": [_TEXT, {"type": "array", "items": {"enum": list(COLUMNS)}}],
        },
    }
    records = {"type": "object", "propertyNames": {"pattern": _types()}, "additionalProperties": _TEXTS}
    world: dict[str, dict[str, Any]] = {
        "dns": {"type": "object", "additionalProperties": {"oneOf": [*_TEXTS["oneOf"], records]}},
        "users": {
            "oneOf": [{"type": "array", "items": _TEXT}, {"type": "object", "additionalProperties": _TEXT}, _TEXT]
        },
        "services": {"type": "object", "additionalProperties": _SCALAR},
        "host": _TEXT,
        "clock": _TEXT,
    }
    top: dict[str, dict[str, Any]] = {
        "site": _TEXT,
        "root": _TEXT,
        "postfix-version": _SCALAR,
        "world": _object(world, WORLD_KEYS),
        "clients": {"type": "object", "additionalProperties": client},
        "defaults": _object(case, CASE_KEYS),
        "cases": {"$ref": "#/$defs/cases"},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mailconf test",
        **_object(top, TOP_KEYS, ("site", "cases")),
        "$defs": {
            "cases": {"type": "array", "items": _object(case, CASE_KEYS + GROUP_KEYS)},
            "client": _object(dict.fromkeys(CLIENT_KEYS, _TEXT), CLIENT_KEYS, ("address",)),
            "as": _object(dict.fromkeys(AS_KEYS, _TEXT), AS_KEYS),
        },
    }


def _types() -> str:
    return f"^({'|'.join(name for kind in DNS_TYPES for name in (kind, kind.lower()))})$"


def schema_text() -> str:
    return json.dumps(schema(), indent=2) + "\n"
