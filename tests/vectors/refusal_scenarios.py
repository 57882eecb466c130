"""Refusals whose code or enhanced status an administrator chose: code parameters, table texts, block list replies, and
the answers of policy services. What a reply may not be, the original puts right; see smtpd(8), access(5), postconf(5).
"""

from __future__ import annotations

from tests.vectors.policy_scenarios import Scenario, client, mail

CODES = (
    "access_map_defer_code", "access_map_reject_code", "defer_code", "invalid_hostname_reject_code",
    "maps_rbl_reject_code", "multi_recipient_bounce_reject_code", "non_fqdn_reject_code", "plaintext_reject_code",
    "reject_code", "relay_domains_reject_code", "unknown_address_reject_code", "unknown_client_reject_code",
    "unknown_hostname_reject_code", "unknown_local_recipient_reject_code", "unknown_relay_recipient_reject_code",
    "unknown_virtual_alias_reject_code", "unknown_virtual_mailbox_reject_code",
)  # fmt: skip
CONFINED = ("unverified_recipient_defer_code", "unverified_sender_defer_code")  # 200 to 499, or smtpd does not start
VALUES = (-450, 0, 99, 200, 250, 354, 399, 400, 421, 499, 500, 521, 599, 600, 1000, 45000)

# The client's address chooses the restriction, so that everything else is free.
REFUSING = {
    20: "reject",
    21: "defer",
    22: "check_client_access static:REJECT",
    23: "check_client_access static:DEFER",
    24: "check_client_access static:DEFER_IF_PERMIT",
    25: "check_client_access static:DEFER_IF_REJECT, reject_plaintext_session",
    26: "reject_plaintext_session",
    27: "reject_invalid_helo_hostname",
    28: "reject_non_fqdn_helo_hostname",
    29: "reject_unknown_helo_hostname",
    30: "reject_non_fqdn_sender",
    31: "reject_non_fqdn_recipient",
    32: "reject_unknown_sender_domain",
    33: "reject_unknown_client_hostname",
    34: "reject_unknown_reverse_client_hostname",
    35: "reject_rhsbl_sender rhsbl.example",
    36: "reject_multi_recipient_bounce",
    37: "reject_unauth_destination",
    38: "defer_unauth_destination",
    39: "check_relay_domains",
    40: "reject_unlisted_recipient",
    41: "reject_unlisted_sender",
    42: "warn_if_reject reject",
    43: "warn_if_reject check_client_access static:DEFER_IF_PERMIT",
    44: "reject_unverified_sender",
    45: "reject_unverified_recipient",
    46: "check_client_access static:DEFER_IF_REJECT, reject",
    47: "warn_if_reject nonsense",
    48: "warn_if_reject check_client_access fail:x",
    49: "permit",
}  # fmt: skip
UNLISTED = ("carol@example.com", "y@rel.example", "y@va.example", "y@vm.example", "y@err.example", "x@y.z")
_ERRORS = "inline:{{err.example=error:2.1.5 no}, {old.example=error:4.2.1 later}, {text.example=error:9.9.9 x}}"


def session_for(number: int) -> list[str]:
    who = client(number)
    if number == 36:
        return mail("alice@example.com", "bob@example.com", sender="", who=who)
    senders = {35: "s@spam.example", 30: "s", 41: "carol@example.com", 32: "s@missing.example"}
    sender = senders.get(number, "s@from.example")
    helo = "EHLO a..b" if number == 27 else "EHLO missing" if number in (28, 29) else "EHLO client.example"
    recipients = UNLISTED if number in (37, 38, 39, 40) else ("r@r",) if number == 31 else ("alice@example.com",)
    return mail(*recipients, sender=sender, helo=helo, who=who)


def with_codes(codes: dict[str, str], soft_bounce: str = "no", name: str = "") -> Scenario:
    """Every restriction that refuses, with these code parameters."""
    classes = {f"r{number}": value for number, value in REFUSING.items()}
    table = "".join(f"198.51.100.{number} r{number}\n" for number in REFUSING)
    parameters = {
        "smtpd_restriction_classes": ", ".join(classes),
        **classes,
        "smtpd_recipient_restrictions": "check_client_access texthash:@TOP@/rows, reject_unauth_destination",
        "smtpd_relay_restrictions": "check_recipient_access static:OK, reject",
        "smtpd_reject_unlisted_recipient": "no",
        "transport_maps": _ERRORS,
        "relay_domains": "rel.example, err.example, old.example, text.example",
        "address_verify_poll_count": "1",
        "address_verify_map": "",
        **codes,
        "soft_bounce": soft_bounce,
    }
    return Scenario(name, parameters, [session_for(number) for number in REFUSING], {"rows": table})


