"""``mailconf explain DIR``: what a configuration would do with a message, and why, without sending it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from mailconf.cli.own.site import Loaded, directory_option, format_option, load_site, root_option, version_option
from mailconf.cli.shared.report import show
from mailconf.diagnostics import Sink
from mailconf.files import Root

if TYPE_CHECKING:
    from mailconf.cli.own.explain_asked import Asked
    from mailconf.model.inquiry import Destination, Inquiry
    from mailconf.model.site import Service
    from mailconf.model.trace import Trace
    from mailconf.model.verdict import Delivery


@click.command()
@directory_option
@root_option
@click.option(
    "--client", default="127.0.0.1", metavar="ADDR[,NAME]", help="The client; NAME is its verified name. Or NAME[ADDR]."
)
@click.option("--helo", default=None, metavar="NAME", help="The name that the client sends in EHLO; empty: nothing.")
@click.option("--from", "sender", default="", metavar="ADDR", help="The envelope sender; empty for the null sender.")
@click.option("--to", "recipients", multiple=True, required=True, metavar="ADDR", help="A recipient; may be repeated.")
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
@click.option("--full", is_flag=True, help="Also show lookups that found nothing.")
@version_option
@format_option
def command(
    directory: str,
    root: str,
    client: str,
    helo: str | None,
    sender: str,
    recipients: tuple[str, ...],
    size: int,
    sasl: str,
    service: str,
    online: bool,
    records: tuple[str, ...],
    policies: tuple[str, ...],
    full: bool,
    postfix_version: str | None,
    style: str,
) -> None:
    """Show the reply to each SMTP command and the rule, table, key and line that led to it; for accepted recipients
    where the mail would go. The first line shows which client was assumed, and which service of master.cf answered.

    Without --helo the client gives a name whose address is the client's. Where a map has not been built, its source is
    read, and a note reports it.

    Exit status: 0 answered, also where mail is refused; 1 the configuration is broken; 2 misuse.
    """
    from mailconf.cli.own import explain_asked
    from mailconf.cli.own.explain_tables import Unbuilt
    from mailconf.model.fileworld import FileWorld
    from mailconf.model.inquiry import inquire
    from mailconf.postfix.policy.policy import compile_policy
    from mailconf.postfix.settings.listeners import report_missing
    from mailconf.postfix.settings.protocol import report_protocol
    from mailconf.postfix.settings.unserved import report_unserved

    who = explain_asked.read_client(client)
    said = explain_asked.DEFAULT_HELO if helo is None else explain_asked.read_helo(helo)
    sent_by = explain_asked.read_sender(sender)
    sent_to = [explain_asked.read_recipient(recipient) for recipient in recipients]
    user = explain_asked.read_user(sasl)
    answers = explain_asked.read_dns(records)
    actions = explain_asked.read_policies(policies)
    if helo is None:
        explain_asked.add_address(answers, said, who)
    sink = Sink()
    loaded = load_site(directory, Root(root), sink, version=postfix_version)
    if loaded is None:
        show(sink)
        sys.exit(1)
    smtpd = _service(loaded, service)
    report_missing(loaded.configuration, sink)
    asked = explain_asked.Asked(who, said, sent_by, user, smtpd)
    policy = compile_policy(loaded.configuration, sink, smtpd)
    report_protocol(loaded.configuration, [smtpd] if smtpd else [], sink)
    report_unserved(loaded.configuration, [smtpd] if smtpd else [], sink)
    unbuilt = Unbuilt(loaded, sink, policy.smtpd.knows_restriction)
    world = FileWorld(
        loaded.root,
        dns=answers,
        policies=actions,
        online=online,
        instead=unbuilt,
        transitional=policy.site.idna2003,
        ports=policy.site.ports,
    )
    inquiry = inquire(policy, world, asked.session(size), sent_to, helo=said)
    show(sink)
    if style == "json":
        click.echo(json.dumps({"asked": asked.as_json(), **_as_json(inquiry)}, indent=2))
    else:
        _print(asked, inquiry, full)
    sys.exit(1 if sink.failed else 0)


def _service(loaded: Loaded, name: str) -> Service | None:
    """The smtpd that ``name`` means; without a name that of port 25."""
    from mailconf.postfix.settings.listeners import all_smtpds, called, default_service

    services = all_smtpds(loaded.configuration)
    if not name:
        return default_service(services, loaded.configuration.ports)
    found = called(services, name, loaded.configuration.ports)
    if found is not None:
        return found
    other = next((s for s in loaded.configuration.services if s.name == name), None)
    what = f"{name} runs {other.program}, not smtpd" if other else f"master.cf has no smtpd service {name}"
    known = ", ".join(dict.fromkeys(service.title for service in services)) or "none"
    raise click.BadParameter(f"{what}; the smtpd services are: {known}", param_hint="--service")


def _print(asked: Asked, inquiry: Inquiry, full: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    class Output(Console):
        def on_broken_pipe(self) -> None:  # rich would exit with 1, which means errors found
            raise BrokenPipeError

    console = Output(highlight=False, soft_wrap=True)

    def reason(trace: Trace, indent: str) -> None:
        for line in trace.lines(full=full):
            console.print(Text(f"{indent}{line}", "dim"))

    console.print(Text(str(asked), "dim"))
    for step in inquiry.steps:
        reply = step.verdict.reply
        console.print(Text.assemble(("> ", "dim"), step.command))
        for number, line in enumerate(reply.lines):
            dash = "-" if number < len(reply.lines) - 1 else " "
            console.print(Text(f"< {reply.code}{dash}{line}", "green" if reply.positive else "bold red"))
        reason(step.verdict.trace, "      ")
    if inquiry.failure is not None:
        console.print(Text(f"the message would be refused: {inquiry.failure}", "bold red"))
    for original, destinations in inquiry.destinations.items():
        console.print(Text(f"= {original or 'copies'}", "bold"))
        for destination in destinations:
            console.print(Text(f"  {_where(destination)}"))
            for delivery in destination.deliveries:
                console.print(Text(f"    {_what(delivery)}", "green" if delivery.reply is None else "bold red"))
            reason(destination.trace, "      ")


def _where(d: Destination) -> str:
    if d.route.error is not None:
        return f"{d.recipient} has no route: {d.route.error}"
    text = f"{d.recipient} goes to transport {d.route.transport}, nexthop {d.route.nexthop} ({d.route.address_class})"
    if d.outgoing:
        text += f", as {d.outgoing} from <{d.outgoing_sender}>"
    return text


def _what(d: Delivery) -> str:
    if d.reply is not None:
        return f"{d.recipient}: {d.reply}"
    return f"{d.recipient} -> {d.kind.value}{f' {d.target}' if d.target else ''}"


def _as_json(inquiry: Inquiry) -> dict[str, Any]:
    return {
        "accepted": inquiry.accepted,
        "failure": str(inquiry.failure) if inquiry.failure else None,
        "steps": [
            {
                "command": step.command,
                "code": step.verdict.reply.code,
                "reply": list(step.verdict.reply.lines),
                "rule": step.verdict.rule or None,
                "log": step.verdict.log or None,
                "effects": [{"kind": e.kind.value, "argument": e.argument} for e in step.verdict.effects],
                "trace": step.verdict.trace.as_json(),
            }
            for step in inquiry.steps
        ],
        "recipients": [
            {"recipient": original or None, "destinations": [_destination_json(d) for d in destinations]}
            for original, destinations in inquiry.destinations.items()
        ],
    }


def _destination_json(d: Destination) -> dict[str, Any]:
    return {
        "recipient": d.recipient,
        "transport": d.route.transport,
        "nexthop": d.route.nexthop,
        "class": d.route.address_class,
        "error": str(d.route.error) if d.route.error else None,
        "outgoing": {"recipient": d.outgoing, "sender": d.outgoing_sender} if d.outgoing else None,
        "deliveries": [
            {
                "kind": delivery.kind.value,
                "target": delivery.target,
                "recipient": delivery.recipient,
                "reply": str(delivery.reply) if delivery.reply else None,
            }
            for delivery in d.deliveries
        ],
        "trace": d.trace.as_json(),
    }
