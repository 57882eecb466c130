"""What is wrong in an /etc/mail: in each .mc, in every table that is built and every class file, in what they became.

A .mc is checked as `mailconf.check.sendmail.mc` describes; tables and class files in the roles that the .mc gives them
(`mailconf.tables.sendmail_roles`); the plan decides whether what is built is current (`mailconf.build.etc_mail`).
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mailconf.build.compile import read_source
from mailconf.build.compile_etc_mail import compile_etc_mail
from mailconf.build.etc_mail import CF, EtcMail
from mailconf.build.plan import Target
from mailconf.check.maps import CK010, check_maps, unbuilt
from mailconf.check.sendmail import unread
from mailconf.check.sendmail.hosts_access import hosts_files
from mailconf.check.sendmail.mailers import defined, mailer_tables, relays
from mailconf.check.sendmail.mc import OWN_MC_RULES, check_mc
from mailconf.check.sendmail.rules import SITE_RULES
from mailconf.check.sendmail.subject import McText, Written
from mailconf.check.sendmail.table_entries import entries
from mailconf.check.sendmail.unreached import unreached
from mailconf.diagnostics import Severity, Sink, error
from mailconf.edits import swapped
from mailconf.maps.reference import TableRef
from mailconf.model.site import ListFile
from mailconf.sendmail.cf.read import read_cf
from mailconf.sendmail.cf_mistakes import report_cf
from mailconf.sendmail.mc.expansion import NO_LIBRARY, SM901
from mailconf.sendmail.site import site_of_cf
from mailconf.source import Source, Span, decode
from mailconf.tables.sendmail_roles import read_sendmail_table

if TYPE_CHECKING:
    from mailconf.sendmail.mc.expansion import Expanded

SM026 = error("SM026", "a table or class file that begins with a byte order mark")
r"""Why: editors of other systems put a byte order mark at the beginning of a file. makemap, newaliases and sendmail
take it for a part of the first key or word, which then matches nothing.

