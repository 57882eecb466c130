"""What local(8) and virtual(8) are asked to deliver, and ours; ``@TOP@`` is the folder of the files.

Users are those that every Debian system has. Their ~/.forward stand in @TOP@/fw.
"""

from __future__ import annotations

from dataclasses import dataclass, field

USERS = ("nobody", "games", "sync", "man", "lp", "news", "uucp", "backup", "list", "root")

BASE = {
    "myhostname": "mail.example.com",
    "mydomain": "example.com",
    "myorigin": "example.com",
    "mydestination": "example.com, localhost",
    "inet_interfaces": "loopback-only",
    "recipient_delimiter": "+",
    "alias_maps": "hash:@TOP@/aliases",
    "smtpd_reject_unlisted_recipient": "no",
    "mynetworks": "127.0.0.0/8",
    "forward_path": "@TOP@/fw/$user.forward${recipient_delimiter}${extension}, @TOP@/fw/$user.forward",
    "default_transport": "discard:away",  # what is sent anew is not of interest
    "virtual_mailbox_domains": "vm.example",
    "virtual_mailbox_base": "@TOP@/v",
    "virtual_mailbox_maps": "inline:{a@vm.example=mbox, m@vm.example=m/, nu@vm.example=nu, lo@vm.example=lo, "
    "bad@vm.example=bad, abs@vm.example=/abs, sub+x@vm.example=subx, sub@vm.example=sub, ng@vm.example=ng}",
    "virtual_uid_maps": "inline:{a@vm.example=5000, m@vm.example=5000, lo@vm.example=50, bad@vm.example=xx, "
    "abs@vm.example=5000, sub@vm.example=5000, ng@vm.example=5000}",
    "virtual_gid_maps": "inline:{@vm.example=5000, ng@vm.example=0}",
}

ALIASES = """\
a1: nobody
a2: nobody, a1, games
a3: a4
a4: a3
b1: b2
b2: b3
b3: b1
c1: c2, games
c2: c1, c2
root: root, games
f1: @TOP@/out/f1
f2: "@TOP@/out/f 2"
c3: "|cat >/dev/null"
c4: |/bin/true
inc: :include:@TOP@/inc
inc2: :include:@TOP@/inc2
incloop: :include:@TOP@/incloop
incbad: :include:/nonexistent
incc: :include:@TOP@/incc
incf: :include:@TOP@/incf
incmix: :include:@TOP@/inc2, games
owner-incx: news
incx: :include:@TOP@/inc2
rem: u@remote.example
rem2: u@remote.example, x@remote.example, U@Remote.example
owned: nobody, u@remote.example
owner-owned: games
al2: games, nobody
owner-al2: sync
ow: al2, a1, /dev/null
owner-ow: sync
lst: nobody, u@remote.example
owner-lst: games, sync
lst-request: games
ext+x: games
ext: nobody
dev: /dev/null
mixed: nobody, nosuch
quo: "a b"@remote.example
bsl: \\\\nobody
self: self@example.com
case: NOBODY
rela: relative/path
err1: nosuchuser
nobody+al: sync
rx: a1+foo, nobody+bar
same: u@x.example, U@x.example, u@x.example
"""
FILES = {
    "aliases": ALIASES,
    "inc": "sync, games\n# comment\nnobody@example.com\n",
    "inc2": "a1\ngames+x\n",
    "incloop": "nosuch\n\nb1\n",
    "incc": "|/bin/true\n",
    "incf": "@TOP@/out/incf\n",
    "fw/man.forward": "\\man, games\n",
    "fw/man.forward+x": "sync\n",
    "fw/lp.forward": "|/bin/true\n@TOP@/out/lp\n",
    "fw/news.forward": "u@remote.example\n",
    "fw/uucp.forward": "uucp, uucp+q, games, al2\n",
    "fw/backup.forward": "\n",
    "fw/list.forward": "nosuchu\n",
}

