"""Logging in elsewhere: which mechanism, what is said, and that no password is shown."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.model.security import Credentials
from mailconf.smtp.client import BeginTls, Broken, Client, Lack, Login, Ready, Stage, TlsUse
from mailconf.smtp.sasl import BadChallenge, SaslClient, choose


def test_which_mechanism() -> None:
    assert choose(["login", "PLAIN", "cram-md5"], []) == "CRAM-MD5"
    assert choose(["LOGIN", "PLAIN"], ["noanonymous"]) == "PLAIN"
    assert choose(["LOGIN", "PLAIN"], ["noplaintext"]) == ""
    assert choose(["LOGIN", "PLAIN"], [], {"LOGIN"}) == "LOGIN"
    for option in ("noactive", "nodictionary", "forward_secrecy", "mutual_auth"):
        assert choose(["LOGIN", "PLAIN", "CRAM-MD5"], [option]) == ""


def test_cram_md5_of_rfc_2195() -> None:
    client = SaslClient("CRAM-MD5", "tim", "tanstaaftanstaaf")
    challenge = base64.b64encode(b"<1896.697170952@postoffice.reston.mci.net>").decode()
    answer = base64.b64decode(client.respond(challenge)).decode()
    assert answer == "tim b913a602c7eda7a495b4e6e7334d3890"
    with pytest.raises(BadChallenge) as bad:
        client.respond(challenge)
    assert bad.value.is_read


def test_no_password_is_shown() -> None:
    for each in (Credentials("ann", "secret"), Login("ann", "secret"), SaslClient("PLAIN", "ann", "secret")):
        assert "secret" not in f"{each} {each!r} {[each]}"


def conversation(client: Client, *replies: bytes) -> object:
    """The event that the last of the server's replies leads to."""
    event: object = None
    for reply in replies:
        client.receive_data(reply)
        event = client.next_event()
    return event


GREETING, OFFER = b"220 x\r\n", b"250-x\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n"


def test_nothing_said_before_tls_counts() -> None:
    """Replies, extensions and half of a line that came with the reply to STARTTLS (RFC 3207 6)."""
    client = Client("me", tls=TlsUse.NEEDED, login=Login("ann", "secret"))
    injected = b"220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n250 2.0.0 half"
    assert conversation(client, GREETING, OFFER, injected) == BeginTls()
    client.data_to_send()
    client.secured()
    assert client.data_to_send() == b"EHLO me\r\n" and client.next_event() is None
    event = conversation(client, b"250 x\r\n")
    assert event == Ready("x", {})
    assert b"AUTH" not in client.data_to_send()


def test_no_password_goes_out_before_the_tls_that_is_needed() -> None:
    for reply in (b"454 4.7.0 no\r\n", b"502 no\r\n", b"235 welcome\r\n", b"334 \r\n"):
        client = Client("me", tls=TlsUse.NEEDED, login=Login("ann", "secret"))
        event = conversation(client, GREETING, OFFER, reply)
        assert isinstance(event, Broken) and event.stage is Stage.STARTTLS
        assert b"AUTH" not in client.data_to_send()
    client = Client("me", tls=TlsUse.NEEDED, login=Login("ann", "secret"))
    event = conversation(client, GREETING, b"250-x\r\n250 AUTH PLAIN\r\n")
    assert isinstance(event, Broken) and event.lack is Lack.STARTTLS
    assert b"AUTH" not in client.data_to_send()


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_a_login_in_pieces(step: int) -> None:
    client = Client("me", login=Login("ann", "secret"))
    data = GREETING + b"250-x\r\n250 AUTH LOGIN\r\n" + b"334 VXNlcm5hbWU6\r\n" + b"334 UGFzc3dvcmQ6\r\n" + b"235 ok\r\n"
    events = []
    for at in range(0, len(data), step):
        client.receive_data(data[at : at + step])
        while (event := client.next_event()) is not None:
            events.append(event)
    assert events == [Ready("x", {"AUTH": "LOGIN"})]
    assert client.data_to_send() == b"EHLO me\r\nAUTH LOGIN\r\nYW5u\r\nc2VjcmV0\r\n"


@given(
    st.lists(
        st.sampled_from(
            [b"334 \r\n", b"334 YQ==\r\n", b"334 !\r\n", b"235 x\r\n", b"535 x\r\n", b"x\r\n", b"421 x\r\n"]
        )
    )
)
def test_any_replies_to_a_login_end_it(replies: list[bytes]) -> None:
    client = Client("me", login=Login("ann", "secret"))
    conversation(client, GREETING, b"250-x\r\n250 AUTH LOGIN PLAIN CRAM-MD5\r\n", *replies)
    assert client.data_to_send().count(b"\r\n") <= 4
