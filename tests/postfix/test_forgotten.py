"""What RSET, the end of a message, HELO and XCLIENT end: the sessions that tests/live plays with the real Postfix."""

from __future__ import annotations

from pathlib import Path

import pytest
from dialogue import ClosedWorld, Dialogue, policy_of
from forgotten_sessions import HOLDS, PARAMETERS, SESSIONS, Session


@pytest.mark.parametrize(("delay", "name", "session"), SESSIONS, ids=[name for _, name, _ in SESSIONS])
def test_session(delay: str, name: str, session: Session, tmp_path: Path) -> None:
    parameters = {"compatibility_level": "3.6", **PARAMETERS, "smtpd_delay_reject": delay}
    (tmp_path / "main.cf").write_text("".join(f"{key} = {value}\n" for key, value in parameters.items()))
    (tmp_path / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    dialogue = Dialogue(policy_of(tmp_path)[0], ClosedWorld())
    replies = [dialogue.command(command) for command, _ in session]
    assert [reply[: len(expected)] for reply, (_, expected) in zip(replies, session, strict=True)] == [
        expected for _, expected in session
    ]
    if name == "HOLD is logged anew":
        assert len([line for line in dialogue.log if line.startswith("hold: ")]) == HOLDS
