"""Changes of the code that a test must notice: durability, locks, and the last value before an answer changes.

    python -m tests.mutants [NAME ...]

Makes each change in a copy of the checkout and runs the tests that are named for it there. Prints what became of each;
exit status 0 when the tests pass without a change and fail with each.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).resolve().parent.parent
_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__")
SECONDS = 300  # for the tests of one mutant; one that makes them hang is noticed


class Mutant(NamedTuple):
    """name    for the command line
    file       below mailconf/
    old, new   a text that is there once, and what it becomes
    tests      the tests that must fail
    """

    name: str
    file: str
    old: str
    new: str
    tests: str

    @property
    def line(self) -> int:
        """Where the text is, from 1. AssertionError where it is not there exactly once."""
        before, *after = (TOP / "mailconf" / self.file).read_text(encoding="utf-8").split(self.old)
        assert len(after) == 1, f"{self.name}: {self.old!r} is {len(after)} times in {self.file}"
        return before.count("\n") + 1 + (len(self.old) - len(self.old.lstrip("\n")))


_QUEUE = "tests/mta/test_queue.py tests/mta/test_queue_crashes.py tests/mta/test_queue_segments.py"
_WRITER = "tests/mta/test_queue.py tests/mta/test_queue_crashes.py"
_RECORDS = "tests/mta/test_queue_segments.py"
_REPLACE = "tests/files/test_replace.py"
_MAILBOX = "tests/mta/test_mailbox.py"
_GROUPS = "tests/mta/test_mailbox_groups.py"
_SIEVES = "tests/postfix/test_content_sieves.py"
_PLAIN = "tests/mta/test_queue_plain.py"
_KNOWN = "tests/mta/test_known_answers.py"
_GENERATION = "tests/build/test_generation.py"
_BOUNDARIES = "tests/postfix/test_boundaries.py"
_LOCKS = "tests/maps/test_locks.py"
_SPACING = "tests/mta/test_spacing.py"
_FORWARDED = "tests/mta/test_forwarded.py"
_KEPT = "tests/mta/test_hop_reuse.py"

MUTANTS = (
    Mutant("queue-content", "mta/queue/incoming.py", "            os.fsync(descriptor)\n", "            pass\n",
           _QUEUE),
    Mutant("queue-folder", "mta/queue/folder.py", "            os.fsync(descriptor)\n", "            pass\n", _QUEUE),
    # The queue's segments: what is acknowledged is on the disk, in a file that has a durable name.
    Mutant("queue-sync", "mta/queue/writer.py", "            os.fdatasync(self._descriptor)\n", "", _WRITER),
    Mutant("queue-answer-early", "mta/queue/group.py", "if sync or outcome.added or outcome.moved",
           "if sync or outcome.moved", _WRITER),
    Mutant("queue-move-early", "mta/queue/group.py", "if sync or outcome.added or outcome.moved",
           "if sync or outcome.added", _WRITER),
    Mutant("queue-answer-order", "mta/queue/group.py",
           "                self._writer.sync()\n                self.syncs += 1\n",
           "                self._report(outcome)\n                outcome = Outcome()\n"
           "                self._writer.sync()\n                self.syncs += 1\n", _WRITER),
    Mutant("queue-new-segment", "mta/queue/folder.py",
           "            os.fsync(descriptor)\n            sync_folder(self.path)\n",
           "            os.fsync(descriptor)\n", _WRITER),
    Mutant("queue-free-folder", "mta/queue/folder.py",
           "            path.rename(path.with_suffix(_DAMAGED))\n        sync_folder(self.path)\n",
           "            path.rename(path.with_suffix(_DAMAGED))\n", _WRITER),
    Mutant("queue-folders-made", "mta/queue/folder.py", "        sync_folder(each.parent)\n",
           "        str(each.parent)\n", _WRITER),
    Mutant("queue-failed-again", "mta/queue/group.py",
           "        self._writer.abandon()\n        noted", "        noted", f"{_WRITER} {_RECORDS}"),
    Mutant("queue-refused", "mta/queue/group.py", "            if added.place is not None:\n",
           "            if False:\n", _WRITER),
    Mutant("queue-unsure", "mta/queue/group.py", "for note in self._unsure if self._writer.is_closed else ():",
           "for note in ():", f"{_WRITER} {_RECORDS}"),
    Mutant("queue-command-folder", "mta/queue/incoming.py", "            sync_folder(folder.incoming)\n",
           "            str(folder.incoming)\n", _WRITER),
    Mutant("queue-command-order", "mta/queue/incoming.py",
           "            os.fsync(descriptor)\n            unfinished.rename(whole)\n",
           "            unfinished.rename(whole)\n            os.fsync(descriptor)\n", _WRITER),
    Mutant("queue-torn-content", "mta/queue/records.py", " or (content and not _has_crc(file, length, crc))", "",
           _RECORDS),
    Mutant("queue-torn-text", "mta/queue/records.py", " or zlib.crc32(text) != text_crc or (content", " or (content",
           _RECORDS),
    Mutant("queue-torn-text-in-memory", "mta/queue/records.py", "if zlib.crc32(text) != text_crc or ", "if ", _RECORDS),
    Mutant("queue-torn-text-of-whole", "mta/queue/records.py", "start + length > size or zlib.crc32(text) != text_crc:",
           "start + length > size:", _RECORDS),
    Mutant("queue-torn-head", "mta/queue/records.py",
           "if _CRC.unpack_from(head, _RECORD.size)[0] != zlib.crc32(head[: _RECORD.size]):", "if False:", _RECORDS),
    Mutant("queue-torn-group", "mta/queue/records.py", "if record.synced > offset:", "if record.synced >= offset:",
           _RECORDS),
    Mutant("queue-damage", "mta/queue/records.py", "if record.synced > offset:", "if False:",
           _RECORDS),
    Mutant("replace-content", "files/replacing.py", "            os.fsync(file.fileno())\n", "", _REPLACE),
    Mutant("replace-folder", "files/replacing.py", "        raise\n    sync_folder(target.parent)\n", "        raise\n",
           _REPLACE),
    Mutant("folder", "files/replacing.py", "        os.fsync(descriptor)\n", "        pass\n", _REPLACE),
    Mutant("replace-order", "files/replacing.py",
           "            os.fsync(file.fileno())\n            temporary.replace(target)\n",
           "            temporary.replace(target)\n            os.fsync(file.fileno())\n", _REPLACE),
    Mutant("mbox", "mta/mailbox.py", "            os.fsync(file)\n        if not start:",
           "            pass\n        if not start:", _MAILBOX),
    Mutant("mbox-folder", "mta/mailbox.py", "                _sync_folder(os.path.dirname(path)",
           "                str(os.path.dirname(path)", _MAILBOX),
    Mutant("maildir", "mta/mailbox.py", "            os.fsync(file)\n            found, now", "            found, now",
           _MAILBOX),
    Mutant("maildir-folder", "mta/mailbox.py", '            _sync_folder(f"{path}/new")\n', "            pass\n",
           _MAILBOX),
    Mutant("maildir-group", "mta/mailbox.py", "    for letter in letters:\n        letter.name()\n",
           "    letters[0].name()\n    for letter in letters[1:]:\n        letter.write()\n        letter.name()\n",
           _GROUPS),
    Mutant("maildir-group-sync", "mta/mailbox.py", "            for letter in named:\n",
           "            for letter in named[:1]:\n", _GROUPS),
    Mutant("mbox-group-sync", "mta/mailbox.py", "        return [found or _not_written(error) for found in failures]\n",
           "        return [_not_written(error), *failures[1:]]\n", _GROUPS),
    Mutant("mbox-group-half", "mta/mailbox.py", "(len(entries) - len(failures))\n                break\n",
           "0\n", _GROUPS),
    Mutant("mailbox-order", "mta/mailbox_writer.py", "waiting[:_AT_ONCE], waiting[_AT_ONCE:]",
           "waiting[-2:], waiting[:-2]", _GROUPS),
    Mutant("mailbox-threads", "mta/mailbox_writer.py",
           "                waiting.append((number, request, data))\n                return\n",
           "                waiting.append((number, request, data))\n", _GROUPS),
    Mutant("worker-again", "mta/identity.py", "for _ in range(2):", "for _ in range(1):", _GROUPS),
    Mutant("plain-changes", "mta/queue/envelope.py", "(?:hold|warned|expire|state|came)", "(?:hold|warned|came)",
           _PLAIN),
    Mutant("plain-state", "mta/queue/envelope.py", """ and b'},"' not in text""", "", _PLAIN),
    Mutant("plain-first", "mta/queue/holdings.py", "        if held.outcomes:\n            self.change",
           "        if False:\n            self.change", _PLAIN),
    Mutant("plain-content", "mta/queue/records.py", " or zlib.crc32(view[start : start + length]) != crc:", ":",
           "tests/mta/test_queue_segments.py"),
    Mutant("sieve-opens", "maps/patterns/patterns.py", "if not opens and len(self._needles)", "if len(self._needles)",
           _SIEVES),
    Mutant("sieve-unknown", "maps/patterns/patterns.py", 'if b"" in self._needles or ', "if ", _SIEVES),
    Mutant("sieve-limit", "postfix/policy/content_checks.py", "piece.offset >= longest", "piece.offset > longest",
           _SIEVES),
    Mutant("known-passing", "model/world.py", "if self.passing == before and ", "if ", _KNOWN),
    Mutant("known-tables", "mta/world.py", "            self.known = Known()\n            close()",
           "            close()", _KNOWN),
    Mutant("known-long", "model/world.py", " and _is_small(key, answer):", ":", _KNOWN),
    Mutant("maildir-parents", "mta/mailbox.py", "            _sync_folder(os.path.dirname(folder)",
           "            str(os.path.dirname(folder)", _MAILBOX),
    Mutant("mailbox-folders", "mta/mailbox.py", "        os.fsync(folder)\n", "        pass\n", _MAILBOX),
    Mutant("generation-copy", "build/generation.py", "            os.fsync(file.fileno())\n", "            pass\n",
           _GENERATION),
    Mutant("dead-letter", "cli/sendmail/submit.py", "        os.fsync(descriptor)\n", "",
           "tests/cli/test_durable.py"),
    Mutant("dead-letter-folder", "cli/sendmail/submit.py", "        if not status.st_size:", "        if False:",
           "tests/cli/test_durable.py"),
    Mutant("shared-lock", "maps/database/bdb_table.py", "fcntl.lockf(descriptor, fcntl.LOCK_SH)", "pass", _LOCKS),
    Mutant("expiry", "mta/scheduler.py", "now - message.arrival >= self._lifetime",
           "now - message.arrival > self._lifetime", "tests/mta/test_scheduler.py"),
    Mutant("kept-login", "mta/smtp_client.py", "security._replace(keep=False))", "HopSecurity())", _KEPT),
    Mutant("kept-reload", "mta/hop_pool.py", "connection.policy is policy and connection", "connection", _KEPT),
    Mutant("kept-twice", "mta/hop_session.py", "self._kept and self.client.stage is not Stage.END", "self._kept",
           _KEPT),
    Mutant("kept-astray", "mta/hop_session.py", "astray = self.client.is_astray and", "astray = False and", _KEPT),
    Mutant("kept-early", "smtp/client.py", "if not self._parser.refuses:", "if False:", _KEPT),
    Mutant("kept-tls", "mta/hop_session.py", "not self._security.tls.reuse:", "False:", _KEPT),
    Mutant("kept-most", "mta/hop_pool.py", "len(self._kept) > MOST:", "len(self._kept) > MOST + 1:", _KEPT),
    Mutant("kept-count", "mta/hop_session.py", ">= reuse.further:", "> reuse.further:", _KEPT),
    Mutant("kept-in-use", "mta/hop_pool.py", "                self._forget(kept)\n", "", _KEPT),
    Mutant("cohorts", "mta/destinations.py", "failed += 1 / self.width", "failed += 1",
           "tests/mta/test_concurrency.py"),
    Mutant("third-host", "model/transport.py", "    sessions: int = 2\n", "    sessions: int = 3\n",
           "tests/mta/test_smtp_client.py"),
    Mutant("one-host", "model/transport.py", "    sessions: int = 2\n", "    sessions: int = 1\n",
           "tests/mta/test_smtp_client.py"),
    Mutant("minimum-uid", "postfix/policy/local.py", "number >= least", "number > least", _BOUNDARIES),
    Mutant("minimum-uid-less", "postfix/policy/local.py", "number >= least", "number >= least - 1", _BOUNDARIES),
    Mutant("explain-sender", "model/inquiry.py", "Side.SENDER, route.transport", "Side.RECIPIENT, route.transport",
           _BOUNDARIES),
    Mutant("domain-aaaa", "postfix/policy/dns_checks.py", '("MX", *ADDRESS_TYPES)', '("MX", "A")', _BOUNDARIES),
    Mutant("helo-aaaa", "postfix/policy/dns_checks.py", 'first(ev, helo, (*ADDRESS_TYPES, "MX"))',
           'first(ev, helo, ("A", "MX"))', _BOUNDARIES),
    Mutant("helo-mx", "postfix/policy/dns_checks.py", 'first(ev, helo, (*ADDRESS_TYPES, "MX"))',
           "first(ev, helo, ADDRESS_TYPES)", _BOUNDARIES),
    Mutant("rate-delay", "mta/destinations.py", "now + destination.delay if destination.delay else 0.0", "0.0",
           _SPACING),
    Mutant("lane-delay", "mta/destinations.py", "lane.rest = now + lane.delay if lane.delay else 0.0",
           "lane.rest = 0.0", _SPACING),
    Mutant("idle-transport", "mta/scheduler.py", " and entry.serial not in self._asked_for:\n", ":\n", _SPACING),
    Mutant("room", "mta/answers.py", "free < self.site.limits.room", "free < 0", "tests/mta/test_room.py"),
    Mutant("told-of-before", "mta/answers.py", "        self.session.forwarded = {}\n", "", _FORWARDED),
    Mutant("told-of-whom", "smtp/forwarded.py", "        known |= dict.fromkeys(CLIENT_ATTRIBUTES)\n", "        pass\n",
           _FORWARDED),
)  # fmt: skip


def failed(checkout: Path, tests: str) -> str:
    """The first of the tests that fails in ``checkout``; "" where they pass."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests.split()]
    command += ["--basetemp", str(checkout.parent / "pytest"), "-o", "addopts="]
    try:
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"{tests} did not end"
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stdout + done.stderr)
    said = [line.split(" ")[1] for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    return said[0] if done.returncode else ""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME")
    names = parser.parse_args().names
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder, "checkout")
        shutil.copytree(TOP, checkout, ignore=_LEFT_OUT)
        chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
        for tests in sorted({mutant.tests for mutant in chosen}):
            if failure := failed(checkout, tests):
                print(f"without a change fails {failure}")
                return 1
        for mutant in chosen:
            place = f"mailconf/{mutant.file}:{mutant.line}"
            file = checkout / "mailconf" / mutant.file
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
            died = failed(checkout, mutant.tests)
            file.write_text(text, encoding="utf-8")
            survivors += not died
            print(f"{mutant.name:18} {place:42} {died or 'SURVIVES'}", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} are noticed")
    return bool(survivors)


if __name__ == "__main__":
    sys.exit(main())