EVERYONE = [
    "nobody", "nobody+e", "Nobody", "a1", "a1+e", "a2", "a3", "b1", "c1", "root", "f1", "f2", "c3", "c4", "inc",
    "inc2", "incloop", "incbad", "incc", "incf", "incmix", "incx", "rem", "rem2", "owned", "ow", "lst", "lst-request",
    "ext+x", "ext+y", "dev", "mixed", "quo", "bsl", "self", "case", "rela", "err1", "nosuch", "nosuch+x", "nobody+al",
    "rx", "same", "man", "man+x", "man+y", "lp", "news", "uucp", "uucp+z", "backup", "list", "games+foo",
    "postmaster", "mailer-daemon", "a@vm.example", "a+x@vm.example", "m@vm.example", "x@vm.example", "nu@vm.example",
    "lo@vm.example", "bad@vm.example", "abs@vm.example", "A@VM.EXAMPLE", "sub+x@vm.example", "sub+y@vm.example",
    "ng@vm.example",
]  # fmt: skip
FEW = ["games", "games+e", "nosuch", "nosuch+ext", "a1", "a@vm.example"]


@dataclass
class Deliveries:
    parameters: dict[str, str] = field(default_factory=dict)
    recipients: list[str] = field(default_factory=lambda: list(FEW))


def scenarios() -> list[Deliveries]:
    propagating = {
        "propagate_unmatched_extensions": "alias,forward,include,canonical,virtual",
        "expand_owner_alias": "yes",
    }
    return [
        Deliveries({}, EVERYONE),
        Deliveries(
            propagating,
            [
                "ow",
                "lst",
                "a1+q",
                "rx+r",
                "man+e",
                "man+x",
                "lp+e",
                "uucp+z",
                "inc2+i",
                "incmix+i",
                "news+n",
                "owned+o",
                "ext+x",
                "ext+y",
            ],
        ),
        Deliveries({"home_mailbox": "Maildir/"}),
        Deliveries({"home_mailbox": "Mailbox"}),
        Deliveries({"mail_spool_directory": "@TOP@/maildirs/"}),
        Deliveries({"mailbox_command": "/bin/true $USER $EXTENSION"}),
        Deliveries({"mailbox_command_maps": "inline:{games=/bin/true games}", "mailbox_command": "/bin/true all"}),
        Deliveries({"mailbox_command_maps": "inline:{{games=/bin/true games}}", "mailbox_command": "/bin/true all"}),
        Deliveries({"mailbox_transport_maps": "fail:x"}),
        Deliveries({"fallback_transport_maps": "fail:x"}),
        Deliveries({"mailbox_transport": "discard:x"}),
        Deliveries({"mailbox_transport_maps": "inline:{games=discard:y}", "mailbox_transport": "discard:x"}),
        Deliveries({"fallback_transport": "discard:z"}),
        Deliveries({"fallback_transport_maps": "inline:{nosuch=discard:w}"}),
        Deliveries({"luser_relay": "games"}),
        Deliveries({"luser_relay": "games+$local"}),
        Deliveries({"luser_relay": "$user@remote.example"}),
        Deliveries({"luser_relay": "nosuchtoo"}),
        Deliveries({"alias_maps": "fail:x"}),
        Deliveries(
            {"allow_mail_to_commands": "alias,forward,include", "allow_mail_to_files": ""},
            ["incc", "incf", "c3", "f1", "lp"],
        ),
        Deliveries({"virtual_mailbox_maps": "fail:x"}),
        Deliveries({"virtual_uid_maps": "fail:x"}),
        Deliveries({"soft_bounce": "yes"}, ["nosuch", "incc", "x@vm.example", "incbad", "a3"]),
        Deliveries(
            {"recipient_delimiter": "-+", "owner_request_special": "yes"},
            ["lst-request", "owner-lst", "games-x", "games+y-z", "nosuch-q"],
        ),
        Deliveries({"recipient_delimiter": ""}, ["games+foo", "nobody+al", "man+x", "a+x@vm.example"]),
    ]