Example:
    # sendmail.mc
    FEATURE(`access_db')dnl
    $ printf '\357\273\277Connect:192.0.2.1 REJECT\n' > /etc/mail/access

Remedy: save the file as UTF-8 without a byte order mark.

Source: observed with makemap, newaliases and sendmail 8.17.1.9.
"""

CK020 = error("CK020", "a class file that sendmail needs does not exist, or cannot be read")
"""Why: sendmail reads the files of its classes when it starts, and stops where one is missing, unless its line has -o:
"fileclass: cannot open", exit status 71.

Example:
    # sendmail.mc
    FEATURE(`use_cw_file')dnl

Remedy: create the file, which may be empty.

Source: Sendmail Installation and Operation Guide, "C and F - Define Classes"; cf/README use_cw_file; observed with
sendmail 8.17.1.9.
"""


def check_etc_mail(etc_mail: EtcMail, sink: Sink) -> None:
    """Report everything into ``sink``; nothing is changed."""
    subjects: list[Written] = []
    places: dict[TableRef | str, Span] = {}
    libraries = [etc_mail.library_of(name) for name in etc_mail.sources()]
    lost = False
    for name, library in zip(etc_mail.sources(), libraries, strict=True):
        path = etc_mail.folder / name
        found = check_mc(path, library, sink, root=etc_mail.root, allow_shell=etc_mail.allow_shell)
        own = etc_mail.is_own(name)
        if own:
            expanded = etc_mail.expand(path, sink)
            places = {**etc_mail.own_places(name), **places}
            if found is None and expanded is not None and not expanded.failed:
                found = _own(path, expanded, etc_mail, sink)
        lost |= own is None
        if found is not None:
            if found.mc is not None and not found.own:
                etc_mail.know(name, found.mc.expanded)
            subjects.append(found)
            places.update((use.table, use.span) for use in found.site.tables if use.span)
    if lost:
        sink.report(
            SM901,
            "only the text of the .mc files is checked: there is no library of m4 macros for sendmail",
            file=str(etc_mail.folder),
            tree=etc_mail.root,
            hint=NO_LIBRARY,
            severity=Severity.WARNING,
        )
    if not etc_mail.sources() and (alone := _cf_alone(etc_mail, sink)) is not None:
        subjects.append(alone)
    etc_mail.places = places
    sites = [subject.site for subject in subjects]
    mailers = defined(sites)
    makers = {name for library in libraries if library is not None for name in library.available("mailer")}
    for site in sites:
        relays(site, mailers, makers, sink)
    class_files((file for site in sites for file in site.list_files), etc_mail, sink)
    hosts_files(etc_mail.directory, etc_mail.root, sink)
    targets = tables(etc_mail, sink)
    mailer_tables(etc_mail.root, targets, mailers, makers, sink)
    unreached(etc_mail, targets, subjects, sink)
    unread.files(etc_mail, sink)
    for subject, cf in zip(subjects, etc_mail.texts, strict=False):
        entries(subject, cf, targets, etc_mail, sink)


def _own(path: Path, expanded: Expanded, etc_mail: EtcMail, sink: Sink) -> Written | None:
    """The rules over a .mc without a library: what it comes to is in the .cf that mailconf has written."""
    from mailconf.check.sendmail.own_cf import own_written

    subject = own_written(path, expanded, etc_mail.root)
    if subject is not None and subject.mc is not None:
        text = McText(subject.mc, subject.mc.expanded.library)
        for mc_rule in OWN_MC_RULES:
            mc_rule(text, sink)
        for rule in SITE_RULES:
            rule(subject, sink)
    return subject


def _cf_alone(etc_mail: EtcMail, sink: Sink) -> Written | None:
    """A sendmail.cf without a .mc, which is checked as what a .mc comes to is."""
    path = etc_mail.folder / "sendmail.cf"
    try:
        data = etc_mail.root.read(path) if etc_mail.root.is_file(path) else b""
    except OSError:
        return None  # the plan reports it
    source = Source(str(path), decode(data))
    report_cf(source, etc_mail.root, sink)
    if not data:
        return None
    cf = read_cf(source)
    subject = Written(cf, site_of_cf(cf, etc_mail.directory), etc_mail.root)
    for rule in SITE_RULES:
        rule(subject, sink)
    return subject


def class_files(files: Iterable[ListFile], etc_mail: EtcMail, sink: Sink) -> None:
    """The files of classes, each once."""
    seen = set()
    for file in files:
        path = etc_mail.root.path(file.path)
        if path in seen or not file.path.startswith("/"):
            continue
        seen.add(path)
        try:
            if etc_mail.root.exists(path) and not etc_mail.root.is_file(path):  # a pipe may never end
                raise OSError(errno.EINVAL, "it is no file")
            source = Source.read(etc_mail.root, path)
        except OSError as failure:
            absent = isinstance(failure, FileNotFoundError)
            if not (absent and (file.optional or not etc_mail.root.covers(path))):
                hint = f"sendmail does not start without it: create it, if need be empty, or write -o {file.path}"
                sink.report(CK020, f"{file.path} cannot be read: {failure.strerror}", file.span, hint=hint)
            continue
        byte_order_mark(source, sink)
        read_sendmail_table("class", source, sink)


def byte_order_mark(source: Source, sink: Sink) -> None:
    """SM026: makemap, newaliases and sendmail take the mark for a part of the first key or word."""
    if source.text.startswith("\ufeff"):
        message = "the file begins with a byte order mark, which sendmail takes for a part of its first word"
        span, hint = source.span(0, 1), "save the file as UTF-8 without a byte order mark"
        sink.report(SM026, message, span, hint=hint, fix=swapped(span, "\ufeff", ""))


def tables(etc_mail: EtcMail, sink: Sink) -> list[Target]:
    """The tables, and whether what is built is what it should be; gives the tables' maps."""
    found = Sink()
    targets = etc_mail.plan(found)
    for diagnostic in found:
        if diagnostic.code.startswith("BD"):  # the rest is of the .mc files, which have been checked
            sink.add(diagnostic)
    maps = [_placed(target, etc_mail) for target in targets if target.type != CF]
    compile_etc_mail(etc_mail, maps, sink)
    for target in maps:
        read = read_source(etc_mail.root, target, Sink())  # who builds it has reported what cannot be read
        if read is not None and read.data.startswith(b"\xef\xbb\xbf"):
            byte_order_mark(Source(str(target.source), decode(read.data)), sink)
    built = [target for target in targets if target.type == CF] + maps
    if unbuilt(built, etc_mail.root, etc_mail.directory, sink):
        return maps
    for target in targets:
        if target.type == CF and target.reason:
            hint = f"run mailconf build {etc_mail.directory}"
            message = f"this file is not current: {target.reason}"
            sink.report(CK010, message, file=str(target.target), tree=etc_mail.root, hint=hint)
    check_maps(maps, etc_mail.root, etc_mail.directory, sink)
    return maps


def _placed(target: Target, etc_mail: EtcMail) -> Target:
    """The same target, with places in the .mc where there are any."""
    return target._replace(uses=tuple(use._replace(span=etc_mail.place(use)) for use in target.uses))
