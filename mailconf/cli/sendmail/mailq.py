"""``mailq``: the list of the queue, sendmail's or Postfix's.

Which of the two it is, the configuration decides, as for newaliases: Postfix's where there is an /etc/postfix/main.cf
(or ``MAIL_CONFIG`` is set), sendmail's elsewhere; ``-C`` names either a sendmail.cf or a main.cf (or its folder).
``--root DIR`` and ``--postfix-version V`` are ours.
"""

from __future__ import annotations

from mailconf.cli.postfix import postqueue
from mailconf.cli.postfix.postfix_tool import Messages, ToolFatal, take_settings
from mailconf.cli.sendmail.newaliases import EX_TEMPFAIL, LETTERS, misuse, postfix_directory
from mailconf.cli.sendmail.sendmail_tool import getopt, valued


def run(name: str, arguments: list[str]) -> int:
    """Run ``mailq arguments``; ``name`` is what the program was called as. The exit status."""
    words = list(arguments)
    messages = Messages(name.rpartition("/")[2])
    root = take_settings(words, valued(LETTERS), messages)
    left = ["-q0" if word == "-q" else word for word in words]
    found = list(getopt(name, left, LETTERS, tell=lambda _: None))
    named = [value for letter, value in found if letter == "C"]
    directory = postfix_directory(named[-1] if named else None, root)
    if directory is None:
        from mailconf.cli.sendmail.sendmail import run as sendmail

        return sendmail(name, list(arguments))
    wrong = [value for letter, value in found if letter == "?"]
    if wrong:
        return misuse(name, wrong, postfix=True)
    runs = [value for letter, value in found if letter == "q"]
    try:
        if left:
            raise ToolFatal("display queue mode requires no recipient")
        mode, value = _asked(runs[-1]) if runs else ("p", "")
    except ToolFatal as failure:
        messages.fatal(str(failure))
        return EX_TEMPFAIL
    return postqueue.run_in(directory or None, root, messages.release, mode, value) if mode else 0


def _asked(value: str) -> tuple[str, str]:
    """postqueue's option and its value for the value of -q; none for an interval. Raises ToolFatal."""
    if value == "0":
        return "f", ""
    if value[0] in "IR":
        return {"I": "i", "R": "s"}[value[0]], value[1:]
    if value[0].isdigit():  # a daemon runs the queue already
        return "", ""
    raise ToolFatal(f"-q{value[0]} is not implemented")
