"""Addresses that are put to trivial-rewrite(8) and cleanup(8), and to ours; ``@TOP@`` is the folder of the tables."""

from __future__ import annotations

from dataclasses import dataclass, field

BASE = {
    "myhostname": "mail.example.com",
    "mydomain": "example.com",
    "mydestination": "example.com, foo.example, $myhostname, localhost",
    "relay_domains": "rel.example",
    "virtual_alias_domains": "va.example",
    "virtual_mailbox_domains": "vm.example",
    "virtual_mailbox_maps": "inline:{a=b}",
    "inet_interfaces": "loopback-only",
    "recipient_delimiter": "+",
    "proxy_interfaces": "192.0.2.55",
}
CLEANUP = {
    **BASE,
    "myorigin": "example.com",
    "append_dot_mydomain": "yes",
    "local_recipient_maps": "",
    "smtpd_reject_unlisted_recipient": "no",
    "mynetworks": "127.0.0.0/8",
    "local_header_rewrite_clients": "permit_mynetworks",
    "smtpd_client_restrictions": "check_client_access static:HOLD",  # leaves every message in the queue as it is
}

STANDARD = [
    "a", "a@b", "a@b.", "a@b..", "a@b.c.", "a!b@c", "a%b", "a!b%c", "a%b%c", "a!b!c", "user@", "@b", "a@[1.2.3.4]",
    "a@[1.2.3.4].", "a@b@c", "a b", "a b@c", "a, b", "", "a!", "!a", "a%", "%b", "a@.b", "a.@b", "a@B.C", "foo;", ".",
    "a@.", "a@b%c", "a%b@", "@a", "a!b@foo.example", "a:b", "u:", "a@b:c", "a@b]", "a@[IPv6:::1]", "a..b!c", "a..b%c",
    "a b!c", "x.%y", "ä@b", "ä!b",
]  # fmt: skip
RESOLVE = [
    "a@example.com", "a", "a@[127.0.0.1]", "a@[192.0.2.55]", "a@[9.9.9.9]", "a@sub.rel.example", "a@rel.example",
    "a@va.example", "a@vm.example", "a@other.example", "a+b@foo.example", "a!b@foo.example", "a%b@foo.example",
    "a@b@foo.example", "a%rel.example@foo.example", "a%foo.example@foo.example", "a%x.y@rel.example",
    "x@y@rel.example", "@foo.example", "foo@", "foo@.", "foo@a..b", "foo@-a", "foo@a_b", "foo@1.2.3.4",
    "foo@[1.2.3.400]", "foo@[IPv6:::1]", "foo@[::1]", "", "foo@b c", "foo@bär", "foo@x.y.", "foo@X.Y",
    "foo@FOO.EXAMPLE", "MAILER-DAEMON", "foo@[host.name]", "foo@" + "a" * 64 + ".b", "foo@127.0.0.1", "a!", "foo@[]",
    "%foo.example", "foo@bar:baz", "foo@%", "a b@foo.example", "double-bounce@example.com", "u@[IPv6:2001:db8::1]",
    "a b!c@foo.example", "x!y!z@foo.example", "a%b%c@foo.example", "x!y%z@foo.example", "a@b@c@foo.example",
    "x[y]%foo.example@foo.example", "a b!c%rel.example@foo.example", "@@foo.example", "%@foo.example",
    "!@foo.example", "a@foo.example@foo.example", "u@foo.example.", "u@localhost",
    "u@[127.0.0.1].", "x@va.example.", "%", "!", "@", "foo@@foo.example", "a!@foo.example", "a%@foo.example",
]  # fmt: skip
_TRANSPORTS = (
    "inline:{u@y.z=tu:nu, u+e@y.z=tue:nue, y.z=ty:, .y.z=tdy:ndy, only.example=:nexthop.example, colon.example=:, "
    "bare.example=bare, *=star:starhop, va.example=vat:, foo.example=ft:, "
    "one@foo.example=onet:, err.example=error:full, "
    "vm.example=:[x]:25, rel.example=error:, sm.example=smtp:[1.2.3.4]:25}"
)
_TRANSPORT_USERS = [
    "u@y.z", "u+e@y.z", "U+f@y.z", "o@y.z", "o@a.y.z", "o@a.b.y.z", "o@only.example", "o@colon.example",
    "o@bare.example", "o@other.example", "o@va.example", "o@foo.example", "one@foo.example", "one", "",
    "err@err.example", "x@vm.example", "x@rel.example", "x@sub.rel.example", "a@sm.example", "o@[9.9.9.9]",
    "one+x@foo.example", "u%y.z@foo.example",
]  # fmt: skip
_QUOTED = (
    'inline:{ {"a b"@y.z=qd:1}, {"c d"@y.z=ext:1}, {"e+f g"@y.z=ext:2}, {"h i"=local:1}, {j.=dot:1}, {@x.y=at:1} }, '
    "regexp:{{/^c d@y.z$$/ int:1}}, regexp:{{/^k l@y.z$$/ int:2}}, regexp:{{/^e f@/ int:3}}"
)
_QUOTED_USERS = [
    "a b@y.z", "c d@y.z", "k l@y.z", "e+f g@y.z", "e f@y.z", "e f+x@y.z", "h i@example.com", "h i+x@example.com",
    "h i@y.z", "a b+c@y.z", "j.@y.z", "j.@foo.example", "m n@x.y", 'a"b@y.z', "a\\b@y.z", ".@y.z", "o@x.y",
]  # fmt: skip
_WRITTEN = ['"a b"', '"c d"', '"e f"', '"a b+x"', '"c d+x"', '"g"']
_FOUR = ["u@y.z", "u@rel.example", "u@foo.example", "u@vm.example"]
_SENDERS = ["s@a.b", "s+e@a.b", "x@c.d", "", "x@a.b", "x@x.x", "y@a.b"]


