"""Sessions that show what smtpd_check cannot be asked: logins, messages, real clients (see smtpd_scenarios.py)."""

from __future__ import annotations

from tests.vectors.policy_scenarios import Scenario, client, mail


def scenarios() -> list[Scenario]:
    """The scenarios; see the module."""
    logins = [f"{client(9)} LOGIN={login}" for login in ("[UNAVAILABLE]", "alice", "bob")]
    undelayed = {"smtpd_delay_reject": "no"}
    return [
        *(
            Scenario(
                f"owners of senders: {word}",
                {
                    "smtpd_sasl_auth_enable": "yes",
                    "smtpd_sender_login_maps": "inline:{owned@a.b=alice}",
                    "smtpd_sender_restrictions": f"reject_{word}sender_login_mismatch",
                },
                [
                    mail("bob", sender=s, who=who, helo="HELO x")
                    for who in logins
                    for s in ("owned@a.b", "free@a.b", "")
                ],
            )
            for word in ("", "known_", "authenticated_", "unauthenticated_")
        ),
        *(
            Scenario(f"a table alone in {name}", {name: "inline:{alice@example.com=REJECT}"}, [mail("alice", end=True)])
            for name in ("smtpd_data_restrictions", "smtpd_end_of_data_restrictions")
        ),
        *(
            Scenario(
                f"before there is a message: {action}, {stage}",
                {
                    **undelayed,
                    f"smtpd_{stage}_restrictions": (
                        f"permit_mynetworks, check_{stage}_access static:{{{action}}}, reject"
                    ),
                },
                [mail("bob", end=True)[: 3 if stage == "client" else None]],
            )
            for action in ("DISCARD", "HOLD", "FILTER smtp:x", "REDIRECT a@b.c", "BCC a@b.c", "PREPEND X-A: b")
            for stage in ("client", "helo")
        ),
        Scenario(
            "names of classes",
            {
                "smtpd_restriction_classes": "Strict",
                "Strict": "reject",
                "smtpd_sender_restrictions": "check_sender_access inline:{{a@b.c=Strict}, {d@b.c=strict}}",
            },
            [mail("bob", sender=s) for s in ("a@b.c", "d@b.c")],
        ),
        Scenario(
            "an empty result",
            {"smtpd_sender_restrictions": "check_sender_access regexp:@TOP@/empty", "canonical_maps": ""},
            [mail("bob", sender=s) for s in ("a@b.c", "d@b.c")],
            {"empty": "/^a@/ $(nothing)\n"},
        ),
        Scenario(
            "a list that defers whatever comes of it",
            {"smtpd_sender_restrictions": "defer_if_permit, defer_if_reject, reject"},
            [mail("bob"), mail("nosuch")],
        ),
        Scenario(
            "routed recipients that a table permits",
            {"smtpd_relay_restrictions": "check_recipient_access static:OK, reject"},
            [mail("bob"), mail("x@y.z"), mail("bob%y.z@example.com"), mail('"x@y.z"@example.com')],
        ),
    ]
