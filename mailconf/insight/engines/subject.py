"""The configuration that a test file is about: found, compiled, and asked in the world of the file.

Tables are read from their texts, as `mailconf build` would build them, whether they have been built or not: a test is
about the configuration as it is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mailconf.diagnostics import Sink, error
from mailconf.files import Mounted, Overlay, Root, Tree

if TYPE_CHECKING:
    from mailconf.insight.cases.suite import Suite, TestWorld
    from mailconf.insight.engines.world import CaseWorld
    from mailconf.model.policy import Policy
    from mailconf.model.site import Site

TS007 = error("TS007", "the configuration that a test file names cannot be asked")
"""Why: no case of the file can be run.

Example:
    # /etc/postfix/mail.test.yaml
    site: ../exim4
    cases:
      - {to: info@example.com, reply: 250}
    $ mailconf test /etc/postfix/mail.test.yaml

Remedy: name the folder with main.cf, sendmail.mc or sendmail.cf, relative to the folder of the test file.

Source: docs/testing.md.
"""

TS010 = error("TS010", "a test file names a service that the configuration does not have")
"""Why: it is not known which settings of master.cf hold for the client.

Example:
    # /etc/postfix/mail.test.yaml
    site: .
    cases:
      - {client: {address: 192.0.2.1, service: smtps}, to: info@example.com, reply: 250}
    $ mailconf test /etc/postfix/mail.test.yaml

Remedy: write the name or the port of an smtpd of master.cf.

Source: master(5); docs/testing.md.
"""

USERS_FROM = 1000  # the number of the first user of a world
_KNOWN_AS = {"postfix": "/etc/postfix", "sendmail": "/etc/mail"}


class Options(NamedTuple):
    """How a configuration is read: --root, --cf-library, --own-cf, --postfix-version."""

    root: str = "/"
    cf_library: str = ""
    own_cf: bool = False
    postfix_version: str | None = None


class NoService(Exception):
    """There is no such service; the message says which there are."""


class Subject(Protocol):
    """A configuration that can be asked.

    directory  its folder, as the configuration calls it
    local      whether a transport delivers on this machine
    """

    dialect: str
    directory: str
    root: Tree
    site: Site
    world: CaseWorld

    def policy(self, service: str) -> Policy:
        """What a service of master.cf answers with, "" for that of port 25. Raises NoService."""
        ...

    def hear_rulesets(self, hear: Callable[[str], object]) -> None:
        """Let ``hear`` take the name of each ruleset that is called from now on; there are none with Postfix."""
        ...

    def without_reasons(self) -> AbstractContextManager[None]:
        """While it is open, traces need not have what decided."""
        ...

    def sameness(self, original: str, recipient: str) -> str:
        """What recipients of one message have in common of which only the first gets it; "" where each does.

        ``recipient`` is where ``original`` has led to, "" for a copy that nobody asked for.
        """
        ...

    def milters(self) -> list[str]:
        """The sockets of the mail filters that look at messages, as the configuration has them."""
        ...

    def domains(self, kind: str) -> list[str]:
        """The domains of a class: "local", "virtual alias", "virtual mailbox", "relay"; wild cards are left out."""
        ...


class Located(NamedTuple):
    """Where a configuration was found: its dialect, its folder as it calls it, and the tree."""

    dialect: str
    directory: str
    root: Tree


def locate(suite: Suite, options: Options, sink: Sink) -> Located | None:
    """The configuration of a test file; None, with a diagnostic, where it is missing.

    A folder that is called etc/postfix or etc/mail is below the root that it seems to have; another one stands for
    /etc/postfix or /etc/mail, and what is not in it does not exist.
    """
    beside = Path(suite.file).parent
    folder = os.path.normpath(beside / suite.site.text)
    absolute = os.path.abspath(folder)  # noqa: PTH100 - pathlib keeps ".."
    disk: Tree = Root()
    dialect = _dialect(folder, disk)
    if dialect is None:
        what = "has no main.cf, sendmail.mc or sendmail.cf" if disk.is_folder(folder) else "is no folder"
        hint = "name the folder of the configuration, relative to the test file"
        sink.report(TS007, f"{folder} {what}", suite.site.span, hint=hint)
        return None
    top = options.root
    if suite.root is not None:
        top = os.path.normpath(beside / suite.root)
    elif top == "/" and (found := _seeming_root(folder, absolute)):
        top = found
    root: Tree = Root(top)
    inside = root.inside(absolute)
    if not root.is_folder(inside):
        what = "is not below" if disk.is_folder(top) else "has to be below a folder that is missing:"
        hint = "write root: for the folder that has etc, relative to the test file, or leave it out"
        sink.report(TS007, f"{folder} {what} {top}", suite.site.span, hint=hint)
        return None
    if root.is_real and not absolute.startswith("/etc/"):
        root, inside = Mounted(folder, _KNOWN_AS[dialect]), _KNOWN_AS[dialect]
    return Located(dialect, inside, _with_users(root, suite.world))


def _dialect(folder: str, disk: Tree) -> str | None:
    try:
        names = disk.list(folder)
    except OSError:
        return None
    if "main.cf" in names:
        return "postfix"
    return "sendmail" if any(name == "sendmail.cf" or name.endswith(".mc") for name in names) else None


def _seeming_root(folder: str, absolute: str) -> str:
    """Of examples/postfix/etc/postfix, examples/postfix; "" where the folder has another name."""
    above, name = os.path.split(absolute)
    top, etc = os.path.split(above)
    if etc != "etc" or name not in ("postfix", "mail"):
        return ""
    return top if folder.startswith("/") else os.path.relpath(top)


def _with_users(root: Tree, world: TestWorld) -> Tree:
    if world.users is None:
        return root
    lines = [
        f"{name}:x:{number}:{number}::{home}:/bin/sh\n"
        for number, (name, home) in enumerate(world.users.items(), USERS_FROM)
    ]
    changed = Overlay(root, {"/etc/passwd": "".join(lines).encode()})
    changed.is_real = False
    return changed
