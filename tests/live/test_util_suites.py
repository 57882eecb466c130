"""Postfix's own suites for src/util, src/global, trivial-rewrite, cleanup, postmap, postalias and bounce, beside ours.

``MAILCONF_PROOF=1`` asks all questions at random instead of a sample. ``pytest -s`` prints the counts, and which part
is missing where ours has none yet.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

TOP = Path(__file__).parents[2]
sys.path[:0] = [str(TOP / "tests/live")]

import suite_addresses  # noqa: E402
import suite_calls  # noqa: E402
import suite_chains  # noqa: E402
import suite_inputs  # noqa: E402
from postfix_suites import program, run, source  # noqa: E402
from suite_programs import without_extension  # noqa: E402
from suite_runner import VARIANT, Tally, at_once, ours, script_lines, shell, theirs  # noqa: E402

from tests.live.private_postfix import PrivatePostfix  # noqa: E402

pytestmark = pytest.mark.live

PROOF = bool(os.environ.get("MAILCONF_PROOF"))
SEED, QUESTIONS = 20_26, 400 if PROOF else 60
AT_LEAST = 20 if PROOF else 1
SCRIPTS = {
    "valid_hostname": "util/valid_hostname.in",
    "host_port": "util/host_port.in",
    "ip_match": "util/ip_match.in",
    "casefold": "util/casefold_test.in",
    "format_tv": "util/format_tv.in",
    "mac_expand": "util/mac_expand.in",
    "quote_822_local": "global/quote_822_local.in",
    "fold_addr": "global/fold_addr_test.in",
    "mail_addr_find": "global/mail_addr_find.in",
}
# Targets of the Makefile of src/util that call dict_open.
RECIPES = (
    *("dict_cidr", "dict_pcre", "dict_regexp", "dict_cidr_file", "dict_pcre_file", "dict_regexp_file"),
    *("miss_endif_cidr", "miss_endif_pcre", "miss_endif_regexp", "surrogate", "dict_static", "dict_static_file"),
    *("dict_random", "dict_random_file", "dict_inline", "dict_inline_file"),
    *("dict_inline_pcre", "dict_inline_regexp", "dict_inline_cidr"),
)
SHELL = {
    "global/namadr_list.in": "namadr_list",
    "global/mail_addr_crunch.in": "mail_addr_crunch",
    "trivial-rewrite/transport.in": "transport",
    "util/dict_union_test.in": "dict_open",
    "util/dict_pipe_test.in": "dict_open",
}
MASQUERADES = (
    *(("", "a.b.c,b.c", "xxx@aa.a.b.c"), ("", "A.B.C,B.C", "xxx@aa.a.b.c"), ("", "a.b.c,b.c", "xxx@AA.A.B.C")),
    *(("xxx", "a.b.c,b.c", "xxx@aa.a.b.c"), ("yyy", "a.b.c,b.c", "xxx@aa.a.b.c"), ("", "!a.b.c,b.c", "xxx@a.b.c")),
    *(("", "a.b.c,b.c", "xxx@b.c"), ("fail:whatever", "xy", "xxx@b.c")),
)
# Parts that ours does not have: the program, its arguments, its input, what is missing.
MISSING: tuple[tuple[str, str, tuple[str, ...], str, str], ...] = (
    ("global", "header_body_checks", ("static:x", "", "", ""), "mime_test.in", "header and body checks"),
    *(
        ("global", "mime_state", (), f"{name}.in", "MIME conversion")
        for name in ("mime_test", "mime_nest", "mime_8bit")
    ),
    ("global", "server_acl", (), "server_acl.in", "postscreen's server_acl"),
)


def report(tally: Tally) -> None:
    print(f"\n{tally}")
    for form, count in sorted(tally.forms.items()):
        print(f"{count:8} {form}")
    assert tally.cases
    assert not tally.differences, tally.differences[0]


@pytest.mark.parametrize(("name", "place"), SCRIPTS.items())
def test_a_shipped_script(name: str, place: str) -> None:
    tally = Tally(place)
    lines, left_out = script_lines(place)
    wanted = theirs(name, (), lines)
    found = ours(name, (), lines)
    tally.add_lines(place, wanted, found)
    print(f"\n{tally}")
    for reason, count in left_out.items():
        print(f"{count:8} lines are left out: {reason}")
    assert not tally.differences, tally.differences
    assert tally.cases


@pytest.mark.parametrize(("place", "name"), SHELL.items())
def test_a_shipped_shell_script(place: str, name: str, tmp_path: Path) -> None:
    tally = Tally(place)
    tally.add_lines(place, *shell(place, tmp_path, [name]))
    report(tally)


@pytest.mark.parametrize("target", RECIPES)
def test_calls_of_dict_open(target: str, tmp_path: Path) -> None:
    tally = Tally(f"util/{target}_test")
    text = suite_calls.recipe("util", f"{target}_test")
    tally.add_lines(target, *shell("util/dict_cidr.map", tmp_path, ["dict_open"], text))
    report(tally)


def test_the_shipped_mappings() -> None:
    tally = Tally("global/mail_addr_map")
    for case in suite_calls.mappings():
        tally.add(case.name, case.expected, suite_calls.mapped(case))
    report(tally)


def test_the_shipped_extensions() -> None:
    tally = Tally("global/strip_addr")
    for address, delimiters, rest, extension in suite_calls.stripped():
        found = without_extension(address, delimiters)
        tally.add(address, (rest, extension), found if extension is not None else (found[0], None))
    report(tally)
    assert tally.cases > 12


@pytest.mark.parametrize("arguments", [("-fs", "texthash:dict_thash.map"), ("-fs", "texthash:dict_thash.in")])
def test_texthash(arguments: tuple[str, str]) -> None:
    """dict_thash_test lists a table with postmap(1); the original's order is that of its memory."""
    folder = source("util/dict_thash.map", VARIANT).parent
    printed = []
    for command in (["/usr/sbin/postmap"], [sys.executable, "-m", "mailconf", "postmap"]):
        environment = {**os.environ, "PYTHONPATH": str(TOP)}
        done = subprocess.run([*command, *arguments], cwd=folder, capture_output=True, env=environment, check=False)
        lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
        printed.append(sorted(line.decode(errors="surrogateescape") for line in lines))
    tally = Tally(f"util/{arguments[1]}")
    tally.add_lines(arguments[1], *printed)
    report(tally)


