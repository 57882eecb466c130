"""Scripts for smtpd_check: one for each thing in which it and the Policy once differed. The DNS is smtpd_lines.DNS."""

from __future__ import annotations

_NOW = ["smtpd_delay_reject 0", "mydestination local.example,mx.example.com", "inet_interfaces 127.0.0.1"]
_CLIENT = "client client.good.example 192.0.2.2"
_MAIL = "mail joe@good.example"


def _stage(stage: str, restrictions: str, *lines: str, settings: tuple[str, ...] = ()) -> list[str]:
    """A list of one stage, and lines that are asked of it."""
    return [*_NOW, *settings, f"{stage}_restrictions {restrictions}", *lines]


def _helos(restrictions: str) -> list[str]:
    names = (
        *("0.1.2.3", "[0.1.2.3]", "0.0.0.0", "::1", "2001:db8::9", "[IPv6:2001:db8::9]", "[2001:db8::9]", "192.0.2.2"),
        *("good.example", "good.example.", "good.example..", "a_b.example", "-bad.example", "12345", "[]", "a..b"),
    )
    return _stage("helo", restrictions, *(f"helo {name}" for name in names))


def _ns(kind: str, stage: str, line: str) -> list[str]:
    """Name servers of the domain above."""
    table = "inline:{192.0.2.53=reject}"
    return _stage(
        stage, f"check_{kind}_ns_access,{table}", *(line.format(n) for n in ("sub.good", "a.b.absent", "x.nsfail"))
    )


def _backup(name: str, *settings: str) -> list[str]:
    return _stage("recipient", "permit_mx_backup,reject", _CLIENT, _MAIL, f"rcpt joe@{name}", settings=settings)


# Of the hosts file; 198.51.100 is the DNS's address for hosts that are in both.
_IN_HOSTS = "inline:{192.0.2.11=reject,192.0.2.12=reject,192.0.2.53=reject,127.0.0.1=reject,198.51.100=defer}"
_HOSTS = (
    *("inhosts.example", "inhosts6.example", "nsinhosts.example", "h1.example", "H1.Example", "h2.example"),
    *("h3.example", "h3.example.", "hc.example", "hd.example", "he.example", "he.example.", "near6.example"),
    *("alias1.example", "comment.example", "localhost", "near"),
)

# Keys that would be parents of an address, if that were a domain.
_PARENTS = "inline:{2=reject,2.2=reject,0.2.2=reject,0.192=reject,192=reject}"
_NUMBERS = ("192.0.2.2", "2.2.0.192", "x.2.2", "0.0.2.2", "1.0.2.2", "1.2.3.4.2.2", "192.0.2.300")

