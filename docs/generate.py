"""Writes the pages of docs/ that are made from data; ``--check`` only reports which of them are out of date.

Run as ``python docs/generate.py``. tests/test_docs.py runs the check.
"""

from __future__ import annotations

import ast
import itertools
import pkgutil
import sys
import textwrap
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import get_type_hints

from machine_figures import machines
from proof_figures import proof

import mailconf
from mailconf.check.explanations import FAMILIES, Declaration, Family, declarations, example_of, family_of
from mailconf.cli.sendmail import command_options
from mailconf.diagnostics import CODES
from mailconf.maps.build.write import EXTENSIONS, changeable_types
from mailconf.maps.registry import known_types, opener_of
from mailconf.postfix.parameters.catalogue import PARAMETERS, ParameterSet, recorded
from mailconf.postfix.parameters.history import SINCE
from mailconf.postfix.parameters.value_types import type_of
from mailconf.postfix.policy import checks, dns_checks, listings
from mailconf.postfix.settings.machine import SETTLED
from mailconf.postfix.settings.unserved import UNSERVED
from mailconf.sendmail.emit import support as emit_support
from mailconf.sendmail.emit.conf_names import CONF_NAMES
from mailconf.tables import roles, sendmail_roles

DOCS = Path(__file__).resolve().parent
BY_THE_MACHINE = SETTLED | {"config_directory", "process_id", "process_name"}
NOTE = "<!-- Made by docs/generate.py from the program's own data; not to be edited by hand. -->\n"


ABOUT_CHECKS = """
Each finding has one of these codes, and `mailconf rule CODE` prints its entry: the mistake, what the servers do with
it, an example, the remedy and the source. Errors and warnings make check exit 1, notes never do; what counts can be
chosen ([ci.md](../ci.md)). At most 1000 findings of one code in one file are shown, and one more that gives the number
of the others. Of some mistakes one correction is certain: `mailconf check --diff` shows it, and `--fix` makes it.

A finding begins with its place, `file:line:column`. The file is named as it can be opened: below `--root`, in the form
in which that was given (one with `..` becomes the directory that it leads to). A finding about a parameter that is not
set has the first line of main.cf for its place, and one about a file as a whole the first line of that file; only
findings about directories, programs, maps, and files that cannot be read have no line. Messages and hints name files as
the configuration does.
"""
ABOUT_EXAMPLES = """
In an example a line that begins with # and a file's name is followed by lines of that file. Those of main.cf, master.cf
and sendmail.mc are added to a configuration without findings; other files are complete. The last command of an example
reports the code.
"""


