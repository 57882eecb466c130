"""Domains in other letters than ASCII: what Postfix 3.7.11 compares, asks and refuses (trivial-rewrite, smtpd)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from dialogue import policy_of

from mailconf.model.fileworld import FileWorld
from mailconf.model.session import Session
from mailconf.model.world import Ask, Outcome, Records, run

MAIN = """\
compatibility_level = 3.6
myhostname = mail.example.com
mydestination = fass.example, \u00e4.example, \u0392\u038c\u039b\u039f\u03a3.example, xn--4ca.dest
relay_domains = \u00e4.relay
transport_maps = inline:{xn--fa-hia.tr=a:, fa\u00df.tr2=b:, \u0391\u03a3.tr=c:, fass.tr3=d: }
mynetworks = 127.0.0.1
smtpd_recipient_restrictions = reject_unknown_recipient_domain, permit_mynetworks, reject
smtpd_helo_restrictions = reject_unknown_helo_hostname
"""


@pytest.mark.parametrize(
    ("domain", "transport"),
    [
        ("fa\u00df.example", "local"),  # case folding makes ss of it, in lists and in tables
        ("FA\u1e9e.example", "local"),
        ("\u00c4.example", "local"),
        ("\u03b2\u03cc\u03bb\u03bf\u03c2.example", "local"),
        ("\u03b2\u03cc\u03bb\u03bf\u03c3.example", "local"),
        ("\u00e4.dest", "smtp"),  # A-labels and U-labels are different keys
        ("xn--4ca.example", "smtp"),
        ("xn--4ca.dest", "local"),
        ("x.\u00e4.relay", "relay"),
        ("\u00c4.RELAY", "relay"),
        ("fa\u00df.tr", "smtp"),
        ("fa\u00df.tr2", "b"),
        ("FASS.tr2", "b"),
        ("\u03b1\u03c2.tr", "c"),
        ("fa\u00df.tr3", "d"),
        ("\u00e4_b.example", "smtp"),
        ("\u2603.example", "smtp"),
        ("\u05d0a.example", "smtp"),
        ("-\u00e4.example", None),
        ("\u00e4..b", None),
    ],
)
def test_routes(domain: str, transport: str | None, tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text(MAIN)
    (tmp_path / "master.cf").write_text("")
    policy, _ = policy_of(tmp_path)
    found = run(policy.resolver.resolve(f"u@{domain}", Ask(FileWorld()), ""))
    assert (None if found.bad else found.transport) == transport


def test_what_smtpd_asks_the_dns(tmp_path: Path) -> None:
    """smtpd folds a recipient before it asks for its domain, smtp(8) does not; a client's name is not translated."""
    (tmp_path / "main.cf").write_text(MAIN)
    (tmp_path / "master.cf").write_text("")
    policy, _ = policy_of(tmp_path)
    answer = Records(Outcome.FOUND, ("10 mx.example",))
    world = FileWorld(
        dns={("fass.other", "MX"): answer, ("xn--n3h.other", "MX"): answer, ("xn--4ca.other", "A"): answer}
    )
    session = Session(client_address="127.0.0.1", sender="", recipient="u@fa\u00df.other", helo="\u2603.other")
    assert run(policy.begin(session).rcpt(Ask(world))).reply.code == 450
    session.helo = "xn--4ca.other"
    for recipient in ("u@fa\u00df.other", "u@\u2603.other"):
        session.recipient = recipient
        assert run(policy.begin(session).rcpt(Ask(world))).accepted


@pytest.mark.parametrize(("word", "name"), [("no", "xn--fa-hia.example"), ("yes", "fass.example")])
def test_the_mapping_of_2003_is_a_setting(word: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text(f"{MAIN}enable_idna2003_compatibility = {word}\n")
    (tmp_path / "master.cf").write_text("")
    policy, _ = policy_of(tmp_path)
    world = FileWorld(dns={(name, "A"): Records(Outcome.FOUND, ("192.0.2.1",))}, transitional=policy.site.idna2003)
    assert run(world.dns("FA\u00df.example.", "A")).values == ("192.0.2.1",)
    assert run(world.dns("-\u00e4.example", "A")).nxdomain
