"""Replays how deep aliases and :include: files may lie in each other (tests/vectors/nesting@*.jsonl)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).parents[1] / "vectors"
sys.path.insert(0, str(VECTORS))

from dialogue import policy_of  # noqa: E402
from nesting_cases import PARAMETERS, files, name  # noqa: E402
from test_delivery_vectors import COMMON, PASSWD, shown  # noqa: E402

from mailconf.files import Memory  # noqa: E402
from mailconf.model.fileworld import FileWorld  # noqa: E402
from mailconf.model.policy import AddressPlace, Role, Side  # noqa: E402
from mailconf.model.verdict import Deliveries, DeliveryKind  # noqa: E402
from mailconf.model.world import Ask, run  # noqa: E402
from mailconf.postfix.policy.policy import PostfixPolicy  # noqa: E402
from tests.vectors.store import load, versions_of  # noqa: E402

VERSIONS = versions_of("nesting")
SITE = {**COMMON, **PARAMETERS, "alias_maps": "texthash:/site/aliases"}


def site(texts: dict[str, str], parameters: dict[str, str] | None = None) -> tuple[PostfixPolicy, FileWorld]:
    """Policy and World of a site with aliases and :include: files; ``key: value`` of aliases become texthash's."""
    main_cf = "".join(f"{key} = {value}\n" for key, value in {**SITE, **(parameters or {})}.items())
    kept = {name: text.replace(": ", " ") if name == "aliases" else text for name, text in texts.items()}
    kept |= {"main.cf": main_cf, "master.cf": "local unix - n n - - local\n"}
    tree = Memory(
        {"/etc/passwd": PASSWD, **{f"/site/{name}": text.replace("@TOP@", "/site") for name, text in kept.items()}}
    )
    return policy_of(Path("/site"), tree)[0], FileWorld(tree)


def answer(policy: PostfixPolicy, world: FileWorld, recipient: str) -> dict[str, Any]:
    """What the Policy does, as record_nesting.py has it."""
    found = deliver(policy, world, recipient)
    kept = [shown(item, "local") for item in found.items if item.kind is not DeliveryKind.FORWARD]
    anew = [item.target for item in found.items if item.kind is DeliveryKind.FORWARD]
    if anew:  # the log of the new message names those to whom its recipients lead
        names = {item.recipient.address or target for target in anew for item in deliver(policy, world, target).items}
        kept.append(["forward", "s@sender.example", *sorted(names or anew)])
    warnings = [text.replace("/site/", "@TOP@/") for text in found.warnings]
    return {"results": sorted(kept), "warnings": warnings}


def deliver(policy: PostfixPolicy, world: FileWorld, recipient: str) -> Deliveries:
    ask = Ask(world)
    address = run(policy.rewrite(recipient, Role(AddressPlace.ENVELOPE, Side.RECIPIENT), ask))
    return run(policy.deliver(run(policy.resolve(address, ask)), ask))


@pytest.mark.parametrize("version", VERSIONS)
def test_what_lies_too_deep(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILCONF_POSTFIX_VERSION", version)
    policy, world = site(files())
    cases = load(f"nesting@{version}").cases
    assert len(cases) > 150
    for case in cases:
        ours = answer(policy, world, f"{name(case)}@mail.example.com")
        assert ours == {"results": case["results"], "warnings": case["warnings"]}, name(case)


def test_the_versions_differ() -> None:
    assert {version.rpartition(".")[0] for version in VERSIONS} >= {"3.7", "3.10"}


@pytest.mark.parametrize("count", [300, 3000])
def test_a_long_chain_of_files(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """3.7 reads 3,000 files in each other; no depth of Python's stack limits ours."""
    monkeypatch.setenv("MAILCONF_POSTFIX_VERSION", "3.7")
    texts = {f"inc/{number}": f":include:/site/inc/{number - 1}\n" for number in range(1, count)}
    policy, world = site({"aliases": f"a: :include:/site/inc/{count - 1}\n", "inc/0": "/x\n", **texts})
    assert answer(policy, world, "a@mail.example.com")["results"] == [
        ["local", "a@mail.example.com", "2.0.0", "sent", "delivered to file: /x"]
    ]


@pytest.mark.parametrize("version", ["3.7", "3.10"])
def test_files_that_include_each_other(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILCONF_POSTFIX_VERSION", version)
    texts = {"inc/a": ":include:/site/inc/b\n/x\n", "inc/b": ":include:/site/inc/a\n/y\n"}
    policy, world = site({"aliases": "a: :include:/site/inc/a\n", **texts})
    found = answer(policy, world, "a@mail.example.com")
    assert [result[4] for result in found["results"]] == ["delivered to file: /x", "delivered to file: /y"]
    assert found["warnings"] == []


@pytest.mark.parametrize(("count", "fits"), [(4, True), (5, False)])
def test_the_files_of_one_delivery_are_bounded(monkeypatch: pytest.MonkeyPatch, count: int, fits: bool) -> None:
    """3,999,000 bytes count 4,000,000 with what each file counts at least; 16,000,000 are read."""
    monkeypatch.setenv("MAILCONF_POSTFIX_VERSION", "3.7")
    texts = {f"inc/{number}": f":include:/site/inc/{number - 1}\n".ljust(3_999_000, "#") for number in range(1, count)}
    policy, world = site(
        {"aliases": f"a: :include:/site/inc/{count - 1}\n", "inc/0": "/x\n".ljust(3_999_000, "\n"), **texts}
    )
    found = answer(policy, world, "a@mail.example.com")
    text = "delivered to file: /x" if fits else "mail system configuration error"
    assert [result[4] for result in found["results"]] == [text]
    refused = "cannot open include file @TOP@/inc/0: File too large"
    assert found["warnings"] == ([] if fits else [refused])
