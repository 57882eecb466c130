"""``kill -9`` of ``mailconf serve`` in the middle of a stream: what was answered 250 is delivered after a restart."""

from __future__ import annotations

import mailbox
import signal
import smtplib
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest
from served_fixture import serving
from site_fixture import lay_out, mailconf

from tests.queue_reader import queue_of

CLIENTS = 4
BEFORE = 25  # messages that must have been answered 250 when the server is killed


class Stream:
    """Clients that send until the server is gone; ``answered`` are the subjects of the messages answered 250."""

    def __init__(self, port: int, first: int) -> None:
        self.port = port
        self.answered: set[str] = set()
        self.enough = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(first + n,), daemon=True) for n in range(CLIENTS)]

    def __enter__(self) -> Stream:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def _send(self, client: int) -> None:
        # A client whose message was not answered would send it again; these do not, so that duplicates show.
        try:
            with smtplib.SMTP("127.0.0.1", self.port, local_hostname="c.example.com", timeout=20) as smtp:
                for n in range(10_000):
                    subject = f"{client}-{n}"
                    smtp.sendmail("carol@example.edu", ["maildir@example.net"], f"Subject: {subject}\n\ntext\n")
                    self.answered.add(subject)
                    if len(self.answered) >= BEFORE:
                        self.enough.set()
        except (smtplib.SMTPException, OSError):
            self.enough.set()


def subjects(messages: Iterable[mailbox.MaildirMessage]) -> list[str]:
    return [str(message["Subject"]) for message in messages]


@pytest.mark.parametrize("rounds", [3])
def test_what_was_answered_250_is_delivered(tmp_path: Path, rounds: int) -> None:
    main_cf = lay_out(tmp_path)
    with main_cf.open("a") as file:
        file.write("smtpd_peername_lookup = no\nalways_bcc =\nvirtual_alias_maps =\n")
    mailconf("build", "--root", str(tmp_path), "/etc/postfix")
    answered: set[str] = set()
    under_way = 0  # messages whose delivery was not recorded when the server was killed, over all rounds
    for number in range(rounds):
        with serving(tmp_path) as served:
            with Stream(served.port, number * CLIENTS) as stream:
                assert stream.enough.wait(30)
                served.end(signal.SIGKILL)
            assert len(stream.answered) >= BEFORE
            answered |= stream.answered
        waiting = queue_of(tmp_path / "var/spool/postfix")
        under_way += len(waiting)

    folder = mailbox.Maildir(tmp_path / "var/mail/vhosts/example.net/maildir", create=False)
    queued = {entry.message.content.partition(b"Subject: ")[2].split(b"\n")[0].decode() for entry in waiting}
    assert answered <= queued | set(subjects(folder))

    with serving(tmp_path) as served:
        served.wait_for_all(r"qmgr\[\d+\]: [0-9A-F]+: removed", len(waiting))
        assert served.end() == 0
    found = subjects(folder)
    assert answered <= set(found)
    # Nothing is lost; a message whose delivery was not yet recorded may come again, once for each kill that it met.
    assert len(found) - len(set(found)) <= under_way
    assert not queue_of(tmp_path / "var/spool/postfix")
