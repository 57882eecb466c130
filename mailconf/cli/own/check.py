"""``mailconf check DIR``: what is wrong with a configuration, without changing anything."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import click

from mailconf.check.preferences import FAILING, Preferences, is_code, read_preferences
from mailconf.check.results import Results
from mailconf.cli.own.site import (
    Loaded,
    LoadedEtcMail,
    SiteOptions,
    library_option,
    load,
    root_option,
    shell_option,
    version_option,
)
from mailconf.cli.shared.report import show
from mailconf.diagnostics import Diagnostic, Sink
from mailconf.encoding import encode
from mailconf.files import Overlay, Root, Tree

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit")  # of `mailconf.cli.shared.formats`, and text


@click.command()
@click.argument("paths", metavar="DIR|FILE...", nargs=-1, required=True, type=click.Path())
@root_option
@click.option(
    "--as",
    "known_as",
    metavar="NAME",
    help="What the configuration calls DIR (/etc/postfix): nothing outside of DIR is looked at. With a FILE, the file "
    "of the machine that it is checked as (/etc/postfix/main.cf).",
)
@click.option("--format", "style", default="text", type=click.Choice(FORMATS), help="How findings are printed.")
@click.option("--select", metavar="CODES", help="Only these: PF204,TB, or what codes begin with.")
@click.option("--ignore", metavar="CODES", help="Not these.")
@click.option(
    "--fail-on",
    type=click.Choice(tuple(FAILING)),
    help="What makes the exit status 1: errors, errors and warnings (without this option), or nothing.",
)
@click.option("--baseline", metavar="FILE", help="Findings that this file has do not count.")
@click.option("--write-baseline", metavar="FILE", help="Write a baseline with what is found now.")
@click.option("--fix", is_flag=True, help="Correct what has one certain correction, and report what is left.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@library_option
@shell_option
@version_option
def command(
    paths: tuple[str, ...],
    root: str,
    known_as: str | None,
    style: str,
    select: str | None,
    ignore: str | None,
    fail_on: str | None,
    baseline: str | None,
    write_baseline: str | None,
    fix: bool,
    diff: bool,
    cf_library: str,
    allow_shell: bool,
    postfix_version: str | None,
) -> None:
    """Report every mistake in the configuration in DIR (an /etc/postfix, an /etc/mail) and in its tables.

    With FILEs, the configurations that they belong to are checked as they lie, as in a repository: what is not there is
    not looked for on the machine. What counts can be set in a mailconf.toml beside the configuration, and by comments:
    `# mailconf: ignore[CODE] reason` (docs/ci.md).

    Exit status: 0 nothing found, 1 errors or warnings (--fail-on), 2 misuse, or there is nothing that could be checked.
    Notes never count. With --fix it is about what is left; with --diff it is 1 also where something would change.
    """
    from mailconf.cli.own.check_sites import sites_of

    if fix + diff + (write_baseline is not None) > 1:
        raise click.UsageError("--fix, --diff and --write-baseline: give one of them.")
    if diff and style != "text":
        raise click.UsageError(
            "--diff prints a diff: it has no other --format. JSON and SARIF hold each finding's fix."
        )
    sites = sites_of(paths, root, known_as)
    if fix and any(isinstance(site.tree, Overlay) for site in sites):
        raise click.UsageError("--fix with --as FILE: give --diff, and apply what it shows to your file.")
    if len(sites) > 1 and (baseline is not None or write_baseline is not None):
        raise click.UsageError("--baseline and --write-baseline are for one configuration.")
    options = SiteOptions(cf_library, allow_shell, postfix_version)
    wanted = _Wanted(select, ignore, fail_on, baseline, write_baseline, fix, diff)
    checked = [_check(directory, tree, options, wanted, style) for directory, tree, _ in sites]
    if diff:
        for (_, _, shown), (results, _) in zip(sites, checked, strict=True):
            click.echo(f"{shown}: {results}", err=True)
    elif style == "text":
        for (_, _, shown), (results, _) in zip(sites, checked, strict=True):
            for line in results.fixed_lines():
                click.echo(line, err=True)
            show(results.findings)
            click.echo(f"{shown}: {results}")
            if results.fixable and not fix:
                click.echo(f"{results.fixable} of them can be corrected: --diff shows how, --fix does it")
    else:
        _print(Results.together([results for results, _ in checked]), style)
    sys.exit(max(status for _, status in checked))


class _Wanted(NamedTuple):
    """What the command line says of what counts."""

    select: str | None
    ignore: str | None
    fail_on: str | None
    baseline: str | None
    write_baseline: str | None
    fix: bool = False
    diff: bool = False


def _check(directory: str, tree: Tree, options: SiteOptions, wanted: _Wanted, style: str) -> tuple[Results, int]:
    """What is found in one configuration, and the exit status; fixes are made, or their diff is shown."""
    if not (wanted.fix or wanted.diff):
        looked = _look(directory, tree, options, wanted, style)
        return looked.results, 1 if looked.fails else 0
    from mailconf.check.fixes import Fixing, unified

    fixing = Fixing(directory, tree)
    looked = _look(directory, tree, options, wanted, style)
    while fixing.step(looked.results.findings, looked.names):
        looked = _look(directory, fixing.tree, options, wanted, style)
    changed = fixing.changed()
    if wanted.diff:
        _put(unified(changed, tree))
    else:
        try:
            fixing.write()
        except OSError as failure:
            raise click.UsageError(f"--fix: {failure.filename}: {failure.strerror}.") from failure
    results = looked.results._replace(fixed=fixing.fixed)
    return results, 1 if looked.fails or (wanted.diff and changed) else 0


def _put(text: str) -> None:
    """A diff: its bytes as they are, except on a terminal, which no file may drive."""
    stream = sys.stdout
    if stream.isatty():
        stream.write("".join(c if c.isprintable() or c in "\t\n" else repr(c)[1:-1] for c in text))
    else:
        click.echo(encode(text), nl=False)


class _Looked(NamedTuple):
    """What was found, whether that makes the exit status 1, and the files of the configuration."""

    results: Results
    fails: bool
    names: list[str]


def _look(directory: str, tree: Tree, options: SiteOptions, wanted: _Wanted, style: str) -> _Looked:
    sink = Sink()
    preferences = read_preferences(tree.inside(tree.path(directory)), tree, sink)
    loaded = load(directory, tree, sink, options)
    if preferences is None or loaded is None:
        _fail(sink, style)
    preferences = _over(preferences, wanted)
    _run(loaded, sink)
    shown = str(tree.shown(tree.path(directory)))
    names = list(map(str, _texts(loaded)))
    found, ignored = _selected(sink.sorted(), names, preferences, shown, tree)
    if wanted.write_baseline is not None:
        _write(wanted.write_baseline, found, shown)
        return _Looked(Results(found, ignored), False, [])
    known = 0
    name = _beside(preferences.baseline, directory, tree) if wanted.baseline is None else wanted.baseline
    if name:
        from mailconf.check.baseline import without_known

        told = Sink()
        left = without_known(found, name, shown, tree if wanted.baseline is None else Root(), told)
        if left is None:
            _fail(told, style)
        found, known = left
    return _Looked(Results(found, ignored, known), preferences.fails(found), names)


def _run(loaded: Loaded | LoadedEtcMail, sink: Sink) -> None:
    if isinstance(loaded, LoadedEtcMail):
        from mailconf.check.sendmail.etc_mail import check_etc_mail

        check_etc_mail(loaded.etc_mail, sink)
    else:
        from mailconf.check.rules import check

        check(loaded.configuration, loaded.site, loaded.root, sink)


def _over(preferences: Preferences, wanted: _Wanted) -> Preferences:
    """The command line's choice before the file's."""
    return preferences._replace(
        select=preferences.select if wanted.select is None else _codes("--select", wanted.select),
        ignore=preferences.ignore if wanted.ignore is None else _codes("--ignore", wanted.ignore),
        fail_on=wanted.fail_on or preferences.fail_on,
    )


def _codes(option: str, text: str) -> tuple[str, ...]:
    codes = tuple(text.replace(",", " ").split())
    for code in codes:
        if not is_code(code):
            raise click.UsageError(f"{option} {code}: this is no code, such as PF012, nor the beginning of codes.")
    return codes


def _selected(
    found: list[Diagnostic], names: list[str], preferences: Preferences, directory: str, tree: Tree
) -> tuple[list[Diagnostic], int]:
    """The findings that neither a comment nor the preferences take back, and the number of the others.

    names  the files in which a comment may be
    """
    from mailconf.check.causes import joined
    from mailconf.check.ignores import without_ignored
    from mailconf.check.templates import without_placeholders

    kept, ignored = without_ignored(found, names, tree)
    kept = joined(without_placeholders(kept, names, tree))
    left = [diagnostic for diagnostic in kept if preferences.counts(diagnostic, directory)]
    hidden = sum(d.stands_for for d in kept) - sum(d.stands_for for d in left)
    return left, ignored + hidden


def _texts(loaded: Loaded | LoadedEtcMail) -> Iterable[Path]:
    """The files in which a comment may ignore a finding."""
    return dict.fromkeys([*loaded.inputs(), *(target.source for target in loaded.plan(Sink()))])


def _beside(name: str, directory: str, tree: Tree) -> str:
    """A file that mailconf.toml names, relative to its own folder."""
    return name if not name or name.startswith("/") else f"{tree.inside(tree.path(directory)).rstrip('/')}/{name}"


def _write(name: str, found: list[Diagnostic], directory: str) -> None:
    from pathlib import Path

    from mailconf.check.baseline import written
    from mailconf.files import replace

    try:
        with replace(Path(name)) as file:
            file.write(written(found, directory))
    except OSError as failure:
        raise click.UsageError(f"--write-baseline {name}: {failure.strerror}.") from failure


def _fail(sink: Sink, style: str) -> NoReturn:
    """End where the configuration could not be looked at as it was asked."""
    if style == "text":
        show(sink)
    else:
        _print(Results(sink.sorted()), style)
    sys.exit(2)


def _print(results: Results, style: str) -> None:
    from mailconf.cli.shared import formats

    sys.stdout.write(formats.FORMATS[style](results))