SCENARIOS: list[list[str]] = [
    # names that are addresses have no parents, and no list has them
    *(
        _stage(stage, restriction, *(line.format(name) for name in _NUMBERS))
        for stage, who, line in (
            ("helo", "helo", "helo {}"),
            ("sender", "sender", "mail joe@{}"),
            ("recipient", "recipient", "rcpt joe@{}"),
            ("client", "reverse_client", "client {} 203.0.113.1"),
        )
        for restriction in (
            f"check_{'reverse_client_hostname' if who == 'reverse_client' else who}_access,{_PARENTS}",
            f"reject_rhsbl_{who},bl.test",
        )
    ),
    # hosts that the hosts file has
    *(
        _stage(stage, f"check_{who}_{kind}_access,{_IN_HOSTS}", *(line.format(name) for name in _HOSTS))
        for kind in ("a", "mx", "ns")
        for who, stage, line in (
            ("helo", "helo", "helo {}"),
            ("sender", "sender", "mail joe@{}"),
            ("recipient", "recipient", "rcpt joe@{}"),
            ("client", "client", "client {} 192.0.2.2"),
            ("reverse_client_hostname", "client", "client {} 192.0.2.2"),
        )
    ),
    *(_backup(name) for name in ("backup3.example", "backup4.example", "primary3.example")),
    *(
        _backup(name, f"permit_mx_backup_networks {networks}")
        for name in ("backup3.example", "backup4.example")
        for networks in ("192.0.2.0/24", "198.51.100.0/24")
    ),
    # 1. check_*_ns_access
    _ns("helo", "helo", "helo {}.example"),
    _ns("sender", "sender", "mail joe@{}.example"),
    _ns("recipient", "recipient", "rcpt joe@{}.example"),
    _ns("client", "client", "client {}.example 192.0.2.2"),
    _ns("reverse_client_hostname", "client", "client {}.example 192.0.2.2"),
    # 2. lists that cannot be asked
    *(
        _stage("client", f"{word},{zone},reject", f"client {name} 198.51.100.8")
        for word, zone, name in (
            ("permit_dnswl_client", "bl.test", "good.example"),
            ("permit_rhswl_client", "bl.test", "nomx.example"),
            ("reject_rbl_client", "bl.test", "good.example"),
            ("reject_rhsbl_client", "bl.test", "nomx.example"),
        )
    ),
    _stage(
        "recipient", "permit_dnswl_client,bl.test,reject_unauth_destination", _CLIENT, _MAIL, "rcpt joe@far.example"
    ),
    # 3. reject_unlisted_sender
    _stage(
        *("sender", "reject_unlisted_sender", "mail ann@local.example", "mail joe@local.example"),
        settings=("local_recipient_maps inline:{bob=x}", "sender_canonical_maps inline:{ann@local.example=x}"),
    ),
    # 4. names that cannot be told
    *(
        _stage("client", restriction, *(f"client good.example 192.0.2.2 {code}" for code in (2, 4, 5, 6)))
        for restriction in ("reject_unknown_client_hostname", "reject_unknown_reverse_client_hostname")
    ),
    # 6. permit_mx_backup
    *(
        _backup(name)
        for name in (
            *("backup.example", "backup2.example", "primary.example", "primary2.example", "notus.example"),
            *("lostmx.example", "failmx.example", "allfail.example", "absent.example", "nullplus.example"),
        )
    ),
    *(
        _backup(name, f"permit_mx_backup_networks {networks}")
        for name, networks in (
            *(("backup.example", "192.0.2.0/24"), ("backup.example", "10.0.0.0/8"), ("failmx.example", "192.0.2.0/24")),
            ("backup.example", "fail:networks"),
        )
    ),
    # 7. answer patterns
    *(
        _stage("client", f"reject_rbl_client,bl.test={pattern}", "client good.example 192.0.2.9")
        for pattern in (
            *("127.0.0.9", "127.0.0.[2;3]", "[127.0.0.[4;9]]", "127.0.0.[1..4]", "[0..255].0.0.4", "127.0.0.[2-4]", ""),
            *(
                "127.0.0",
                "127.0.0.300",
                "127.0.0.4.5",
                "127.0.0.[4..2]",
                "127.0.0.[]",
                "[127.0.0.4",
                "127.0.0.[2;",
                "x",
            ),
            *("127.0.0.[4,9]", "127.0.0.4x", "0127.0.0.4", "127..0.0.4"),
        )
    ),
    # 9. restrictions as values
    *(
        _stage("sender", f"check_sender_access,static:{{{value}}}", _CLIENT, "mail joe@absent.example")
        for value in (
            *("reject_unknown_address", "warn_if_reject reject", "reject_maps_rbl", "RELAY", "550 2.1.1 text", "550"),
            *(
                "check_sender_access hash:x",
                "nonsense",
                "permit_mynetworks, reject",
                "HANG",
                "5.7.1 text",
                "defer_if_reject",
            ),
        )
    ),
    # 12. check_relay_domains
    _stage(
        *("recipient", "check_relay_domains", "client mail.rel.example 192.0.2.2", "rcpt joe@far.example"),
        *("client good.example 192.0.2.2", "rcpt joe@far.example", "rcpt joe@rel.example"),
        settings=("relay_domains rel.example",),
    ),
    # 13. HELO
    *(
        _helos(word)
        for word in (
            *("permit_naked_ip_address", "reject_invalid_helo_hostname", "reject_non_fqdn_helo_hostname"),
            *("reject_unknown_helo_hostname", "check_helo_a_access,static:REJECT", "reject_rhsbl_helo,bl.test"),
        )
    ),
    # What a stranger's servers never permit, and what ends a search
    *(
        _stage(stage, f"check_{who}_access,{table}", _CLIENT, "helo good.example", _MAIL, "rcpt joe@good.example")
        for table in (
            "static:OK",
            "inline:{192.0.2.11=OK,192.0.2.10=OK}",
            "inline:{mx1.good.example=DUNNO,192.0.2.12=reject}",
        )
        for stage, who in (
            *(
                ("client", "reverse_client_hostname"),
                ("client", "client_a"),
                ("helo", "helo_mx"),
                ("sender", "sender_mx"),
            ),
            *(("recipient", "recipient_a"), ("recipient", "recipient_ns")),
        )
    ),
    _stage("sender", "check_sender_mx_access,inline:{127.0.0.1=reject}", "mail joe@tolocal.example"),
    # 21. smtpd_dns_reply_filter
    *(
        _stage(
            *(
                "sender",
                "reject_unknown_sender_domain",
                *(f"mail joe@{name}.example" for name in ("good", "nomx", "null")),
            ),
            settings=(f"smtpd_dns_reply_filter regexp:@TOP@/filter{number}",),
        )
        for number in range(3)
    ),
    # Conditional deferrals
    _stage("sender", "defer_if_permit,defer_if_reject,reject", _MAIL, "rcpt joe@good.example"),
    _stage("sender", "warn_if_reject,defer_if_reject,reject", _MAIL),
    _stage(
        "sender",
        "warn_if_reject,reject_unlisted_sender,reject_unlisted_sender",
        "mail joe@local.example",
        settings=("local_recipient_maps inline:{bob=x}",),
    ),
    # Words
    *(
        _stage("sender", words, _CLIENT, _MAIL)
        for words in (
            *(
                "permit,reject",
                "reject,permit",
                "warn_if_reject,reject,permit",
                "nonsense",
                "Strict",
                "strict",
                "STRICT",
            ),
            *(
                "check_client_access",
                "check_client_access,permit",
                "reject_rbl_client",
                "sleep",
                "sleep,x",
                "check_policy_service",
            ),
            *(
                "check_policy_service,x",
                "reject_sender_login_mismatch",
                "check_sasl_access,static:reject",
                "permit_sasl_authenticated",
            ),
        )
    ),
]
for _script in SCENARIOS:
    _script.insert(0, "restriction_class strict,reject_non_fqdn_sender")