@cache
def _entries() -> dict[str, Declaration]:
    """Every declared code that has an entry; importing a module declares its codes."""
    for module in pkgutil.walk_packages(mailconf.__path__, "mailconf."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    return {found.code: found for found in declarations() if found.explanation}


def checks_index() -> str:
    """The index of the pages about findings: every code, by the page that it is on."""
    lines = ["# What mailconf finds", "", NOTE, *_paragraphs(ABOUT_CHECKS), ""]
    _entries()
    for family in FAMILIES:
        lines += [
            f"## [{family.title}]({family.page}.md)",
            "",
            "| code | severity | what it is about |",
            "|---|---|---|",
        ]
        for name, code in sorted(CODES.items()):
            if family_of(name) is family:
                lines.append(f"| {_link(name, family.page)} | {code.severity.value} | {code.title} |")
        lines.append("")
    return "\n".join(lines)


def _link(code: str, page: str) -> str:
    return f"[{code}]({page}.md#{code.lower()})" if code in _entries() else code


def checks_page(family: Family) -> str:
    """The entries of one family."""
    found = [entry for code, entry in sorted(_entries().items()) if family_of(code) is family]
    text = f"{family.about} The [index](index.md) has all codes.\n\n{ABOUT_EXAMPLES.strip()}"
    lines = [f"# {family.title}", "", NOTE, *_paragraphs(text), "", "| code | what it is about |", "|---|---|"]
    lines += [f"| [{entry.code}](#{entry.code.lower()}) | {CODES[entry.code].title} |" for entry in found]
    return "\n".join([*lines, "", *itertools.chain.from_iterable(map(_entry, found))])


def _entry(found: Declaration) -> list[str]:
    """The lines of a code's entry, from the text below its declaration (`mailconf.check.explanations`)."""
    code = CODES[found.code]
    assert found.explanation
    why, example, remedy, source = found.explanation
    return [
        f"## {code.name}",
        "",
        *textwrap.wrap(f"{code.severity.value.title()}: {code.title} (`{found.module}`).", 118),
        "",
        *textwrap.wrap(f"Why: {why.replace('``', '`')}", 118),
        "",
        *_example(example),
        "",
        *textwrap.wrap(f"Remedy: {remedy.replace('``', '`')}", 118),
        "",
        *textwrap.wrap(f"Source: {source.replace('``', '`')}", 118),
        "",
    ]


def _example(text: str) -> list[str]:
    """The files of an example and the command that reports the code, or what describes it in words."""
    files, commands, words = example_of(text)
    if words:
        return textwrap.wrap(f"Example: {' '.join(words.split()).replace('``', '`')}", 118)
    lines = [line for name, content in files.items() for line in (f"# {name}", *content.splitlines())]
    return ["Example:", "", "```", *lines, *(f"$ {command}" for command in commands), "```"]


def _paragraphs(text: str) -> list[str]:
    """The lines of a text, its paragraphs filled, with an empty line between them."""
    filled = ("\n".join(textwrap.wrap(part, 118)) for part in text.strip().split("\n\n"))
    return "\n\n".join(filled).split("\n")


MAP_COLUMNS = """
*Built* is what `postmap`, `makemap` and `mailconf build` write, with the ending of the map's name; *changed*, whether
`postmap -i` and `-d` add and delete entries of a map that is there. *Listed* is `postmap -s`. *In bulk*,
`postmap -q -` looks many keys up together: for lmdb and cdb through the type's library, in processes that may die of a
damaged file. *Departs*: it differs from the original on purpose, as described below. [speed.md](speed.md) compares the
time of building and lookups with the original's.
"""


def maps() -> str:
    """Every lookup type, with what its table class can do."""
    return "\n".join(
        [
            "# Lookup tables",
            "",
            NOTE,
            *textwrap.wrap(MAP_COLUMNS.strip(), 118),
            "",
            "| type | built | changed | listed | in bulk | departs | what it is |",
            "|---|---|---|---|---|---|---|",
            *(_map_row(kind) for kind in known_types()),
            "",
            "## Departures",
            "",
            "| type | the original | mailconf | reason |",
            "|---|---|---|---|",
            *_departures(),
            "",
            "[departures.md](departures.md) has those of the tools, and of every map that is written.",
            "",
        ]
    )


def _departures() -> list[str]:
    """The rows of departures.md that begin with types of maps."""
    rows = (DOCS / "departures.md").read_text(encoding="utf-8").splitlines()
    types = {*known_types(), "internal", "nis"}
    return [row for row in rows if row.startswith("| ") and set(_subjects(row)) <= types]


def _subjects(row: str) -> list[str]:
    return row.split("|")[1].strip().split(", ")


def _map_row(kind: str) -> str:
    if kind == "proxy":
        return "| proxy | - | - | as TYPE | as TYPE | as TYPE | ``proxy:TYPE:NAME`` is the same as ``TYPE:NAME`` |"
    opener = opener_of(kind)
    table = opener if isinstance(opener, type) else get_type_hints(opener)["return"]
    what = (import_module(opener.__module__).__doc__ or "").split("\n")[0].rstrip(".")
    has = [kind in changeable_types(), hasattr(table, "entries"), hasattr(table, "lookup_all")]
    has.append(any(kind in _subjects(row) for row in _departures()))
    abilities = " | ".join("yes" if each else "-" for each in has)
    return f"| {kind} | {EXTENSIONS.get(kind, '-')} | {abilities} | {what.replace('|', '&#124;')} |"


AGENTS = ("smtp_", "lmtp_")  # whose parameters mailconf/postfix/policy/hop_security.py names without them
PROGRAMS = ("smtp", "lmtp", "smtpd")


def endings(node: ast.expr) -> set[str]:
    """What a text says behind the name of a program, which is known when it is run alone; kinds of keys filled in."""
    if isinstance(node, ast.Constant):
        return {str(node.value)}
    if not isinstance(node, ast.JoinedStr) or len(node.values) < 2:
        return set()
    first, *rest = node.values
    parts = rest if isinstance(first, ast.FormattedValue) else node.values
    found = {""}
    for part in parts:
        texts = (str(part.value),) if isinstance(part, ast.Constant) else ("", "mandatory_", "ec", "d", "tls_")
        found = {text + new for text in found for new in texts}
    return found


def support() -> str:
    """Which parameters and restrictions the Policy and the MTA act upon, as their code names them."""
    folder = Path(mailconf.__file__).parent / "postfix"
    named: set[str] = set()
    for path in sorted([*(folder / "settings").glob("*.py"), *(folder / "policy").glob("*.py")]):
        if path.stem not in ("machine", "start_checks"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    named |= {a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)}
                    if ast.unparse(node.func) == "self._value":
                        named |= {f"{program}{ending}" for program in AGENTS for ending in endings(node.args[0])}
                elif isinstance(node, ast.JoinedStr):
                    named |= {f"{program}{ending}" for program in PROGRAMS for ending in endings(node)}
    stages = ("client", "helo", "sender", "relay", "recipient", "data", "end_of_data")
    named |= {f"smtpd_{stage}_restrictions" for stage in stages}
    used = sorted(named & PARAMETERS.keys())
    restrictions = sorted({*checks.CHECKS, *dns_checks.CHECKS, *listings.ACTS})
    return "\n".join(
        [
            "# What of Postfix the Policy knows",
            "",
            NOTE,
            "`postconf` and `check` know every parameter. The Policy, which `explain` asks and `serve` runs, reads",
            f"these {len(used)} of {len(PARAMETERS)} by name. Most of the others have no effect on its answers.",
            "",
            "## Parameters",
            "",
            *textwrap.wrap(", ".join(used), 118),
            "",
            "## Restrictions",
            "",
            *textwrap.wrap(", ".join(restrictions), 118),
            "",
            "and check_*_access for client, reverse_client_hostname, helo, sender and recipient, with _a, _mx and _ns;",
            "check_policy_service; sleep (at once); warn_if_reject; restriction classes; type:table.",
            "",
            "## What explain and serve do not do",
            "",
            "explain and serve report it (PF208) where a configuration sets one of these:",
            "",
            *(f"- {subject}: {', '.join(sorted(names))}" for subject, names in UNSERVED.items()),
            "",
        ]
    )


def postfix_parameters() -> str:
    """Every parameter of every recorded version of Postfix."""
    versions = recorded()
    names = sorted({name for version in versions for name in version.parameters})
    releases = ", ".join(version.release for version in versions)
    return "\n".join(
        [
            "# Postfix's parameters",
            "",
            NOTE,
            f"What `postconf` knows, recorded from Postfix {releases}.",
            "The default is that of the first of these versions that has the parameter; *then* has what later ones",
            "changed. *Since* is the version that postconf(5) names, where it names one. `mailconf postconf --explain",
            "NAME` prints the same for one parameter, with its value.",
            "",
            "| parameter | type | default | since | then |",
            "|---|---|---|---|---|",
            *(_parameter_row(name, versions) for name in names),
            "",
        ]
    )


def _parameter_row(name: str, versions: list[ParameterSet]) -> str:
    having = [version for version in versions if name in version.parameters]
    kind, default = having[0].parameters[name]
    changes = []
    for before, now in itertools.pairwise(having):
        minor = ".".join(str(number) for number in now.version)
        value = now.parameters[name][1]
        if value != before.parameters[name][1] and name not in ("mail_version", "mail_release_date"):
            changes.append(f"{minor}: {_code(value)}")
        if name in now.deprecated and name not in before.deprecated:
            changes.append(f"{minor}: deprecated")
    if having[-1] is not versions[-1]:
        changes.append(f"last in {having[-1].release}")
    since = SINCE.get(name, "" if having[0] is versions[0] else ".".join(str(number) for number in having[0].version))
    text = "by the machine" if name in BY_THE_MACHINE else _code(default)
    return f"| {name} | {type_of(name, kind, having[-1].parameters)} | {text} | {since} | {'; '.join(changes)} |"


def _code(text: str) -> str:
    if len(text) > 100:
        text = text[:97] + "..."
    return "`" + text.replace("|", "\\|") + "`" if text else ""


def tables() -> str:
    """The formats of tables, by the roles in which a configuration names them."""
    named = {
        form: [role for role, name in sendmail_roles.ALSO.items() if name == form] for form in sendmail_roles.SENDMAIL
    }
    return "\n".join(
        [
            "# Tables",
            "",
            NOTE,
            "A table's text is read in the format of its role. `mailconf check` reports entries that the engine would",
            "leave out, misread, or never look up, by the codes of [checks](checks/index.md).",
            "",
            "## Postfix",
            "",
            "The parameter that names a table decides its format; check_*_access: access. Of regexp, pcre and cidr",
            "tables each line is read: patterns, flags, networks, if and endif, and the result by the role.",
            "",
            "| parameter | format |",
            "|---|---|",
            *(f"| {parameter} | {form} |" for parameter, form in sorted(roles.POSTFIX.items())),
            "",
            "## sendmail",
            "",
            "| format | also called |",
            "|---|---|",
            *(f"| {form} | {', '.join(others) or '-'} |" for form, others in sorted(named.items())),
            "",
        ]
    )


ABOUT_OWN_CF = """
Where sendmail's library of m4 macros is not installed, and with `mailconf build --own-cf`, mailconf writes a .cf with
rulesets of its own. Names and numbers of rulesets, macros, classes and maps are the library's, so that LOCAL_ sections
and scripts that ask `sendmail -bt` work with both. What a .mc asks for and is lacking here is an error of the build:
SM050 to SM054 of [checks/sendmail.md](checks/sendmail.md). `tests/live/compare_cf.py` puts the same questions to both
under the real sendmail.
"""


def own_cf() -> str:
    """The names of a .mc with what our own sendmail.cf makes of them."""
    kinds = {
        "FEATURE": emit_support.FEATURES,
        "MAILER": emit_support.MAILERS,
        "OSTYPE": emit_support.OSTYPES,
        "DOMAIN": emit_support.DOMAINS,
        "Macros with arguments": emit_support.STATEMENTS,
        "Sections": emit_support.SECTIONS,
        "Names that are defined": emit_support.VALUES,
    }
    lines = ["# What our own sendmail.cf has", "", NOTE, *_paragraphs(ABOUT_OWN_CF), ""]
    for title, names in kinds.items():
        lines += [f"## {title}", "", "| name | state | note |", "|---|---|---|"]
        lines += [f"| {name} | {known.state.value} | {known.note} |" for name, known in sorted(names.items())]
        lines.append("")
    lines += ["## Options", "", "| name | option | default |", "|---|---|---|"]
    lines += [
        f"| {name} | {option} | {'' if default is None else f'`{default}`'} |"
        for name, option, default in sorted(CONF_NAMES)
    ]
    return "\n".join([*lines, ""])


ABOUT_COMMAND = """
`mailconf sendmail`, and a link of the name sendmail or newaliases, do what sendmail 8.17.1 does with the same
command line: options, messages, their order and the exit status are the original's. Options end at the first word that
is none. There are mailq, hoststat and purgestat, too ([queue-tools.md](queue-tools.md)).
`tests/vectors/modes.jsonl` has what the original answered to 700 calls.

A message goes into mailconf's queue in QueueDirectory (`mailconf.mta.queue`): its recipients as they were named, with
the fields that lines H add for almost every mailer (flags D, F and M), without blind ones. It passes through a file,
and takes little memory however large it is. With DeliveryMode q and d it waits for a run of the queue.

A user who is neither root nor trusted (class t) may not use -bi, -bd, -bD and -bH. X-Authentication-Warning says who
set a sender, and who named the queue or the configuration (PrivacyOptions authwarnings).
"""


def command() -> str:
    """The modes and options of the sendmail command."""
    lines = ["# The sendmail command", "", NOTE, *_paragraphs(ABOUT_COMMAND), ""]
    for title, rows in (("Modes", command_options.MODES), ("Options", command_options.OPTIONS)):
        lines += [f"## {title}", "", "| written | what it does |", "|---|---|"]
        lines += [f"| `{row.written}` | {row.text} |" for row in rows]
        lines.append("")
    lines += ["## Departures", "", *(f"- {text}" for text in command_options.DEPARTURES), ""]
    return "\n".join(lines)


PAGES: dict[str, Callable[[], str]] = {
    "checks/index.md": checks_index,
    **{f"checks/{family.page}.md": partial(checks_page, family) for family in FAMILIES},
    "maps.md": maps,
    "postfix-parameters.md": postfix_parameters,
    "postfix-support.md": support,
    "sendmail-command.md": command,
    "sendmail-features.md": own_cf,
    "tables.md": tables,
    "machines.md": lambda: machines(NOTE),
    "proof.md": lambda: proof(NOTE),
}


def main() -> int:
    stale = [name for name, make in PAGES.items() if not is_current(name, make())]
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"docs/{name} is out of date; run docs/generate.py")
        return 1 if stale else 0
    for name in stale:
        (DOCS / name).parent.mkdir(exist_ok=True)
        (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"docs/{name} written")
    return 0


def is_current(name: str, text: str) -> bool:
    path = DOCS / name
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
