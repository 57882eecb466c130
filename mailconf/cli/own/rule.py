"""``mailconf rule CODE``: what a finding means, what to do about it, and where that is known from."""

from __future__ import annotations

import json
import sys

import click

from mailconf.check.explanations import PACKAGE, Declaration, declarations, entry_text


@click.command()
@click.argument("codes", metavar="[CODE]...", nargs=-1)
@click.option("--format", "style", default="text", type=click.Choice(["text", "json"]), help="How they are printed.")
def command(codes: tuple[str, ...], style: str) -> None:
    """Explain findings: the mistake, what the servers do with it, the remedy, an example, and the source.

    Without a CODE, list all codes. Exit status: 0 printed, 2 there is no such code.
    """
    if not codes:
        _print(sorted(declarations()), style, brief=True)
        return
    found = {code.upper(): next(declarations(PACKAGE, code.upper()), None) for code in codes if code.isalnum()}
    for code in codes:
        if found.get(code.upper()) is None:
            click.echo(f"mailconf rule: there is no code {code}; mailconf rule lists them", err=True)
    _print([declared for declared in found.values() if declared is not None], style)
    sys.exit(0 if len(found) == len({code.upper() for code in codes}) and all(found.values()) else 2)


def _print(found: list[Declaration], style: str, *, brief: bool = False) -> None:
    if style == "json":
        click.echo(json.dumps([_as_json(declared) for declared in found], indent=2))
    elif brief:
        click.echo("".join(f"{d.code}  {d.severity:7}  {d.title}\n" for d in found), nl=False)
    else:
        click.echo("\n".join(map(entry_text, found)), nl=False)


def _as_json(declared: Declaration) -> dict[str, object]:
    entry = {} if declared.explanation is None else declared.explanation._asdict()
    return {"code": declared.code, "severity": declared.severity, "title": declared.title, **entry}
