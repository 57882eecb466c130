"""``mailconf explain DIR``: what a configuration would do with a message, and why, without sending it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from mailconf.cli.report import show
from mailconf.cli.site import Loaded, directory_option, format_option, load_site, root_option
from mailconf.diagnostics import Sink

if TYPE_CHECKING:
    from mailconf.model.inquiry import Destination, Inquiry
    from mailconf.model.site import Service
    from mailconf.model.trace import Trace
    from mailconf.model.verdict import Delivery, Session
    from mailconf.model.world import Records


@click.command()
@directory_option
@root_option
@click.option("--client", default="127.0.0.1", metavar="ADDR[,NAME]", help="The client; NAME is its verified name.")
@click.option("--helo", default="localhost", metavar="NAME", help="What the client says in EHLO.")
@click.option("--from", "sender", default="", metavar="ADDR", help="The envelope sender; empty for the null sender.")
@click.option("--to", "recipients", multiple=True, required=True, metavar="ADDR", help="A recipient; may be repeated.")
@click.option("--size", default=0, metavar="BYTES", help="The message's size.")
@click.option("--sasl", default="", metavar="USER", help="The name that the client has logged in with.")
@click.option(
    "--service", default="", metavar="NAME", help="The smtpd of master.cf that is asked (default: the first)."
)
@click.option("--online", is_flag=True, help="Ask the real DNS and policy services; without, they fail for now.")
@click.option(
    "--dns",
    "records",
    multiple=True,
    metavar="NAME:TYPE[=VALUE,...]",
    help="What the DNS says of NAME; without a value: there is no such record. May be repeated.",
)
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="ENDPOINT=ACTION",
    help="What the policy service at ENDPOINT (unix:private/policyd) answers. May be repeated.",
)
@click.option("--full", is_flag=True, help="Show what was looked up in vain, too.")
@format_option
def command(
    directory: str,
    root: str,
    client: str,
    helo: str,
    sender: str,
    recipients: tuple[str, ...],
    size: int,
    sasl: str,
    service: str,
    online: bool,
    records: tuple[str, ...],
    policies: tuple[str, ...],
    full: bool,
    style: str,
) -> None:
    """Show the reply to each SMTP command and the rule, table, key and line that led to it; for accepted recipients
    where the mail would go.

    Exit status: 0 answered, whatever the answer is; 1 the configuration is broken.
    """
    from mailconf.model.fileworld import FileWorld
    from mailconf.model.inquiry import inquire
    from mailconf.postfix.policy import compile_policy
    from mailconf.postfix.unserved import report_unserved

    sink = Sink()
    loaded = load_site(directory, root, sink)
    if loaded is None:
        show(sink)
        sys.exit(1)
    asked = _service(loaded, service)
    policy = compile_policy(loaded.configuration, sink, asked)
    report_unserved(loaded.configuration, [asked] if asked else [], sink)
    world = FileWorld(
        loaded.root,
        dns=_dns(records),
        policies=_policies(policies),
        online=online,
        transitional=policy.site.idna2003,
    )
    session = _session(client, sender, size, sasl)
    inquiry = inquire(policy, world, session, recipients, helo=helo)
    show(sink)
    if style == "json":
        click.echo(json.dumps(_as_json(inquiry), indent=2))
    else:
        _print(inquiry, full)
    sys.exit(1 if sink.failed else 0)


def _service(loaded: Loaded, name: str) -> Service | None:
    if not name:
        return loaded.site.listeners[0] if loaded.site.listeners else None
    for service in loaded.site.listeners:
        if service.name == name:
            return service
    known = ", ".join(service.name for service in loaded.site.listeners)
    raise click.BadParameter(f"master.cf has no smtpd service {name}; it has {known}", param_hint="--service")


def _dns(options: tuple[str, ...]) -> dict[tuple[str, str], Records]:
    """``zen.example:A=127.0.0.2``: the fixtures of a `FileWorld`."""
    from mailconf.model.world import Outcome, Records

    found: dict[tuple[str, str], Records] = {}
    for option in options:
        question, _, values = option.partition("=")
        name, colon, kind = question.rpartition(":")
        if not colon or not name or not kind.isalnum():
            raise click.BadParameter(f"{option} is not NAME:TYPE=VALUE", param_hint="--dns")
        answers = tuple(value.strip().rstrip(".") for value in values.split(",") if value.strip())
        found[name.lower().rstrip("."), kind.upper()] = Records(Outcome.FOUND if answers else Outcome.ABSENT, answers)
    return found


def _policies(options: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for option in options:
        endpoint, equals, action = option.partition("=")
        if not equals or not endpoint or not action:
            raise click.BadParameter(f"{option} is not ENDPOINT=ACTION", param_hint="--policy")
        found[endpoint] = action
    return found


def _session(client: str, sender: str, size: int, sasl: str) -> Session:
    from mailconf.model.address import internal
    from mailconf.model.verdict import Session

    address, _, name = client.partition(",")
    session = Session(client_address=address, sender=internal(sender), size=size)
    if name:
        session.client_name = session.reverse_name = name
    if size:
        session.sender_parameters["SIZE"] = str(size)
    if sasl:
        session.sasl_method, session.sasl_username = "plain", sasl
    return session


def _print(inquiry: Inquiry, full: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)

    def reason(trace: Trace, indent: str) -> None:
        for line in trace.lines(full=full):
            console.print(Text(f"{indent}{line}", "dim"))

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
