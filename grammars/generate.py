"""Writes ``tables/NAME.json``, the parse tables of each grammar here; ``--check`` only reports which are out of date.

Run as ``python grammars/generate.py`` after a change of a ``.lark`` or ``.bad.yaml`` file; it needs Lark and PyYAML,
which mailconf itself does not. tests/core/test_lalr.py runs the check.

A file of tables has:

starts      rule -> the parser's state in which its text begins, and the one in which it has been read
terminals   [name, regular expression]
scanners    [numbers of terminals in the order in which they are tried, {terminal: {text: the terminal that it is}}];
            the first one tries all terminals
ignored     terminals that the parser does not see
rules       [symbol, number of parts, name of the tree, parts that are kept]; see `mailconf.lalr`
states      [number of the scanner, {symbol: action}]
mistakes    what a kind of broken input means, and for each start rule how its examples fail
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml
from lark import Lark
from lark.lexer import BasicLexer, PatternStr
from lark.parsers.lalr_analysis import Shift

from mailconf.lalr import ParseFailure, Parser

HERE = Path(__file__).resolve().parent

# The start rules of each grammar, where it is not `start`; None: it has only terminals, for others to import.
STARTS: dict[str, list[str] | None] = {
    "access": ["action"],
    "address": None,
    "aliases": ["alias"],
    "checks": ["header", "body"],
    "generic": ["key", "value"],
    "mc": ["start", "body"],
    "postmap": ["start", "mistakes"],
    "sendmail_access": ["action", "spam", "tls"],
    "sendmail_maps": ["address", "virtuser_error", "route", "mailer_error", "domain"],
    "transport": ["transport", "nexthops", "lmtp"],
    "virtual": ["key", "value"],
}


def lark_of(path: Path, starts: list[str], callbacks: dict[str, Any] | None = None) -> Lark:
    """Lark's own parser of a grammar, as the tables are made from it."""
    return Lark(
        path.read_text(encoding="utf-8"),
        parser="lalr",
        start=starts,
        propagate_positions=True,
        maybe_placeholders=False,
        import_paths=[str(path.parent)],
        lexer_callbacks=callbacks or {},
    )


def tables(path: Path, starts: list[str]) -> dict[str, Any]:
    """The tables of a grammar's file.

    Raises ValueError when it uses what `mailconf.lalr` does not know, or accepts an example of a mistake.
    """
    lark = lark_of(path, starts)
    parsing: Any = lark.parser
    table = parsing.parser._parse_table
    numbers = _state_numbers(table, starts)
    rules = sorted(
        {arg for actions in table.states.values() for action, arg in actions.values() if action is not Shift},
        key=_rule_key,
    )
    rule_numbers = {rule: number for number, rule in enumerate(rules)}
    for rule in rules:
        if rule.options.expand1 or rule.options.keep_all_tokens:
            raise ValueError(f"{path.name}: {rule}: '?' and '!' before a rule's name are not supported")
    terminals = sorted(lark.terminals, key=lambda t: t.name)
    terminal_numbers = {t.name: number for number, t in enumerate(terminals)}
    scanners = [_scanner(parsing.lexer.root_lexer, terminal_numbers)]
    states = []
    for state in sorted(numbers, key=numbers.__getitem__):
        scanner = _scanner(parsing.lexer.lexers[state], terminal_numbers)
        if scanner not in scanners:
            scanners.append(scanner)
        actions = {
            symbol: numbers[arg] if action is Shift else -1 - rule_numbers[arg]
            for symbol, (action, arg) in sorted(table.states[state].items())
        }
        states.append([scanners.index(scanner), actions])
    made: dict[str, Any] = {
        "starts": {s: [numbers[table.start_states[s]], numbers[table.end_states[s]]] for s in starts},
        "terminals": [[t.name, _regexp(t.pattern)] for t in terminals],
        "scanners": scanners,
        "ignored": sorted(lark.ignore_tokens),
        "rules": [_rule(rule) for rule in rules],
        "states": states,
    }
    declared = (
        {s for actions in table.states.values() for s in actions if s.isupper()} - terminal_numbers.keys() - {"$END"}
    )
    # Where a callback of the reader gives tokens their types, the grammar alone does not know how an example fails.
    made["mistakes"] = _mistakes(path, None if declared else Parser(made, {}))
    return made


