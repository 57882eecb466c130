"""What rulesets and the parser have said about the question at hand, as replies."""

from __future__ import annotations

from mailconf.sendmail.rules.problems import EX_OK, CfProblem, Problems
from mailconf.smtp.reply import Reply

_REMARK = "050"
_REFUSING = tuple("23456")  # first digits: an error is one whatever its code; remarks have others
_ANY = "5.0.0"
# Mistakes of the configuration whose enhanced status code is not that of any mistake.
_ENHANCED = (("buildaddr:", "5.3.5"), ("prescan: token too long", "5.1.0"))


class Heard:
    """See the module. ``problems`` is what the engine reports to."""

    def __init__(self) -> None:
        self._all: list[CfProblem] = []
        self.problems = Problems(self._all.append)

    def clear(self) -> None:
        self._all.clear()
        self.problems.status = EX_OK
        self.problems.subject = ""
        self.problems.quiet = False

    def attribute(self, subject: str) -> None:
        """Name the address that is asked about in what was said of users without naming one."""
        for at, problem in enumerate(self._all):
            if not problem.grave and not problem.subject and problem.code != _REMARK:
                self._all[at] = problem._replace(subject=subject)

    @property
    def count(self) -> int:
        """How many things that refuse were said."""
        return sum(map(_refuses, self._all))

    @property
    def refused(self) -> bool:
        return any(_refuses(problem) for problem in self._all)

    @property
    def waits_alone(self) -> bool:
        """Whether all that refuses is that something of the machine's own cannot be asked now."""
        return all(problem.grave and problem.code[:1] == "4" for problem in self._all if _refuses(problem))

    def forgive(self) -> None:
        """Drop what refuses; remarks stay."""
        self._all[:] = [problem for problem in self._all if not _refuses(problem)]

    def refusal(self) -> Reply | None:
        """The first thing that was said and refuses."""
        return next((_reply(problem) for problem in self._all if _refuses(problem)), None)

    def last_refusal(self) -> Reply | None:
        """The last thing that was said and refuses: of several about a message that one counts."""
        return next((_reply(problem) for problem in reversed(self._all) if _refuses(problem)), None)

    def remarks(self, *, verbose: bool) -> tuple[Reply, ...]:
        """What is sent before the reply, to a client that wants to be told more."""
        if not verbose:
            return ()
        return tuple(Reply(50, (problem.line(),)) for problem in self._all if problem.code == _REMARK)


def _refuses(problem: CfProblem) -> bool:
    return problem.code[:1] in _REFUSING


def _reply(problem: CfProblem) -> Reply:
    enhanced = problem.enhanced
    if not enhanced or enhanced == _ANY:
        known = (status for begin, status in _ENHANCED if problem.text.startswith(begin))
        enhanced = next(known, f"{problem.code[0]}.0.0")
    code = problem.code
    if code[0] not in "45":
        code, enhanced = "500", "5.0.0"  # a refusal that has no code of one
    return Reply.of(int(code), f"{enhanced} {problem.line()}")