@dataclass
class Questions:
    """``standard`` is rewritten, each of ``resolve`` resolved for each of ``senders``."""

    parameters: dict[str, str] = field(default_factory=dict)
    resolve: list[str] = field(default_factory=list)
    senders: list[str] = field(default_factory=lambda: [""])
    standard: list[str] = field(default_factory=list)


@dataclass
class Messages:
    """Messages to queue: (sender, recipients, From, To)."""

    parameters: dict[str, str]
    messages: list[tuple[str, list[str], str, str]]
    tables: dict[str, str] = field(default_factory=dict)


def questions() -> list[Questions]:
    relayhosts = "inline:{s@a.b=[sdr]:1, @c.d=[domdep], <>=[nullsender], x@a.b=DUNNO}"
    transports = "inline:{s@a.b=sd:[sdr]:1, @c.d=dd:, <>=nn:[ns], x@a.b=DUNNO, y@a.b=:only}"
    failing = (
        "transport_maps",
        "relocated_maps",
        "virtual_mailbox_domains",
        "mydestination",
        "sender_dependent_relayhost_maps",
        "sender_dependent_default_transport_maps",
        "relay_domains",
        "virtual_alias_domains",
    )
    return [
        Questions({}, RESOLVE, standard=STANDARD),
        Questions({"append_dot_mydomain": "yes"}, RESOLVE, standard=STANDARD),
        Questions({"append_at_myorigin": "no"}, RESOLVE, standard=STANDARD),
        Questions({"remote_header_rewrite_domain": "invalid.example"}, [], standard=STANDARD),
        Questions(
            {"remote_header_rewrite_domain": "invalid.example", "append_dot_mydomain": "yes"}, [], standard=STANDARD
        ),
        Questions({"remote_header_rewrite_domain": "bare", "append_dot_mydomain": "yes"}, [], standard=STANDARD),
        Questions(
            {
                "remote_header_rewrite_domain": "invalid.example",
                "append_at_myorigin": "no",
                "append_dot_mydomain": "yes",
            },
            [],
            standard=STANDARD,
        ),
        Questions({"myorigin": "bare", "append_dot_mydomain": "yes"}, RESOLVE, standard=STANDARD),
        Questions({"myorigin": "foo.example", "empty_address_recipient": "nobody"}, RESOLVE),
        Questions({"resolve_dequoted_address": "no"}, RESOLVE),
        Questions({"transport_maps": _QUOTED, "relayhost": "[rh]"}, _QUOTED_USERS),
        Questions({"relocated_maps": _QUOTED}, _QUOTED_USERS),
        Questions({"sender_dependent_relayhost_maps": _QUOTED}, ["o@p.q"], senders=_QUOTED_USERS),
        Questions({"swap_bangpath": "no", "allow_percent_hack": "no"}, RESOLVE, standard=STANDARD),
        Questions({"resolve_null_domain": "yes", "resolve_numeric_domain": "yes"}, RESOLVE),
        Questions(
            {
                "relay_transport": "relay:[r.example]",
                "default_transport": "smtp:[d.example]",
                "virtual_transport": "lmtp:unix:/x",
                "local_transport": "virtual",
                "relayhost": "[rh.example]",
            },
            RESOLVE,
        ),
        Questions({"transport_maps": _TRANSPORTS}, _TRANSPORT_USERS),
        Questions(
            {
                "transport_maps": _TRANSPORTS,
                "relayhost": "[rh]:99",
                "parent_domain_matches_subdomains": "transport_maps",
            },
            _TRANSPORT_USERS,
        ),
        Questions(
            {"transport_maps": _TRANSPORTS.replace("star:starhop", ":"), "relayhost": "[rh]:99"}, _TRANSPORT_USERS
        ),
        Questions(
            {"transport_maps": _TRANSPORTS.replace("star:starhop", "star:"), "relayhost": "[rh]:99"}, _TRANSPORT_USERS
        ),
        Questions({"transport_maps": "inline:{{*=error:5.1.2 no such}}"}, _TRANSPORT_USERS),
        Questions({"sender_dependent_relayhost_maps": relayhosts, "relayhost": "[rh]"}, _FOUR, _SENDERS),
        Questions({"sender_dependent_default_transport_maps": transports, "relayhost": "[rh]"}, _FOUR, _SENDERS),
        Questions(
            {"relocated_maps": "inline:{x@y.z=new@place, foo=bar, @rel.example=gone, x@va.example=va}"},
            ["x@y.z", "foo", "foo+z", "a@rel.example", "o@o.o", "x@va.example"],
        ),
        *(
            Questions({name: "fail:x"}, ["x@y.z", "foo", "x@rel.example", "x@vm.example", "x@va.example"])
            for name in failing
        ),
        Questions(
            {
                "virtual_alias_domains": "foo.example rel.example vm.example",
                "virtual_mailbox_domains": "foo.example rel.example",
            },
            ["x@foo.example", "x@rel.example", "x@vm.example"],
        ),
        Questions(
            {
                "mydestination": "!no.example inline:{a.example=x,no.example=y} .dot.example",
                "relay_domains": "!x.rel.example rel.example, inline:{tab.example=x}",
            },
            [
                "x@no.example",
                "x@a.example",
                "x@dot.example",
                "x@s.dot.example",
                "x@x.rel.example",
                "x@y.rel.example",
                "x@s.tab.example",
                "x@y.x.rel.example",
                "X@TAB.example",
            ],
        ),
        Questions(
            {
                "relay_domains": "!x.rel.example rel.example .sub.example inline:{tab.example=x, .dtab.example=x}",
                "parent_domain_matches_subdomains": "",
            },
            [
                "x@x.rel.example",
                "x@y.rel.example",
                "x@rel.example",
                "x@a.sub.example",
                "x@sub.example",
                "x@s.tab.example",
                "x@s.dtab.example",
                "x@dtab.example",
            ],
        ),
        Questions(
            {"recipient_delimiter": "+-", "transport_maps": "inline:{u@y.z=tu:, owner-u@y.z=to:, a-b@y.z=tab:}"},
            [
                "u+e@y.z",
                "u-e@y.z",
                "u-e+f@y.z",
                "owner-u@y.z",
                "owner-x@y.z",
                "u-request@y.z",
                "+u@y.z",
                "a-b-c@y.z",
                "a-b@y.z",
            ],
        ),
        Questions(
            {
                "recipient_delimiter": "-",
                "owner_request_special": "no",
                "transport_maps": "inline:{u@y.z=tu:, owner@y.z=to:}",
            },
            [
                "u-e@y.z",
                "owner-u@y.z",
                "u-request@y.z",
                "MAILER-DAEMON@y.z",
                "mailer-daemon-x@y.z",
                "double-bounce@y.z",
            ],
        ),
    ]


