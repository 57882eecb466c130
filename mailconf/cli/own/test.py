"""``mailconf test [FILE|DIR]...``: the cases of test files put to a configuration, and what is not as expected."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailconf.cli.own.site import library_option, own_cf_option, root_option, version_option
from mailconf.cli.shared.report import show
from mailconf.source import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailconf.insight.engines.subject import Options
    from mailconf.insight.run import Run


@click.command()
@click.argument("paths", metavar="[FILE|DIR]...", nargs=-1, type=click.Path())
@click.option("-k", "pattern", default="", metavar="PATTERN", help="Run only cases whose names have PATTERN in them.")
@click.option(
    "--junit",
    "junit",
    default="",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Also write the results as JUnit's XML.",
)
@click.option("--coverage", "covering", is_flag=True, help="Show which parts of the configuration no case has touched.")
@click.option(
    "--record",
    "recorded",
    default="",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Write into FILE the cases that describe what the configuration in DIR does now, which then pass.",
)
@click.option("--schema", is_flag=True, help="Print the JSON schema of test files, for editors, and do nothing else.")
@click.option("--verbose", "-v", is_flag=True, help="Name every case, not only those that fail.")
@click.option(
    "--engine",
    default="model",
    type=click.Choice(["model", "postfix", "sendmail"]),
    help="What answers: mailconf's model, or a private instance of the real program.",
)
@click.option(
    "--sendmail",
    "program",
    default="",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="The sendmail of --engine sendmail, if it is not the installed one.",
)
@root_option
@library_option
@own_cf_option
@version_option
@click.option("--format", "style", default="text", type=click.Choice(["text", "json"]), help="How results are printed.")
def command(
    paths: tuple[str, ...],
    pattern: str,
    junit: str,
    covering: bool,
    recorded: str,
    schema: bool,
    verbose: bool,
    engine: str,
    program: str,
    root: str,
    cf_library: str,
    own_cf: bool,
    postfix_version: str | None,
    style: str,
) -> None:
    """Put the cases of test files to the configurations that they name: the reply to each recipient, and where mail
    goes. Nothing is sent, and nothing outside of the test file and the configuration is asked.

    Of a folder all files are run whose names end in .test.yaml; without FILE and DIR, those of this folder.

    Exit status: 0 every case passed, 1 a case failed, 2 misuse, or something could not be looked at.
    """
    if schema:
        from mailconf.insight.cases.schema import schema_text

        click.echo(schema_text(), nl=False)
        return
    from mailconf.cli.own.test_protocol import refusal
    from mailconf.files import Root
    from mailconf.insight.engines.prepare import EngineOptions
    from mailconf.insight.engines.subject import Options
    from mailconf.insight.run import Run, run_files, test_files

    if covering and engine != "model":
        raise click.UsageError("--coverage is known of the model alone: leave out --engine.")
    options = Options(root, cf_library, own_cf, postfix_version)
    if recorded:
        sys.exit(_record(paths, recorded, options))
    empty = Run(engine)
    files = test_files(paths, Root(root), empty.sink)
    run = empty
    if not empty.sink.failed:
        engines = EngineOptions(engine, program, refusal)
        run = run_files(files, options, engines, pattern=pattern, covering=covering, progress=_progress())
    _print(run, style, verbose=verbose)
    if junit:
        _write_junit(run, junit)
    if pattern and not run.sink.failed and not any(file.results for file in run.files):
        click.echo(f"mailconf test: no case has {pattern!r} in its name", err=True)
    sys.exit(run.status)


def _record(paths: tuple[str, ...], file: str, options: Options) -> int:
    """Write a test file about the one configuration that ``paths`` names; the exit status."""
    from mailconf.cli.own.test_protocol import refusal
    from mailconf.diagnostics import Sink
    from mailconf.files import replace
    from mailconf.insight.engines.prepare import prepare
    from mailconf.insight.record import empty_suite, record

    if len(paths) != 1:
        raise click.UsageError("--record FILE is about one configuration: name its folder.")
    sink = Sink()
    suite = empty_suite(paths[0], file)
    subject = prepare(suite, options, sink)
    show(sink)
    if subject is None:
        return 2
    text = record(subject, suite, refusal)
    try:
        with replace(Path(file)) as written:
            written.write(encode(text))
    except OSError as failure:
        raise click.UsageError(f"{file}: {failure.strerror}.") from failure
    cases = text.count("\n  - {")
    click.echo(f"{file}: {cases} cases")
    return 0


def _progress() -> Callable[[int, int], None]:
    if not sys.stderr.isatty():
        return lambda done, total: None
    from mailconf.cli.shared.progress import bar

    return bar("testing", "cases")


def _print(run: Run, style: str, *, verbose: bool) -> None:
    from mailconf.cli.own import test_output

    if style == "json":
        click.echo(test_output.as_json(run), nl=False)
        return
    show(run.sink)
    test_output.show_run(run, verbose=verbose)


def _write_junit(run: Run, path: str) -> None:
    from mailconf.cli.own.test_output import as_junit
    from mailconf.files import replace

    try:
        with replace(Path(path)) as file:
            file.write(as_junit(run).encode())
    except OSError as failure:
        raise click.UsageError(f"{path}: {failure.strerror}.") from failure