@pytest.mark.parametrize("place", ["util/dict_test.in", "util/dict_seq.in", "util/dict_utf8_test.in"])
@pytest.mark.parametrize("kind", ["hash", "btree"])
def test_changes_of_a_table(place: str, kind: str, tmp_path: Path) -> None:
    """The scripts change a table in memory (internal:), which no tool can fill, or one of a library that the programs
    are built without: their commands are given to the map tools instead, each by itself."""
    tally = Tally(f"{place}, {kind}")
    script = source(place, VARIANT)
    printed = script.read_bytes()
    if printed.startswith(b"#!"):  # it makes its commands, for a program of which we have them
        (tmp_path / "dict_open").write_text("#!/bin/sh\nexec cat\n")
        (tmp_path / "dict_open").chmod(0o755)
        printed = subprocess.run(["sh", script], cwd=tmp_path, capture_output=True, check=True).stdout
    folders = [tmp_path / side for side in ("theirs", "ours")]
    for folder in folders:
        folder.mkdir()
        (folder / "main.cf").write_text("smtputf8_enable = yes\n")
        (folder / "testdb").write_bytes(source("util/testdb", VARIANT).read_bytes())
        suite_calls.map_tool(folder, folder == folders[1], [f"{kind}:testdb"], b"")
    for line in printed.splitlines():
        if arguments := suite_calls.map_command(line, f"{kind}:testdb"):
            answers = [suite_calls.map_tool(folder, folder == folders[1], *arguments) for folder in folders]
            tally.add(line, *answers)
            tally.forms[line.split()[0].decode()] += 1
    report(tally)


