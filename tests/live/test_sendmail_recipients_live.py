# ruff: noqa: E501
"""sendmail -bv side by side: random alias files, lists and .forward files, and random addresses."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from tests.sendmail.policy.recipients_bench import Site
from tests.vectors.recipients_cases import FILES
from tests.vectors.record_recipients import ask, asked

pytestmark = pytest.mark.live

SITES, CALLS = 6, 60
_NAMES = (
    "ann",
    "bob",
    "carl",
    "dan",
    "eve",
    "joe",
    "zoe",
    "yan",
    "l1",
    "l2",
    "l3",
    "l4",
    "nosuch",
    "nosuch2",
    "hubbed",
)
_ODD = (
    "\\bob", '"bob"', "x@far.test", "Y@Far.Test", "|/bin/cat", '"|/bin/x y"', "/var/x", ":include:/etc/mail/one",
    ":include:/etc/mail/two", "bob+box", "l1+y", "x@refused.test", "x@later.test", "Ann <ann@corp.test>", "bob (note)",
    "<carl>", "a b", "@", '"', "<x", "x>", "(", "wrong", "waiting", "known@virt.test", "none@virt.test", "@far.test",
    "a@b@c", "root", "postmaster", "x@", "bob@corp.test", "BOB", "b\xf6b", "\x01x", "x;y", ":", "/", "|", "eve@box.test",
    "grp: bob, ann;", "\\", "\\\\bob", '"\\"bob"', "b\\ob", ":include:relative", ":include:/etc/mail/none", "%", "a!b",
)  # fmt: skip


def _target(chance: random.Random) -> str:
    return chance.choice(_NAMES) if chance.random() < 0.6 else chance.choice(_ODD)


def _list(chance: random.Random) -> str:
    return chance.choice((", ", ",", " , ")).join(_target(chance) for _ in range(chance.randint(1, 4)))


def _lines(chance: random.Random) -> str:
    lines = [_list(chance) for _ in range(chance.randint(0, 4))]
    return "".join(f"{chance.choice(('', '', '', '#', ' '))}{line}\n" for line in lines)


def _files(chance: random.Random) -> dict[str, tuple[str, int, int, int]]:
    names = [*_NAMES, "owner-l1", "owner-l2", "owner-ann", "l1+y"]
    aliases = "".join(f"{name}: {_list(chance)}\n" for name in names if chance.random() < 0.6)
    modes = (0o644, 0o644, 0o644, 0o600, 0o664, 0o646)
    return {
        **{name: tuple(file) for name, file in FILES.items() if not name.endswith(".forward")},
        "/etc/mail/aliases": (aliases, 0, 0, 0o644),
        "/etc/mail/one": (_lines(chance), chance.choice((0, 3003, 3002, 4444)), 3001, chance.choice(modes)),
        "/etc/mail/two": (_lines(chance), 0, 0, chance.choice(modes)),
        **{
            f"/home/{user}/.forward": (
                _lines(chance),
                chance.choice((uid, uid, uid, 0, 3001)),
                3001,
                chance.choice(modes),
            )
            for user, uid in (("carl", 3004), ("dan", 3005), ("eve", 3009), ("zoe", 3010), ("yan", 3011), ("bob", 3003))
        },
    }


def _calls(chance: random.Random) -> list[dict[str, Any]]:
    calls = []
    for _ in range(CALLS):
        words = [_target(chance) for _ in range(chance.choice((1, 1, 1, 2, 3)))]
        calls.append({"built": False, "arguments": [*(["-v"] if chance.random() < 0.8 else []), "--", *words]})
    return calls


@pytest.mark.parametrize("seed", range(SITES))
def test_random_sites(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    files, calls = _files(chance), _calls(chance)
    site = Site(tmp_path, {**asked().common, "files": files})
    wanted = ask(calls, files)
    for call, answer in zip(calls, wanted, strict=True):
        printed, status = site.verify(call["arguments"])
        assert (call["arguments"], printed, status) == (call["arguments"], answer["printed"], answer["status"])