def _state_numbers(table: Any, starts: list[str]) -> dict[Any, int]:
    """Lark's states numbered by a walk from the start rules, so that the tables do not depend on its order."""
    numbers: dict[Any, int] = {}
    left = [table.start_states[start] for start in starts] + [table.end_states[start] for start in starts]
    while left:
        state = left.pop(0)
        if state not in numbers:
            numbers[state] = len(numbers)
            left += [arg for _, (action, arg) in sorted(table.states[state].items()) if action is Shift]
    return numbers


def _rule_key(rule: Any) -> Any:
    return rule.origin.name, [symbol.name for symbol in rule.expansion], rule.alias or ""


def _rule(rule: Any) -> list[Any]:
    """A rule as the tables have it; what `mailconf.lalr` keeps of its parts is what Lark's tree builder keeps."""
    kept = [
        [number, int(not symbol.is_term and symbol.name.startswith("_"))]
        for number, symbol in enumerate(rule.expansion)
        if not (symbol.is_term and symbol.filter_out)
    ]
    plain = len(kept) == len(rule.expansion) and not any(expanded for _, expanded in kept)
    name = rule.alias or rule.options.template_source or rule.origin.name
    return [rule.origin.name, len(rule.expansion), name, None if plain else kept]


def _regexp(pattern: Any) -> str:
    """A terminal's pattern; Lark's own text of it has the flags in an order that changes from run to run."""
    value = re.escape(pattern.value) if isinstance(pattern, PatternStr) else pattern.value
    return f"(?{''.join(sorted(pattern.flags))}:{value})" if pattern.flags else value


def _scanner(lexer: BasicLexer, numbers: dict[str, int]) -> list[Any]:
    terminals: Any = lexer.scanner.terminals
    keywords = {
        kind: {t.pattern.value: t.name for t in unless.scanner.terminals}  # type: ignore[attr-defined]
        for kind, unless in sorted(lexer.callback.items())
    }
    for unless in lexer.callback.values():
        for terminal in unless.scanner.terminals:  # type: ignore[attr-defined]
            if not isinstance(terminal.pattern, PatternStr) or terminal.pattern.flags:
                raise ValueError(f"{terminal.name}: a keyword in any case is not supported")
    return [[numbers[terminal.name] for terminal in terminals], keywords]


def _mistakes(path: Path, parser: Parser | None) -> list[dict[str, Any]]:
    examples = path.with_suffix(".bad.yaml")
    if not examples.is_file():
        return []
    made = []
    for entry in yaml.safe_load(examples.read_text(encoding="utf-8")):
        rules = [] if parser is None else [r for r in parser.starts if entry.get("start", r) == r]
        failures: dict[str, list[Any]] = {}
        for text in entry["examples"]:
            fails = False
            for rule in rules:
                try:
                    parser.parse(text, rule)  # type: ignore[union-attr]
                except ParseFailure as failure:
                    failures.setdefault(rule, []).append(failure.signature())
                    fails = True
            if rules and not fails:
                raise ValueError(f"{examples.name}: {entry['code']}: {text!r} is not broken")
        made.append(
            {"code": entry["code"], "message": entry["message"], "hint": entry.get("hint", ""), "examples": failures}
        )
    return made


def text_of(path: Path, starts: list[str] | None = None) -> str:
    """The tables of a grammar's file as they are written: a line for each state and each mistake."""
    made = tables(path, starts or STARTS.get(path.stem) or ["start"])
    lines = []
    for name, value in made.items():
        if name in ("rules", "states", "mistakes", "terminals", "scanners") and value:
            rows = ",\n  ".join(_json(row) for row in value)
            lines.append(f" {_json(name)}: [\n  {rows}\n ]")
        else:
            lines.append(f" {_json(name)}: {_json(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def main(arguments: list[str]) -> int:
    """0 success, 1 with ``--check`` when a file is out of date."""
    folder = HERE / "tables"
    wanted = {
        folder / f"{path.stem}.json": text_of(path)
        for path in sorted(HERE.glob("*.lark"))
        if STARTS.get(path.stem, []) is not None
    }
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    gone = [path for path in sorted(folder.glob("*")) if path not in wanted]
    if arguments == ["--check"]:
        for path in stale + gone:
            print(f"{path.relative_to(HERE.parent)} is out of date: run python grammars/generate.py")
        return 1 if stale or gone else 0
    folder.mkdir(exist_ok=True)
    for path in stale:
        path.write_text(wanted[path], encoding="utf-8")
    for path in gone:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