def test_the_shipped_masquerading() -> None:
    tally = Tally("cleanup/cleanup_masq")
    for arguments in MASQUERADES:
        tally.add_answers(arguments, theirs("cleanup_masquerade", arguments), ours("cleanup_masquerade", arguments))
    report(tally)


@pytest.mark.parametrize("maker", suite_inputs.MAKERS, ids=lambda maker: maker.__name__)
def test_questions_at_random(maker: Any) -> None:
    tally = Tally(f"{maker.__name__} at random")
    asked = list(suite_inputs.questions(maker, SEED, QUESTIONS))
    for question, answer in zip(asked, at_once([one[:3] for one in asked]), strict=True):
        tally.forms.update(question.forms)
        tally.add_answers(question[:3], answer, ours(*question[:3]))
    report(tally)
    if PROOF:
        assert not {form: count for form, count in tally.forms.items() if count < AT_LEAST}


def test_addresses(tmp_path: Path) -> None:
    """rewrite_clnt and resolve_clnt: their scripts in each configuration, and addresses at random."""
    scripts, drawn = Tally("global/rewrite_clnt.in, resolve_clnt.in"), Tally("addresses at random")
    chance = Random(SEED)
    chosen = suite_addresses.CONFIGURATIONS if PROOF else suite_addresses.CONFIGURATIONS[:4]
    with PrivatePostfix(tmp_path) as postfix:
        for configuration in chosen:
            suite_addresses.compare(postfix, configuration, list(suite_addresses.shipped()), scripts)
            addresses = list(suite_addresses.at_random(chance, QUESTIONS))
            suite_addresses.compare(postfix, configuration, addresses, drawn)
    report(scripts)
    report(drawn)


@pytest.mark.parametrize(
    "place", ["postmap/fail_test.in", "postmap/quote_test.in", "postmap/file_test.in", "postalias/fail_test.in"]
)
def test_the_map_tools(place: str, tmp_path: Path) -> None:
    """The scripts with the installed program, and with ours in its place."""
    script = source(place, VARIANT)
    tool = script.parent.name
    printed = []
    for side, command in (("theirs", f"/usr/sbin/{tool}"), ("ours", f"{sys.executable} -m mailconf {tool}")):
        below = tmp_path / side
        below.mkdir()
        (below / "aliases").write_bytes((script.parent / "aliases").read_bytes())
        (below / tool).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (below / tool).chmod(0o755)
        environment = {**os.environ, "PYTHONPATH": str(TOP), "VALGRIND": ""}
        done = subprocess.run(["sh", script], cwd=below, capture_output=True, text=True, env=environment, check=False)
        printed.append((done.stdout + done.stderr).splitlines())
    tally = Tally(place)
    tally.add_lines(place, *printed)
    report(tally)


@pytest.mark.parametrize(("author", "file"), [("standard", ""), ("obsolete", ""), ("standard", "2template_test.in")])
def test_bounce_templates(author: str, file: str, tmp_path: Path) -> None:
    """bounce's template tests, which postconf -t prints as bounce(8) itself does."""
    (tmp_path / "main.cf").write_text(f"myhostname = example.com\nheader_from_format = {author}\n")
    named = [str(source(f"bounce/{file}", VARIANT))] if file else []
    printed = []
    for command in (["postconf"], [sys.executable, "-m", "mailconf", "postconf"]):
        arguments = [*command, "-c", str(tmp_path), "-t", *named]
        environment = {**os.environ, "PYTHONPATH": str(TOP)}
        done = subprocess.run(arguments, capture_output=True, text=True, env=environment, check=False)
        printed.append(done.stdout.splitlines())
    tally = Tally(f"bounce templates, {author} {file}")
    tally.add_lines(file, *printed)
    report(tally)


