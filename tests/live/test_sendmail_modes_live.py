"""The modes of the sendmail command beside the real one: new calls, sessions on standard input, other users.

Marked ``live``: sendmail has to be unpacked (tests/live/install-engines), and namespaces need root.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.vectors.modes_cases import MESSAGE, call, case, cases
from tests.vectors.modes_departures import departure
from tests.vectors.modes_run import Bench
from tests.vectors.modes_site import comparable, our_queue, settled
from tests.vectors.record_modes import real

pytestmark = pytest.mark.live

TOP = Path(__file__).parents[2]
SEED, COUNT = 20261129, 60
_WORDS = (
    "-bv", "-bi", "-bt", "-bm", "-b", "-bz", "-bx", "-odq", "-oem", "-oeq", "-oi", "-o", "-i", "-t", "-n", "-m", "-s",
    "-c", "-G", "-h3", "-hx", "-h99", "-Nnever", "-Nsuccess,delay", "-Nfoo", "-Rhdrs", "-Rfoo", "-Vabc", "-V=", "-Bfoo",
    "-B8BITMIME", "-fjoe", "-f<>", "-rann", "-FFull Name", "-pfoo:bar", "-p:", "-M{x}y", "-Am", "-Ax", "-L x", "-d0",
    "-d0.4", "-d21.1", "-Z", "-I", "-U", "-O LogLevel=3", "-OFoo=1", "-Om=1", "-C", "--", "-e p", "-e", "-N", "-T",
)  # fmt: skip
# docs/sendmail-command.md: traces and the hop count of a command line; the report on one recipient of several.
_DEPARTING = {"-d21.1", "-h99"}
_REFUSED = {"nosuch", "x@unknown.test", "x@refused.test", "@"}
_ADDRESSES = ("x@far.test", "joe", "nosuch", "x@unknown.test", "x@refused.test", "ann@corp.test", "X <y@far.test>", "@")


def generated(seed: int, count: int) -> list[dict[str, Any]]:
    """Command lines of options and addresses, drawn with a fixed seed."""
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        words = ["-odq", *draw.sample(_WORDS, draw.randint(0, 4))]
        addresses = draw.sample(_ADDRESSES, draw.randint(0, 2))
        if _DEPARTING & set(words) or (len(addresses) > 1 and _REFUSED & set(addresses)):
            continue
        words += addresses
        made = call("", MESSAGE)
        made["words"] = words
        found.append({"number": -1, "group": "generated", "site": {}, "calls": [made]})
    return found


def ours(folder: Path) -> Bench:
    """A bench whose commands are mailconf's."""
    program = [sys.executable, "-m", "mailconf"]
    return Bench(folder, lambda tool: [*program, tool], {"PYTHONPATH": str(TOP)})


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, Bench]:
    folder = Path("/srv") if Path("/srv").is_dir() else tmp_path_factory.getbasetemp()
    import tempfile

    both = [Path(tempfile.mkdtemp(dir=folder)) for _ in range(2)]
    return real(both[0]), ours(both[1])


def _answers(found: dict[str, Any]) -> list[tuple[object, ...]]:
    return [(settled(each["out"]), each["err"].rpartition("/")[2], each["status"]) for each in found["answers"]]


def compare(benches: tuple[Bench, Bench], asked: dict[str, Any]) -> None:
    theirs = benches[0].run(asked)
    if departure({**asked, **theirs}):
        return
    mine = benches[1].run(asked)
    assert _answers(mine) == _answers(theirs), asked["calls"]
    assert our_queue(benches[1].folder) == comparable(theirs["queue"])
    assert mine["left"] == theirs["left"]


@pytest.mark.parametrize("asked", generated(SEED, COUNT), ids=lambda asked: " ".join(asked["calls"][0]["words"])[:70])
def test_generated_calls(benches: tuple[Bench, Bench], asked: dict[str, Any]) -> None:
    compare(benches, asked)


_SESSIONS = [each for each in cases() if each["group"] == "session" and each["calls"][0].get("talk")]
_UNLIKE = ("Subject: x\r\n", "RCPT TO:<nosuch>\r\n")  # a session that ends in the middle of content, and statuses


@pytest.mark.parametrize("asked", _SESSIONS, ids=lambda asked: str(asked["number"]))
def test_sessions(benches: tuple[Bench, Bench], asked: dict[str, Any]) -> None:
    pieces = asked["calls"][0]["talk"]
    if any(piece in pieces for piece in _UNLIKE) or "-v" in asked["calls"][0]["words"]:
        return
    theirs, mine = (bench.run(asked) for bench in benches)
    assert _answers(mine) == _answers(theirs)


_USERS = [each for each in cases() if each["group"] == "user" and "queue" in each["site"].get("joes", ())]


@pytest.mark.parametrize("asked", _USERS, ids=lambda asked: " ".join(asked["calls"][0]["words"])[:60])
def test_another_user(benches: tuple[Bench, Bench], asked: dict[str, Any]) -> None:
    compare(benches, asked)


@pytest.mark.parametrize("words", ["-bD", "-bd"])
def test_a_daemon_starts(benches: tuple[Bench, Bench], words: str) -> None:
    port = "O DaemonPortOptions=Port=2526,Addr=127.0.0.1,Name=MTA\n"
    asked = {**case("daemon", {**call(words), "daemon": True}), "number": -1, "site": {"cf": port}}
    theirs, mine = (bench.run(asked)["answers"][0] for bench in benches)
    if words == "-bd":  # the process that was called ends with 0, at once or while its child begins to serve
        assert {mine["status"], theirs["status"]} <= {0, "serves"}
    else:
        assert mine["status"] == theirs["status"]
    assert mine["out"] == theirs["out"]
