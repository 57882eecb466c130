"""How every mode of the sendmail command begins: options, configuration, what -d0 shows, who may, the folders.

Source: sendmail 8.17.1.9, modes with mistakes in each step, as root and as another user.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from mailconf.cli.sendmail.folders import check_folders, run_as
from mailconf.cli.sendmail.invocation import SecondReading, can_write, check_body, first_look
from mailconf.cli.sendmail.sendmail_tool import DEFAULT_CF, say
from mailconf.cli.sendmail.terminal import SPEAKING, hearing, write
from mailconf.sendmail.rules.load import Loader
from mailconf.sendmail.rules.machine import Machine
from mailconf.sendmail.rules.problems import EX_USAGE, Problems, Stopped
from mailconf.sendmail.rules.symbols import plain
from mailconf.sendmail.rules.version import DEFAULT, SendmailVersion

if TYPE_CHECKING:
    from mailconf.cli.sendmail.caller import Caller
    from mailconf.files import Tree
    from mailconf.sendmail.rules.book import Rulebook
    from mailconf.sendmail.rules.disk_world import DiskWorld
    from mailconf.sendmail.rules.problems import CfProblem

_TOLD = "ti"  # modes that hear of more than mistakes
_ONLY_TRUSTED = "idDH"  # modes that are not for everybody
_RULE = "=" * 56
_PRIVILEGES = "Program mode requires special privileges, e.g., root or TrustedUser."


class Start:
    """A call that has begun.

    call      what was asked for
    root      below which files are named
    caller    who calls
    machine   whose names, users and services count
    write     prints
    words     the command line
    version   of sendmail, whose words are meant
    problems  whose messages are printed, and which has the exit status
    wrong     how much was wrong with what a user gave
    """

    def __init__(
        self,
        name: str,
        mode: str,
        words: list[str],
        root: Tree,
        caller: Caller,
        *,
        machine: Machine | None = None,
        write: Callable[[str], object] = write,
        version: SendmailVersion = DEFAULT,
    ) -> None:
        self.version = version
        self.root = root
        self.caller = caller
        self.write = write
        self.problems = Problems(hearing(mode, write))
        self.call = first_look(name, mode, words, self.problems)
        self._hear_as(self.call.mode)
        self.words = words
        self.machine = machine or Machine(root)
        self.wrong = 0  # what was wrong with what a user has given, so far

    def load(self) -> Rulebook:
        """Read the rest of the command line, and the configuration. Raises Stopped where the program ends."""
        call, problems = self.call, self.problems
        debug = can_write(self.root, call.debug, problems)
        level = call.level(0)
        if level and debug:
            self._show_build(level)
        loader = Loader(self.root, self.machine, problems, mode=call.mode, runs=self.root.is_real, version=self.version)
        loader.begin()
        SecondReading(call, loader, say).read(self.words)
        loader.talks = call.verbose or call.mode in _TOLD
        if problems.status and call.mode != "t":
            raise Stopped(problems.status)
        if level >= 4 and debug:
            loader.named = lambda name: self._show(f"\ta.k.a.: {name}")
        loader.after_names = lambda: self._judge_caller(loader.book)
        book = loader.load(DEFAULT_CF if call.cf is None else call.cf)
        if call.mode == "D":
            self._hear_as(SPEAKING[0])
        closed = call.mode != "t" and check_folders(self.root, book, problems, self.machine, self.caller)
        if closed and self.caller.uid != 0:
            say(_PRIVILEGES)
        if problems.status and call.mode != "t":
            raise Stopped(problems.status)
        if level >= 15:
            from mailconf.sendmail.testmode.listing import mailer_lines

            for line in mailer_lines(book):
                self.write(line)
        check_body(call, problems)
        return book

    def _hear_as(self, mode: str) -> None:
        tell = hearing(mode, self.write)

        def hear(problem: CfProblem) -> None:
            self.wrong += not problem.grave and problem.code[:1] in ("4", "5")
            tell(problem)

        self.problems.hear = hear

    def _show(self, line: str) -> None:
        if self.call.debug is None:
            self.write(f"{line}\n")
            return
        with open(self.root.path(self.call.debug), "a", encoding="latin-1") as file:  # noqa: PTH123
            file.write(f"{line}\n")

    def _show_build(self, level: int) -> None:
        from mailconf.sendmail.rules.build_facts import build_lines

        for line in build_lines(level, self.version):
            self._show(line)
        if level >= 4:
            names = self.machine.names()
            self._show(f"Canonical name: {names.host}")
            self._show(f" UUCP nodename: {names.node}")
            for other in names.others:
                self._show(f"\ta.k.a.: {other}")

    def _judge_caller(self, book: Rulebook) -> None:
        """What -d0 shows of the configuration; then modes that are for trusted users end here for others."""
        level = self.call.level(0)
        if level:
            self._show_identity(book, level)
        trusted = self.caller.uid == 0 or book.classes.has("t", self.caller.login)
        if not trusted and self.call.mode in _ONLY_TRUSTED:
            self.problems.user("Permission denied (real uid not trusted)", about="")
            raise Stopped(EX_USAGE)
        user = run_as(book, self.machine)
        if self.call.mode == "v" and (not trusted or (user and user.uid)):
            self.problems.say("Notice: -bv may give misleading output for non-privileged user")

    def _show_identity(self, book: Rulebook, level: int) -> None:
        from mailconf.sendmail.rules.build_facts import PID_FILE

        if level >= 10:
            self._show(f"     Conf file:\t{DEFAULT_CF if self.call.cf is None else self.call.cf} (selected)")
            self._show(f"      Pid file:\t{book.options.get('PidFile', PID_FILE)} (selected)")
        self._show("")
        self._show("============ SYSTEM IDENTITY (after readcf) ============")
        for what, macro in (("short domain", "w"), ("canonical domain", "j"), ("subdomain", "m"), ("node", "k")):
            value = plain(book.macros.named(macro) or "")
            self._show(f"{f'({what} name)':>25} ${macro} = {value}")
        self._show(_RULE)
        self._show("")
        sys.stdout.flush()


def world_of(root: Tree, book: Rulebook) -> DiskWorld:
    """What rulesets ask of this machine and the DNS."""
    from mailconf.sendmail.rules.disk_world import DiskWorld

    return DiskWorld.of_machine(root, book.options)