@pytest.mark.parametrize("kind", ["with-msgid-with-eoh-event", "no-msgid-no-eoh-event", "with-msgid-with-long-line"])
def test_bounce_notices_are_missing(kind: str, tmp_path: Path) -> None:
    """The program makes a notice of a queue file and a log file of Postfix's, which ours does not read."""
    built = program("bounce", "bounce_notify_util_tester", VARIANT)
    (tmp_path / "main.cf").write_text("queue_directory = queue\nmyhostname = mail.example\n")
    for place, file in (("bounce", f"logfile-{kind}"), ("active", f"msgfile-{kind}")):
        (tmp_path / "queue" / place).mkdir(parents=True)
        (tmp_path / "queue" / place / "msgid").write_bytes(source(f"bounce/{file}", VARIANT).read_bytes())
    done = run(built, ("-c.", "bounce", "active", "msgid"), cwd=tmp_path)
    print(f"\nbounce/{kind}: {len(done.stdout.splitlines())} lines; missing in ours: notices of Postfix's queue files")
    assert b"Mail Delivery" in done.stdout


def test_the_shipped_chain_files() -> None:
    tally = Tally("tls/*.pem")
    for call, folder in suite_chains.shipped():
        tally.add(call, suite_chains.theirs(call, folder), suite_chains.ours(call, folder))
    report(tally)
    assert tally.cases >= 13  # nine files, those with one key in two ways


def test_chain_files_at_random(tmp_path: Path) -> None:
    tally = Tally("chain files at random")
    for call in suite_chains.at_random(Random(SEED), tmp_path, 3 * QUESTIONS, tally.forms):
        theirs = suite_chains.theirs(call, tmp_path)
        tally.forms["loaded" if theirs.loaded else "not loaded"] += 1
        tally.add((call, tmp_path), theirs, suite_chains.ours(call, tmp_path))
    report(tally)
    if PROOF:
        assert not {form: count for form, count in tally.forms.items() if count < AT_LEAST}


def test_smtpd_says_the_same_of_chain_files(tmp_path: Path) -> None:
    """What the installed smtpd(8) logs of the shipped files, when TLS is on."""
    tally = Tally("chain files, smtpd")
    with PrivatePostfix(tmp_path) as postfix:
        for call, folder in suite_chains.shipped():
            if call.mode == "-k":
                continue
            path = folder / call.names[0]
            copy = postfix.etc / path.name
            copy.write_bytes(path.read_bytes())
            parameter = "smtpd_tls_cert_file" if call.mode else "smtpd_tls_chain_files"
            seen = len(postfix.log.read_text())
            postfix.configure({"smtpd_tls_security_level": "may", parameter: str(copy)})
            client = postfix.client()
            client.command("EHLO x")
            starts = client.command("STARTTLS").startswith("220")
            client.close()
            deadline = time.monotonic() + 20
            while "disconnect from" not in (text := postfix.log.read_text()[seen:]) and time.monotonic() < deadline:
                time.sleep(0.05)  # another process writes it
            logged = dict.fromkeys(re.findall(r"/smtpd\[\d+\]: warning: (.*)", text))
            said = [
                line for line in logged if not line.startswith(("TLS library problem", "error loading private keys"))
            ]
            ours = suite_chains.ours(suite_chains.Call(call.mode, (str(copy),)), Path("/"))
            tally.add(call, (said, starts), (ours.lines, ours.loaded))
    report(tally)
    assert tally.cases == 9


@pytest.mark.parametrize(("room", "name", "arguments", "place", "missing"), MISSING)
def test_parts_that_are_missing(room: str, name: str, arguments: tuple[str, ...], place: str, missing: str) -> None:
    built = program(room, name, VARIANT)
    done = run(built, arguments, text=source(f"{room}/{place}", VARIANT).read_bytes())
    print(f"\n{room}/{name} {place}: {len(done.stdout.splitlines())} lines; missing in ours: {missing}")
    assert done.stdout
