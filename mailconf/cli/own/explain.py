"""``mailconf explain DIR``: what a configuration would do with a message, and why, without sending it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from mailconf.cli.own.site import FS001, directory_option, format_option, root_option, version_option
from mailconf.cli.shared.report import show
from mailconf.diagnostics import Sink
from mailconf.files import Root

if TYPE_CHECKING:
    from mailconf.cli.own.explain_asked import Asked
    from mailconf.cli.own.explain_print import Shown
    from mailconf.cli.own.explain_sites import Prepared


@click.command()
@directory_option
@root_option
@click.option(
    "--client", default="127.0.0.1", metavar="ADDR[,NAME]", help="The client; NAME is its verified name. Or NAME[ADDR]."
)
@click.option("--helo", default=None, metavar="NAME", help="The name that the client sends in EHLO; empty: nothing.")
@click.option("--from", "sender", default="", metavar="ADDR", help="The envelope sender; empty for the null sender.")
@click.option("--to", "recipients", multiple=True, metavar="ADDR", help="A recipient; may be repeated.")
@click.option(
    "--session",
    default=None,
    metavar="FILE",
    help="Play the SMTP dialogue of a client, in FILE or, for -, as it is typed. Nothing is sent.",
)
@click.option(
    "--message",
    default=None,
    metavar="FILE",
    help="The message, with its header: checks of its fields and of its lines are asked. -: standard input.",
)
@click.option("--size", default=0, metavar="BYTES", type=click.IntRange(0, 1 << 62), help="The message's size.")
@click.option("--sasl", default="", metavar="USER", help="The name that the client has logged in with.")
@click.option(
    "--service",
    default="",
    metavar="NAME",
    help="The smtpd of master.cf that is asked, by its name, that of its postscreen, or its port (default: port 25).",
)
@click.option("--online", is_flag=True, help="Ask the real DNS and policy services; without, they fail for now.")
@click.option(
    "--dns",
    "records",
    multiple=True,
    metavar="NAME:TYPE[=VALUE,...]",
    help="The records of NAME in the DNS; without a value: there is no such record. May be repeated.",
)
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="ENDPOINT=ACTION",
    help="What the policy service at ENDPOINT (unix:private/policyd) answers. May be repeated.",
)
@click.option(
    "--expect",
    default="",
    metavar="OUTCOME|CODE",
    help="What every recipient has to come to: OK, REFUSED, BOUNCE, DEFER, DISCARD, HOLD, or a reply code such as 554.",
)
@click.option("--full", is_flag=True, help="Show everything that was asked, also what found nothing.")
@click.option("--transcript", is_flag=True, help="Show the SMTP dialogue in place of the reasons.")
@version_option
@format_option
def command(
    directory: str,
    root: str,
    client: str,
    helo: str | None,
    sender: str,
    recipients: tuple[str, ...],
    session: str | None,
    message: str | None,
    size: int,
    sasl: str,
    service: str,
    online: bool,
    records: tuple[str, ...],
    policies: tuple[str, ...],
    expect: str,
    full: bool,
    transcript: bool,
    postfix_version: str | None,
    style: str,
) -> None:
    """Show what becomes of a message to each recipient, and which rule, table, key and line decided that. The first
    line shows which client was assumed, and which service of master.cf answered.

    Without --helo the client gives a name whose address is the client's. Where a map has not been built, its source is
    read, and a note reports it.

    Exit status: 0 answered, also where mail is refused; 1 the configuration is broken; 2 misuse, or no configuration.
    With --expect: 0 it is met by every recipient, 1 it is not.
    """
    from mailconf.cli.own.explain_asked import Asked, read_expected, read_message, read_recipient
    from mailconf.cli.own.explain_print import Shown, console, print_report
    from mailconf.cli.own.explain_sites import Given, prepare
    from mailconf.cli.own.explain_tables import in_one
    from mailconf.insight.explain.document import document_of
    from mailconf.insight.explain.report import report_of
    from mailconf.model.inquiry import inquire

    if session is not None and (recipients or sender or helo is not None or size or expect or transcript or message):
        options = "--helo, --from, --to, --size, --message, --expect, --transcript"
        raise click.UsageError(f"--session has the dialogue: {options} do not go with it.")
    if session is None and not recipients:
        raise click.UsageError("Missing option '--to': name a recipient, or play a dialogue (--session).")
    sent_to = [read_recipient(recipient) for recipient in recipients]
    expected = read_expected(expect)
    content = None if message is None else read_message(message)
    asked = Asked.read(
        client=client,
        helo=helo,
        sender=sender,
        sasl=sasl,
        size=size,
        plays=session is not None,
        online=online,
        records=records,
        policies=policies,
    )
    sink = Sink()
    given = Given(service, postfix_version, asked.records, dict(asked.actions), online)
    prepared = prepare(directory, Root(root), sink, given)
    if prepared is None:
        show(sink)
        sys.exit(2 if any(found.code == FS001.name for found in sink) else 1)
    asked = asked.of(prepared.service, prepared.policy.site)
    shown = Shown(prepared.folder, full, transcript)
    if session is not None:
        _play(prepared, asked, session, style, shown)
        show(in_one(sink))
        sys.exit(1 if sink.failed else 0)
    inquiry = inquire(prepared.policy, prepared.world, asked.session(), sent_to, helo=asked.helo, content=content)
    report = report_of(inquiry, sent_to, prepared.policy, asked.known, content)
    show(in_one(sink))
    if style == "json":
        _print_json(document_of(asked.as_json(), report, expected))
    else:
        print_report(console(), asked, report, shown, expected)
    failed = bool(report.unmet(expected)) if expected else sink.failed
    sys.exit(1 if failed else 0)


def _print_json(document: dict[str, Any]) -> None:
    import json

    click.echo(json.dumps(document, indent=2))


def _play(prepared: Prepared, asked: Asked, name: str, style: str, shown: Shown) -> None:
    """Play the dialogue in the file ``name``, or that of standard input."""
    from mailconf.cli.own.explain_print import console, print_exchange
    from mailconf.cli.own.explain_session import Dialogue, lines_of
    from mailconf.insight.explain.document import VERSION

    dialogue = Dialogue(prepared, asked.session())
    lines = lines_of(name)
    greeting = dialogue.greet()
    if style == "json":
        exchanges = [greeting, *(dialogue.line(line) for line in lines if not dialogue.over)]
        _print_json(
            {"version": VERSION, "asked": asked.as_json(), "dialogue": [exchange.as_json() for exchange in exchanges]}
        )
        return
    out = console()
    typed = name == "-" and sys.stdin.isatty()
    click.echo(f"{asked}")
    if typed:
        click.echo("Type SMTP commands; QUIT ends. Nothing is sent.")
    print_exchange(out, greeting, shown, echo=False)
    unread = 0
    for line in lines:
        if dialogue.over:
            unread += 1
        else:
            print_exchange(out, dialogue.line(line), shown, echo=not typed)
        if typed and dialogue.over:
            break
    if unread:
        click.echo(f"the session is over: {unread} line{'s' * (unread != 1)} not read", err=True)