def messages() -> list[Messages]:
    aliases = (
        "inline:{info@va.example=a, {two@va.example=a, b@c}, self@va.example=self@va.example, "
        "{selfplus@va.example=selfplus@va.example, other}, {otherself@va.example=other, otherself@va.example, third}, "
        "n1@va.example=n2@va.example, n2@va.example=n3+z@va.example, "
        "n3@va.example=end, @catch.example=all@foo.example, "
        "@map.example=@foo.example, loop1=loop2, loop2=loop1, a+x=ax, {dup=b@c,b@c,B@C.EXAMPLE.COM}, "
        "{tree=t1,t2,t3}, {t1=l1,l2}, {t2=l3,t4}, {t4=l4,l5}, {pal=palb,pal1}, {palb=pal,palx}, quoted=q\\@uo}"
    )
    return [
        Messages(
            {
                "canonical_maps": "inline:{a=b, b@example.com=c.d, c.d=c.d, x@y.z=@new.dom, @old.dom=@new.dom, "
                '@cat.dom=catch@all, l1=l2, l2=l1, {multi=m1@a m2@b}, {quo="a b"@q}, ext=target+own, self=self}'
            },
            [
                ("a@example.com", [recipient], "a+h@example.com", "l1")
                for recipient in (
                    "a",
                    "a+e@example.com",
                    "b@foo.example",
                    "x@y.z",
                    "x+e@y.z",
                    "u@old.dom",
                    "u+e@old.dom",
                    "u@cat.dom",
                    "u+e@cat.dom",
                    "l1",
                    "multi",
                    "quo@example.com",
                    "ext+x",
                    "self+x",
                    "a@other",
                    "A+Ext@EXAMPLE.com",
                )
            ],
        ),
        Messages(
            {"canonical_maps": "inline:{a=b, @o.o=@p.p}", "propagate_unmatched_extensions": ""},
            [("a+x", ["a+x"], "a+y", "q+r@o.o"), ("u+v@o.o", ["a"], "b@c.d", "b")],
        ),
        Messages(
            {
                "sender_canonical_maps": "inline:{a=sb,b=sx}",
                "recipient_canonical_maps": "inline:{a=rb}",
                "canonical_maps": "inline:{sb=b,rb=c}",
                "sender_canonical_classes": "envelope_sender",
                "canonical_classes": "envelope_sender,envelope_recipient,header_recipient",
            },
            [("a", ["a"], "a", "a"), ("sb", ["rb"], "sb", "rb")],
        ),
        Messages(
            {"masquerade_domains": "!keep.a.b a.b c.d", "masquerade_exceptions": "root"},
            [
                ("u@x.a.b", ["v@x.a.b"], "u@y.x.a.b", "v@x.keep.a.b"),
                ("root@x.a.b", ["a"], "u@keep.a.b", "root@x.a.b"),
                ("u@c.d", ["a"], "U@X.A.B", "u@a.b"),
                ("u@xa.b", ["a"], "u@e.c.d", "u@.a.b"),
            ],
        ),
        *(
            Messages(
                {"masquerade_domains": "a.b", "masquerade_exceptions": exceptions},
                [(f"{user}@x.a.b", ["v@c.d"], f"{user}@x.a.b", "v@c.d") for user in ("root", "Kim", '"a b"', "u")],
                {"exceptions": "# kim\nkim, !u\n"},
            )
            for exceptions in (
                "!root, static:x",
                "regexp:{{/^a b$$/ x}}",
                'regexp:{{/^"a b"$$/ x}}',
                "@TOP@/exceptions",
                "!@TOP@/exceptions, static:y",
                "inline:{root=x}, fail:now",
                "@TOP@/none",
                "kim, @TOP@/none",
                "{ root }, KIM",
            )
        ),
        Messages({"masquerade_domains": "!, {a.b} !!c.d ,a.b"}, [("u@x.a.b", ["v@c.d"], "u@x.c.d", "v@y.a.b")]),
        *(
            Messages(
                {name: 'inline:{ {"a b"@foo.example=q@one.example}, {"c d"=r@one.example} }, ' + by_meaning},
                [("s@h.example", [f"{user}@foo.example"], "x@h.example", f"{user}@foo.example") for user in _WRITTEN],
            )
            for name in ("canonical_maps", "virtual_alias_maps")
            for by_meaning in ("regexp:{{/^[ce] [df]@/ s@one.example}}",)
        ),
        Messages(
            {
                "masquerade_domains": "a.b",
                "masquerade_classes": "envelope_sender,envelope_recipient,header_sender",
            },
            [("u@x.a.b", ["v@x.a.b"], "u@y.x.a.b", "v@x.keep.a.b")],
        ),
        Messages(
            {"virtual_alias_maps": aliases, "virtual_alias_domains": "va.example catch.example map.example"},
            [
                ("s", [recipient], "x@h.example", "y@h.example")
                for recipient in (
                    "info@va.example",
                    "two@va.example",
                    "self@va.example",
                    "selfplus@va.example",
                    "otherself@va.example",
                    "selfplus+e@va.example",
                    "n1@va.example",
                    "n1+q@va.example",
                    "u@catch.example",
                    "u+e@catch.example",
                    "u+e@map.example",
                    "loop1",
                    "a+x@foo.example",
                    "a+y",
                    "dup",
                    "dup+q",
                    "unknown@va.example",
                    "INFO@VA.example",
                    "tree",
                    "tree+x",
                    "pal",
                    "quoted",
                    "@catch.example",
                )
            ],
        ),
        Messages(
            {
                "virtual_alias_maps": "inline:{{big=a,b,c,d,e}, {three=a,b,c}, {four=a,b,c,d}}",
                "virtual_alias_expansion_limit": "3",
            },
            [
                ("s", ["big"], "x@h.example", "y@h.example"),
                ("s", ["three"], "x@h.example", "y@h.example"),
                ("s", ["four"], "x@h.example", "y@h.example"),
            ],
        ),
        Messages(
            {"virtual_alias_maps": "regexp:@TOP@/loop, regexp:@TOP@/once", "virtual_alias_recursion_limit": "5"},
            [
                ("s", ["r1@foo.example"], "x@h.example", "y@h.example"),
                ("s", ["x+y@foo.example"], "x@h.example", "y@h.example"),
            ],
            {"loop": "/^r(.*)@(.*)$/ r${1}x@$2\n", "once": "/^x@/ found@foo.example\n"},
        ),
        Messages(
            {
                "virtual_alias_maps": "inline:{" + ",".join(f"k{n}=k{n + 1}" for n in range(8)) + "}",
                "virtual_alias_recursion_limit": "4",
            },
            [("s", [f"k{n}"], "x@h.example", "y@h.example") for n in range(9)],
        ),
        Messages({"virtual_alias_maps": "fail:x"}, [("s", ["s1@foo.example"], "x@h.example", "y@h.example")]),
        Messages({"canonical_maps": "fail:x"}, [("s", ["s1@foo.example"], "x@h.example", "y@h.example")]),
        Messages(
            {
                "always_bcc": "bcc@va.example",
                "sender_bcc_maps": "inline:{s=sb, @o.o=ob+x}",
                "recipient_bcc_maps": "inline:{r=rb, r2=rb, @q.q=qb}",
                "virtual_alias_maps": "inline:{bcc@va.example=bccreal, sb=sbreal, r=rvirt, rvirt=rv2}",
                "canonical_maps": "inline:{sb=sbcan}",
            },
            [
                ("s", ["r"], "x@h.example", "y@h.example"),
                ("s+e", ["r+f"], "x@h.example", "y@h.example"),
                ("s", ["r", "r2", "r2"], "x@h.example", "y@h.example"),
                ("z@o.o", ["q"], "x@h.example", "y@h.example"),
                ("", ["q@q.q"], "x@h.example", "y@h.example"),
            ],
        ),
        Messages({"recipient_bcc_maps": "fail:x"}, [("s", ["r"], "x@h.example", "y@h.example")]),
    ]