def _codes() -> list[Scenario]:
    made = []
    for value in VALUES:
        names = CODES + CONFINED if 200 <= value <= 499 else CODES
        for soft in ("no", "yes") if value in (399, 599, 600) else ("no",):
            codes = dict.fromkeys(names, str(value))
            made.append(with_codes(codes, soft, f"all codes are {value}, soft_bounce = {soft}"))
    return made


STATUSES = (
    "2.1.1", "4.1.1", "5.1.1", "4.7.1", "2.0.0", "5.0.0", "9.1.1", "1.1.1", "3.1.1", "0.0.0", "5.1", "5.1.1.1",
    "5.1000.1", "5.01.1", "5.1.999", "5.1.1000", "5..1", "55.1.1", "5.1.8", "4.1.7", "2.1.5", "5.-1.0", "5.1.1x",
)  # fmt: skip
TEXTS = (
    *(f"{code} {status} text" for code in ("450", "550", "250", "REJECT", "DEFER") for status in STATUSES),
    *(f"{action} {status} text" for action in ("DEFER_IF_PERMIT", "DEFER_IF_REJECT") for status in STATUSES[:6]),
    *(f"{code} text" for code in ("100", "199", "200", "250", "354", "399", "400", "421", "499", "500", "521", "599")),
    *(f"{code} text" for code in ("600", "0450", "4500", "45", "+450", "-450", "450-", "4 5 0", "٤٥٠")),
    *(f"{code} 5.7.1" for code in ("450", "550", "REJECT", "DEFER")),
    "450\ttab", "450 \t two", "450  5.1.1  two", "450 5.1.1\ttab", "REJECT\t5.1.1\ttab", "354 5.1.1", "250 2.1.5 Ok",
    "450", "550", "250", "REJECT " + "x" * 600, "550 5.1.1 " + "y" * 600, "REJECT ä\x07b\x1bc\x7f", "REJECT %s%n",
    "OK 250 x", "DUNNO 5.1.1", "reject", "REJECTED", "DEFER_IF_PERMIT  ", "421 4.1.1 x", "521 2.1.1 x", "554 5.7.1  x",
)  # fmt: skip


def _texts() -> list[Scenario]:
    table = "".join(f"s{n}@from.example {text}\n" for n, text in enumerate(TEXTS))
    made = []
    for stage in ("sender", "recipient"):
        for soft in ("no", "yes"):
            parameters = {f"smtpd_{stage}_restrictions": "check_sender_access texthash:@TOP@/rows", "soft_bounce": soft}
            sessions = [mail("alice@example.com", "x@y.z", sender=f"s{n}@from.example") for n in range(len(TEXTS))]
            made.append(Scenario(f"texts, {stage}, soft_bounce = {soft}", parameters, sessions, {"rows": table}))
    helos = "".join(f"h{n} {text}\n" for n, text in enumerate(TEXTS))
    made.append(
        Scenario(
            "texts, about HELO",
            {"smtpd_helo_restrictions": "check_helo_access texthash:@TOP@/rows"},
            [mail("alice@example.com", helo=f"EHLO h{n}") for n in range(0, len(TEXTS), 3)],
            {"rows": helos},
        )
    )
    made.append(
        Scenario(
            "error transports",
            {
                "transport_maps": _ERRORS,
                "virtual_transport": "error:2.0.0 x",
                "relay_domains": "err.example, old.example, text.example",
                "relay_recipient_maps": "",
            },
            [mail("x@err.example", "x@old.example", "x@text.example", "x@vm.example")],
        )
    )
    return made


# Not here: a template that ends behind its status. The original shows its memory behind that.
TEMPLATES = (
    "$$rbl_code ok", "250 ok", "350 x", "450 2.1.1 x", "550", "550 ", "55 x", "text only", "$$bogus", "550 a$$bogus b",
    "$${bad", "5500 x", "450\tx", "650 x", "450 5.1.1 x", "450 5.1.8 x", "550-5.1.1 x",
    "421 4.3.2 bye", "521 x", "550 9.1.1 x", "550  5.1.1 x", "DUNNO", "OK", "550 5.1.1 $$rbl_domain $$rbl_what",
    "$${rbl_code?550} x", "550 " + "z" * 600, "550 5.1.1\ttab", "٤٥٠ x", "4٥٠ x",
)  # fmt: skip


