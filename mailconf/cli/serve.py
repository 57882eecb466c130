"""``mailconf serve DIR``: run the configuration in the reference MTA."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from mailconf.cli.report import plain, show
from mailconf.cli.site import Loaded, directory_option, load_site, root_option
from mailconf.diagnostics import Severity, Sink

if TYPE_CHECKING:
    from mailconf.model.policy import Policy
    from mailconf.mta.server import Address


@click.command()
@directory_option
@root_option
@click.option(
    "--listen",
    "addresses",
    multiple=True,
    metavar="HOST:PORT",
    help="Listen here instead of where master.cf says; may be given several times. Port 0 is a free port.",
)
def command(directory: str, root: str, addresses: tuple[str, ...]) -> None:
    """Serve SMTP as the configuration in DIR says, with the maps that were built from it.

    SIGTERM ends it when the transactions under way are done; SIGHUP reads the configuration anew, and a broken one
    leaves the running one in force. The log goes to standard error. Exit status: 0 ended as asked, 1 the configuration
    is broken or cannot be served, 2 misuse.
    """
    listen = [_address(text) for text in addresses]
    sink = Sink()
    loaded = load_site(directory, root, sink)
    if loaded is None:
        show(sink)
        sys.exit(1)
    sys.exit(_serve(directory, root, listen, loaded))


def _serve(directory: str, root: str, listen: list[Address], first: Loaded) -> int:
    from mailconf.model.fileworld import FileWorld
    from mailconf.mta.log import Log
    from mailconf.mta.queue import QueueError
    from mailconf.mta.server import BrokenConfiguration, Server, run
    from mailconf.postfix.policy import compile_policy

    log = Log(hostname=first.site.hostname.value, name=first.site.syslog_name)

    def compile() -> Policy:
        sink = Sink()
        loaded = load_site(directory, root, sink)
        policy = compile_policy(loaded.configuration, sink) if loaded else None
        for line in plain(sink.sorted()):
            log("master", line)
        if policy is None or sink.failed:
            count = sum(d.severity is Severity.ERROR for d in sink)
            raise BrokenConfiguration(f"{count} errors in {directory}")
        return policy

    def ready(bound: list[Address]) -> None:
        for host, port in bound:
            log("master", f"listening on {f'[{host}]' if ':' in host else host}:{port}")

    server = Server(
        compile,
        lambda: FileWorld(first.root, trace=False),
        listen or first.listen_addresses(),
        log=log,
        root=first.root,
        ready=ready,
    )
    try:
        run(server)
    except (BrokenConfiguration, QueueError, OSError) as failure:
        log("master", f"fatal: {failure}")
        return 1
    return 0


def _address(text: str) -> Address:
    """``HOST:PORT``, ``[HOST]:PORT`` or ``:PORT`` as a pair; raises click's BadParameter."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter(f"{text} is not HOST:PORT", param_hint="--listen")
    return host or "0.0.0.0", int(port)
