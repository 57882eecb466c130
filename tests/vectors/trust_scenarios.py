"""Tables that hold text of the address or come from anyone, in each role that local, virtual and routing have.

``@TOP@`` is the folder of the files.
"""

from __future__ import annotations

BASE = {
    "myhostname": "mail.example.com",
    "mydomain": "example.com",
    "myorigin": "example.com",
    "mydestination": "example.com",
    "inet_interfaces": "loopback-only",
    "alias_maps": "",
    "smtpd_reject_unlisted_recipient": "no",
    "smtpd_reject_unlisted_sender": "no",
    "mynetworks": "127.0.0.0/8",
    "default_transport": "discard:away",
    "virtual_mailbox_domains": "vm.example",
    "virtual_mailbox_base": "@TOP@/v",
    "virtual_mailbox_maps": "static:box",
    "virtual_uid_maps": "static:5000",
    "virtual_gid_maps": "static:5000",
}
FILES = {
    "rules": "/^(.*)$/ discard:$1\n",
    "memcache": "memcache = inet:127.0.0.1:1\n",
}
# Parameter: the recipient for whom it is asked.
ROLES = {
    "alias_maps": "games@example.com",
    "mailbox_command_maps": "games@example.com",
    "mailbox_transport_maps": "games@example.com",
    "fallback_transport_maps": "nosuch@example.com",
    "transport_maps": "x@remote.example",
    "sender_dependent_default_transport_maps": "x@remote.example",
    "virtual_mailbox_maps": "a@vm.example",
    "virtual_uid_maps": "a@vm.example",
    "virtual_gid_maps": "a@vm.example",
}
SUBSTITUTING = (
    "regexp:@TOP@/rules",
    "pcre:@TOP@/rules",
    "proxy:regexp:@TOP@/rules",
    "pipemap:{regexp:@TOP@/rules, static:discard:x}",
    "proxy:pipemap:{regexp:@TOP@/rules, static:discard:x}",
    "regexp:{{/^(.*)$$/ discard:$$1}}",
    "regexp:{{/^(.*)$$/ discard:$$$$1}}",
)
FROM_ANYONE = (
    "tcp:127.0.0.1:1",
    "proxy:tcp:127.0.0.1:1",
    "socketmap:inet:127.0.0.1:1:x",
    "memcache:@TOP@/memcache",
    "pipemap:{static:y, tcp:127.0.0.1:1}",
)


def scenarios() -> list[tuple[str, str]]:
    """(parameter, its value)."""
    # Routing asks a table of the second sort, which takes ten seconds where nobody answers.
    careful = [name for name in ROLES if "transport" not in name]
    # Other parameters refer to alias_maps, so that its dollar signs are looked at again and again.
    unfit = [("alias_maps", table) for table in SUBSTITUTING if "$" in table]
    return [
        *((name, table) for table in SUBSTITUTING for name in ROLES if (name, table) not in unfit),
        *((name, table) for table in FROM_ANYONE for name in careful),
    ]