def _templates() -> list[Scenario]:
    """The zone's filter, which takes every answer, chooses the template."""
    zones = [f"rhsbl.example=127.0.0.[2..{n}]" for n in range(3, len(TEMPLATES) + 3)]
    table = "".join(f"{zone} {text.replace('$$', '$')}\n" for zone, text in zip(zones, TEMPLATES, strict=True))
    classes = {f"r{n}": f"reject_rhsbl_sender {zone}" for n, zone in enumerate(zones)}
    rows = "".join(f"198.51.100.{20 + n} r{n}\n" for n in range(len(zones)))
    common = {
        "smtpd_restriction_classes": ", ".join(classes),
        **classes,
        "smtpd_client_restrictions": "check_client_access texthash:@TOP@/rows",
    }
    sessions = [mail("alice@example.com", sender="s@spam.example", who=client(20 + n)) for n in range(len(zones))]
    tables = {"rows": rows, "replies": table}
    made = [
        Scenario("rbl_reply_maps", {**common, "rbl_reply_maps": "texthash:@TOP@/replies"}, sessions, tables),
        Scenario(
            "rbl_reply_maps, a bad default",
            {**common, "rbl_reply_maps": "texthash:@TOP@/replies", "default_rbl_reply": "250 fine"},
            sessions[:12],
            tables,
        ),
        Scenario(
            "rbl_reply_maps by the zone alone",
            {**common, "rbl_reply_maps": "inline:{{rhsbl.example=550 5.9.9 alone}}"},
            sessions[:2],
            tables,
        ),
        Scenario(
            "rbl_reply_maps by the zone and by its filter",
            {**common, "rbl_reply_maps": "texthash:@TOP@/zones, texthash:@TOP@/filters"},
            sessions[:3],
            {
                "rows": rows,
                "zones": "rhsbl.example 550 5.9.8 $rbl_domain\n",
                "filters": f"{zones[1]} 550 5.9.9 $rbl_domain\n",
            },
        ),
        Scenario("rbl_reply_maps fail", {**common, "rbl_reply_maps": "fail:x"}, sessions[:2], tables),
        Scenario(
            "block lists whose code is no refusal",
            {**common, "maps_rbl_reject_code": "250", "rbl_reply_maps": "texthash:@TOP@/replies"},
            sessions[:12],
            tables,
        ),
    ]
    for number, template in enumerate(("250 2.1.5 Ok", "354 x", "550", "450 2.0.0 x")):
        parameters = {**common, "default_rbl_reply": template}
        made.append(Scenario(f"default_rbl_reply {number}", parameters, sessions[:2], tables))
    return made


ANSWERS = (
    "action=REJECT", "action=450 2.1.1 x", "action=250 ok", "action=354 x", "action=", "action", "", "REJECT",
    "action=OK", "action=dunno", "ACTION=REJECT", "action= REJECT", "action=REJECT\naction=OK", "x=y\naction=REJECT x",
    "action=REJECT\nx=y", "450 2.1.1 x", "action=nonsense", "action=2.1.1 x", "action=DEFER_IF_PERMIT 2.1.1 x",
    "action=600 5.1.1 x", "action=550 " + "w" * 600, "action=REJECT =x", "=REJECT", "action\nREJECT", " action=REJECT",
    "action = REJECT", "action=123", "action=550", "action=reject_plaintext_session",
)  # fmt: skip


def _services() -> list[Scenario]:
    answers = {f"s{n}@from.example": text for n, text in enumerate(ANSWERS)}
    sessions = [mail("alice@example.com", "x@y.z", sender=sender) for sender in answers]
    made = []
    for default in ("", "250 2.1.5 Ok", "450 2.1.1 x", "DUNNO"):
        parameters = {
            "smtpd_sender_restrictions": "check_policy_service inet:127.0.0.1:@POLICY@",
            "smtpd_policy_service_try_limit": "1",
            "smtpd_policy_service_retry_delay": "1",
            "smtpd_policy_service_timeout": "2",
        }
        if default:
            parameters["smtpd_policy_service_default_action"] = default
        made.append(Scenario(f"policy service, {default or 'as it is'}", parameters, sessions, answers=answers))
    return made


def refusals() -> list[Scenario]:
    return [*_codes(), *_texts(), *_templates(), *_services()]
