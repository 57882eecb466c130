"""Chains of aliases and :include: files, around the depths at which local(8) refuses them.

A case has an ``end``, a number of aliases that name each other, and a number of :include: files that the last alias
leads through; the last file, or the last alias where there is no file, names the end. The end "round" is another
chain: each alias names a file that names the next alias.
"""

from __future__ import annotations

from typing import Any

ENDS = {
    "file": "@TOP@/out/file",
    "command": '"|exit 0"',
    "elsewhere": "a@elsewhere.example",
    "alias": "end",
    "user": "nobody",
    "exact": "\\nobody",
    "forward": "games",
    "relay": "nosuchuser",
}
ROUND = "round"
PARAMETERS = {
    "myhostname": "mail.example.com",
    "mydomain": "example.com",
    "mydestination": "mail.example.com",
    "inet_interfaces": "loopback-only",
    "mynetworks": "127.0.0.0/8",
    "local_recipient_maps": "",
    "alias_maps": "hash:@TOP@/aliases",
    "forward_path": "@TOP@/fw/$user",
    "luser_relay": "$local-relay",
    "allow_mail_to_files": "alias,include",
    "allow_mail_to_commands": "alias,include",
    "default_transport": "discard",
    "local_transport": "local",
}


def cases() -> list[dict[str, Any]]:
    """Each with the fields end, aliases and includes."""
    found = []
    for end in ENDS:
        chains = [(1, 0), (2, 1), (24, 0), (25, 0), (26, 0), (22, 3)]
        chains += [(1, count) for count in (92, 93, 94, 95, 96, 97, 98, 99, 300)]
        chains += [(24, count) for count in range(1, 8)]
        found += [{"end": end, "aliases": aliases, "includes": includes} for aliases, includes in chains]
    found += [{"end": ROUND, "aliases": count, "includes": count} for count in (1, 18, 19, 20, 21)]
    return found


def name(case: dict[str, Any]) -> str:
    """The first alias of a case."""
    return _alias(case, case["aliases"])


def files() -> dict[str, str]:
    """The table of aliases, the ~/.forward and the :include: files of all cases."""
    aliases = {"end": "@TOP@/out/end", "nosuchuser-relay": "@TOP@/out/relay", "round0": "@TOP@/out/round"}
    texts = {"fw/games": "end\n"}
    for case in cases():
        end, count, most = case["end"], case["aliases"], case["includes"]
        if end == ROUND:
            for number in range(1, count + 1):
                aliases[f"round{number}"] = f":include:@TOP@/inc/round{number}"
                texts[f"inc/round{number}"] = f"round{number - 1}\n"
            continue
        for number in range(1, count + 1):
            last = f":include:@TOP@/inc/{end}{most}" if most else ENDS[end]
            aliases[_alias(case, number)] = _alias(case, number - 1) if number > 1 else last
        for number in range(1, most + 1):
            texts[f"inc/{end}{number}"] = (f":include:@TOP@/inc/{end}{number - 1}" if number > 1 else ENDS[end]) + "\n"
    return {"aliases": "".join(f"{key}: {value}\n" for key, value in aliases.items()), **texts}


def _alias(case: dict[str, Any], number: int) -> str:
    return f"round{number}" if case["end"] == ROUND else f"{case['end']}-{number}-{case['includes']}"
