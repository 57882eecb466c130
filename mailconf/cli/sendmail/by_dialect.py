"""``mailq``, and ``sendmail`` on a machine with Postfix: which of the two MTAs is meant, the configuration decides.

It is Postfix's where there is an /etc/postfix/main.cf and no /etc/mail/sendmail.cf (or ``MAIL_CONFIG`` is set),
sendmail's elsewhere, and in modes that only sendmail has; ``-C`` names either a sendmail.cf or a main.cf (or its
folder). ``--root DIR``, ``--postfix-version V`` and ``--sendmail-version V`` are ours.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mailconf.cli.postfix.sendmail_command import LETTERS, Call
from mailconf.cli.sendmail.newaliases import LETTERS as SENDMAIL_LETTERS
from mailconf.cli.sendmail.newaliases import misuse, postfix_directory
from mailconf.cli.sendmail.sendmail_tool import DEFAULT_CF, getopt, valued
from mailconf.cli.shared.own_options import root_of, take_known

if TYPE_CHECKING:
    from mailconf.files import Root, Tree


_SENDMAILS = ("t", "D", "P", "h", "H", "C", "a")  # modes that Postfix's sendmail does not have


def run(name: str, arguments: list[str]) -> int:
    """Run ``mailq arguments`` or ``sendmail arguments``; ``name`` is what it was called as. The exit status."""
    words = list(arguments)
    options = {"--root": True, "--postfix-version": True, "--sendmail-version": True}
    ours = take_known(words, options, valued(LETTERS))
    root = root_of(ours)
    directory = None if "--sendmail-version" in ours else _postfix_meant(words, root)
    if directory is None:
        from mailconf.cli.sendmail.sendmail import run as sendmail

        return sendmail(name, list(arguments))
    left = ["-q0" if word == "-q" else word for word in words]
    found = list(getopt(name, left, LETTERS, tell=lambda _: None, anywhere=False))
    if wrong := [value for letter, value in found if letter == "?"]:
        return misuse(name, wrong, postfix=True)
    return Call(name, directory or None, _disk(root), ours.get("--postfix-version")).run(found, left)


def _postfix_meant(words: list[str], root: Tree) -> str | None:
    """The folder of the main.cf, "" for the usual one; None where sendmail is meant."""
    found = list(getopt("", list(words), SENDMAIL_LETTERS, tell=lambda _: None, anywhere=False))
    named = [value for letter, value in found if letter == "C"]
    if not named and any(letter == "d" or (letter == "b" and value[:1] in _SENDMAILS) for letter, value in found):
        return None
    if not named and "MAIL_CONFIG" not in os.environ and root.exists(DEFAULT_CF):
        return None
    return postfix_directory(named[-1] if named else None, root)


def _disk(root: Tree) -> Root:
    from mailconf.files import Root

    if not isinstance(root, Root):
        raise TypeError("a queue is on the disk")
    return root
