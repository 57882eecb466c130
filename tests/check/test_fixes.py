"""Fixes: each removes the finding that carries it and adds none; what is said to be neutral changes no answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailconf.check.fixes import MOST_ROUNDS, Fixing, unified
from mailconf.check.ignores import without_ignored
from mailconf.check.rules import check
from mailconf.diagnostics import Diagnostic, Edit, Sink, warning
from mailconf.edits import applied, misspelled
from mailconf.files import Memory, Root, Tree
from mailconf.model.fileworld import FileWorld
from mailconf.model.inquiry import inquire
from mailconf.model.session import Session
from mailconf.model.site import Site
from mailconf.postfix.policy.policy import compile_policy
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of
from mailconf.source import Source
from tests.check.test_hints import CASES, MAIN, MASTER, Case, main, write

FOLDER = "/etc/postfix"
BUILDS = ("CK010", "CK013")  # whether maps are built, which a fix changes nothing about
# The codes whose fix is certain, of which a case of tests/check/test_hints.py shows one.
FIXED = frozenset(
    [
        *("CK001", "CK070", "CK073", "CK077", "CK092", "PF004", "PF005", "PF007", "PF009", "PF012", "PF017", "PF018"),
        *("PF201", "PF205", "PF206", "PF222", "PF229", "PF234", "PF250", "PF251", "PF286", "PF298"),
        *("TB001", "TB005", "TB006", "TB010", "TB025", "TB030", "TB032", "TB091"),
    ]
)
# Further mistakes whose one correction is certain, beside those of which tests/check/test_hints.py has such a case.
CERTAIN = [
    main("PF005", "", "biff = no\nbiff = no"),
    main("PF251", "", "relayhost = [a.example"),
    main("PF251", "", "relayhost = [a.example:25"),
    main("PF251", "", "relayhost = [a.example]:submision"),
    main("PF298", "", "relayhost = smtp:[a.example]:25"),
    main("PF298", "", "relayhost = smtp:a.example"),
    main("PF234", "", "mydestination =\n  mynetworks = 192.0.2.0/24"),
    main("PF234", "", "biff = no mynetworks = 192.0.2.0/24"),
    main("PF286", "", "mydestination = 'a.example', 'b.example'"),
    Case("TB006", "", "a@b.example c\nA@b.example c", "", "virtual_alias_maps = hash"),
    Case("TB030", "", "bob carol\npostmaster: root", "", "alias_maps = hash"),
    Case("TB025", "", "a@b.example c\n  d # not this\n  e", "", "virtual_alias_maps = hash"),
]
EVERY = [*CASES, *CERTAIN]
# Fixes that change no answer of the configuration.
NEUTRAL = ("PF005", "PF017", "PF205", "TB006", "CK121")


class Checked:
    """A Postfix configuration in some tree: what is found, and the files that may be fixed."""

    def __init__(self, tree: Tree) -> None:
        sink = Sink()
        self.configuration = Configuration.load(FOLDER, sink, tree)
        self.site: Site = site_of(self.configuration)
        check(self.configuration, self.site, tree, sink)
        named = [use.source for use in self.site.tables if use.source]
        self.names = [str(tree.path(name)) for name in (f"{FOLDER}/main.cf", f"{FOLDER}/master.cf", *named)]
        self.found, _ = without_ignored(sink.sorted(), self.names, tree)
        self.found = [d for d in self.found if d.code not in BUILDS]
        self.tree = tree

    def marks(self) -> set[tuple[str, str]]:
        return {(d.code, d.message) for d in self.found}


def fixed(tree: Tree) -> tuple[Checked, Fixing]:
    fixing = Fixing(FOLDER, tree)
    now = Checked(tree)
    while fixing.step(now.found, now.names):
        now = Checked(fixing.tree)
    return now, fixing


def carrying(case: Case, top: Path) -> list[Diagnostic]:
    write(top, case, case.before)
    return [d for d in Checked(Root(top)).found if d.fix]


@pytest.mark.parametrize("case", EVERY, ids=[f"{case.code} {case.before}" for case in EVERY])
def test_a_fix_removes_its_finding_and_adds_none(case: Case, tmp_path: Path) -> None:
    carry = carrying(case, tmp_path)
    assert case.code in {d.code for d in carry} or case not in CERTAIN
    if not carry:
        return
    before = Checked(Root(tmp_path))
    after, fixing = fixed(Root(tmp_path))
    left = after.marks()
    assert not {(d.code, d.message) for d in carry} & left
    assert left <= before.marks()
    assert {d.code for d in carry} <= {d.code for d in fixing.fixed} <= FIXED
    # Nothing is written yet, and what is written is what was checked.
    assert Checked(Root(tmp_path)).marks() == before.marks()
    assert fixing.write() and Checked(Root(tmp_path)).marks() == left


def test_every_code_with_a_fix_has_a_case(tmp_path: Path) -> None:
    seen = {d.code for at, case in enumerate(EVERY) for d in carrying(case, tmp_path / str(at))}
    assert seen == FIXED


CLIENTS = ("192.0.2.1", "198.51.100.7")
ADDRESSES = ("ann@example.com", "b@here.example", "info@b.example")


def answers(tree: Tree) -> list[str]:
    """What the Policy answers to a number of messages."""
    now = Checked(tree)
    policy = compile_policy(now.configuration, Sink(), site=now.site)
    told = []
    for client in CLIENTS:
        for sender in ADDRESSES:
            session = Session(client_address=client, sender=sender)
            inquiry = inquire(policy, FileWorld(tree), session, list(ADDRESSES), helo="a.example")
            told += [f"{step.command} {step.verdict.reply}" for step in inquiry.steps]
            for name, destinations in inquiry.destinations.items():
                told += [f"{name} {d.route.transport}:{d.route.nexthop} {d.outgoing}" for d in destinations]
    return told


NEUTRAL_CASES = [case for case in EVERY if case.code in NEUTRAL and case.place in ("main", "master")]


@pytest.mark.parametrize("case", NEUTRAL_CASES, ids=[f"{case.code} {case.before}" for case in NEUTRAL_CASES])
def test_a_neutral_fix_changes_no_answer(case: Case, tmp_path: Path) -> None:
    write(tmp_path, case, case.before)
    fixing = fixed(Root(tmp_path))[1]
    assert answers(fixing.tree) == answers(Root(tmp_path))


LINES = (
    "mydestination = $myhostname, here.example",
    "mydestination = here.example",
    "mynetworks = 192.0.2.0/24",
    "mynetworks = 198.51.100.0/24",
    "smtpd_sender_restrictions = reject_unknown_address",
    "# mailconf: ignore[PF999] nothing",
    "relayhost = [a.example]",
    "relay_domains = b.example",
)


@settings(max_examples=15, deadline=None)  # each compiles a configuration five times
@given(st.lists(st.sampled_from(LINES), max_size=12), st.lists(st.sampled_from(MASTER.splitlines()), max_size=4))
def test_neutral_fixes_of_any_such_configuration_change_no_answer(lines: list[str], services: list[str]) -> None:
    files = {
        f"{FOLDER}/main.cf": (MAIN + "".join(f"{line}\n" for line in lines)).encode(),
        f"{FOLDER}/master.cf": (MASTER + "".join(f"{line}\n" for line in services)).encode(),
    }
    tree = Memory(files)
    now, fixing = fixed(tree)
    assert {d.code for d in fixing.fixed} <= set(NEUTRAL)
    assert answers(fixing.tree) == answers(tree)
    assert not any(d.fix for d in now.found)


CODE = warning("XX001", "made up for this test")


def reported(text: str, *fixes: tuple[tuple[int, int, str], ...]) -> list[Diagnostic]:
    source, sink = Source(f"{FOLDER}/main.cf", text), Sink()
    for number, edits in enumerate(fixes):
        fix = tuple(Edit(source.span(start, end), new) for start, end, new in edits)
        sink.report(CODE, f"finding {number}", source.span(0), fix=fix)
    return list(sink)


def test_of_fixes_that_touch_each_other_the_second_waits() -> None:
    tree = Memory({f"{FOLDER}/main.cf": b"abcdef\n"})
    fixing = Fixing(FOLDER, tree)
    found = reported("abcdef\n", ((0, 2, "x"),), ((2, 3, "y"),), ((4, 5, "z"),), ((1, 2, "w"), (5, 6, "w")))
    assert fixing.step(found, [f"{FOLDER}/main.cf"])
    assert [d.message for d in fixing.fixed] == ["finding 0", "finding 2"]
    assert fixing.changed() == [(f"{FOLDER}/main.cf", b"abcdef\n", b"xcdzf\n")]
    # The others were found in a text that is no longer there: they are not made either.
    assert not fixing.step(found, [f"{FOLDER}/main.cf"])


def test_the_same_edit_of_two_findings_is_made_once() -> None:
    fixing = Fixing(FOLDER, Memory({f"{FOLDER}/main.cf": b"abc"}))
    assert fixing.step(reported("abc", ((1, 1, "x"),), ((1, 1, "x"),)), [f"{FOLDER}/main.cf"])
    assert len(fixing.fixed) == 2 and fixing.changed()[0][2] == b"axbc"


def test_it_ends_where_a_fix_never_helps() -> None:
    fixing = Fixing(FOLDER, Memory({f"{FOLDER}/main.cf": b""}))
    rounds = 0
    while fixing.step(reported("x" * rounds, ((0, 0, "x"),)), [f"{FOLDER}/main.cf"]):
        rounds += 1
    assert rounds == MOST_ROUNDS


def test_bytes_that_are_no_text_stay() -> None:
    data = b"a\xff\xe4\r\n"
    fixing = Fixing(FOLDER, Memory({f"{FOLDER}/main.cf": data}))
    assert fixing.step(reported(data.decode("utf-8", "surrogateescape"), ((0, 1, "b"),)), [f"{FOLDER}/main.cf"])
    assert fixing.changed()[0][2] == b"b\xff\xe4\r\n"


def made(top: Path, place: str) -> Fixing:
    """A fix of the file ``place`` below ``top``, tried."""
    tree = Root(top)
    text = (top / place).read_text()
    source, sink = Source(tree.place(f"/{place}"), text), Sink()
    sink.report(CODE, "wrong", source.span(0), fix=(Edit(source.span(0, 1), "X"),))
    fixing = Fixing(FOLDER, tree)
    fixing.step(sink, [str(top / place)])
    return fixing


def test_no_file_outside_the_configuration_is_changed(tmp_path: Path) -> None:
    etc = tmp_path / "etc/postfix"
    (etc / "maps").mkdir(parents=True)
    (tmp_path / "etc/mail").mkdir()
    for name in ("etc/shadow", "etc/mail/access", "etc/aliases", "etc/postfix/main.cf", "etc/postfix/maps/virtual"):
        (tmp_path / name).write_text("secret\n")
    (etc / "linked").symlink_to("../shadow")
    (etc / "folder").symlink_to("../mail")
    (etc / "inner").symlink_to("main.cf")
    for name in ("shadow", "mail/access", "postfix/linked", "postfix/folder/access", "postfix/inner"):
        assert made(tmp_path, f"etc/{name}").changed() == [], name
    for name in ("etc/postfix/main.cf", "etc/postfix/maps/virtual", "etc/aliases"):
        assert made(tmp_path, name).changed(), name
    (tmp_path / "etc/aliases").unlink()
    (tmp_path / "etc/aliases").symlink_to("shadow")
    assert made(tmp_path, "etc/aliases").changed() == []


def test_a_folder_that_is_a_link_itself_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "srv").mkdir()
    (tmp_path / "etc").mkdir()
    (tmp_path / "srv/main.cf").write_text("a\n")
    (tmp_path / "etc/postfix").symlink_to("../srv")
    assert made(tmp_path, "etc/postfix/main.cf").changed()


def test_a_file_keeps_its_mode_and_is_left_when_it_changed_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "etc/postfix").mkdir(parents=True)
    path = tmp_path / "etc/postfix/main.cf"
    path.write_text("abc\n")
    path.chmod(0o640)
    made(tmp_path, "etc/postfix/main.cf").write()
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("Xbc\n", 0o640)
    path.write_text("abc\n")
    again = made(tmp_path, "etc/postfix/main.cf")
    path.write_text("new\n")
    with pytest.raises(OSError, match="meanwhile"):
        again.write()
    assert path.read_text() == "new\n"


def test_root_changes_nothing_where_another_user_can_put_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc/postfix").mkdir(parents=True)
    (tmp_path / "etc/postfix/main.cf").write_text("abc\n")
    (tmp_path / "etc").chmod(0o777)
    fixing = made(tmp_path, "etc/postfix/main.cf")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(PermissionError, match="another user"):
        fixing.write()
    assert (tmp_path / "etc/postfix/main.cf").read_text() == "abc\n"


def test_the_diff_has_line_ends_as_they_are() -> None:
    text = unified([("/etc/postfix/main.cf", b"a\r\nb\x85c", b"a\r\nb\x85d")], Memory({}))
    assert text.encode("utf-8", "surrogateescape") == (
        b"--- /etc/postfix/main.cf\n+++ /etc/postfix/main.cf\n@@ -1,2 +1,2 @@\n a\r\n"
        b"-b\x85c\n\\ No newline at end of file\n+b\x85d\n\\ No newline at end of file\n"
    )


WORDS = st.text("abcde", min_size=3, max_size=8)


@given(WORDS, st.lists(WORDS, max_size=6))
def test_a_misspelling_is_one_letter_from_one_name(word: str, names: list[str]) -> None:
    letters = "abcde"
    near = {word[:i] + word[i + 1 :] for i in range(len(word))}
    near |= {word[:i] + c + word[i:] for i in range(len(word) + 1) for c in letters}
    near |= {word[:i] + c + word[i + 1 :] for i in range(len(word)) for c in letters}
    near |= {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}
    meant = near & set(names)
    expected = meant.pop() if len(word) > 3 and len(meant) == 1 and word not in names else ""
    assert misspelled(word, names) == expected


@given(st.text("ab\n", max_size=20), st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3)), max_size=5))
def test_edits_are_applied_at_their_places(text: str, places: list[tuple[int, int]]) -> None:
    source, edits, at, expected = Source("x", text), [], 0, ""
    for start, length in sorted(places):
        if at < start + length <= len(text) and start >= at:
            expected += text[at:start] + "X"
            edits.append(Edit(source.span(start, start + length), "X"))
            at = start + length
    assert applied(text, edits[::-1]) == expected + text[at:]
