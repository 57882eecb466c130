"""Records which option of a .cf each confXXX of a .mc sets: mailconf/sendmail/emit/conf_names.py.

    python -m tests.vectors.record_conf_names .live/sendmail/usr/share/sendmail/cf

Every name is defined as a mark of its own, and the .cf that GNU m4 and the library make shows where the mark is. The
names that the library sets by itself are found with a .mc that sets none.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

DATA = Path(__file__).parents[2] / "mailconf/sendmail/emit/conf_names.py"
_NAME = re.compile(r"\bconf[A-Z][A-Z0-9_]+")
_REST = "OSTYPE(`linux')dnl\n"
_MAILERS = "MAILER(`local')dnl\nMAILER(`smtp')dnl\n"
OBSOLETE = {"confDEF_GROUP_ID", "confREAD_TIMEOUT", "confAUTO_REBUILD", "confDAEMON_OPTIONS", "confCLIENT_OPTIONS",
            "confUNSAFE_GROUP_WRITES", "confTO_", "confMESSAGE_TIMEOUT"}  # fmt: skip


def names_of(library: Path) -> list[str]:
    """Every confXXX that a file of the library mentions."""
    texts = (
        path.read_text("latin-1") for kind in ("m4", "feature", "mailer") for path in (library / kind).glob("*.m4")
    )
    return sorted({name for text in texts for name in _NAME.findall(text)} - OBSOLETE)


def build(library: Path, text: str) -> list[str]:
    mc = f"include(`{library}/m4/cf.m4')dnl\n{_REST}{text}{_MAILERS}"
    return subprocess.run(["m4", "-"], input=mc, capture_output=True, text=True, check=True).stdout.splitlines()


def main(folder: str) -> None:
    library = Path(folder).resolve()
    names = names_of(library)
    marked = build(library, "".join(f"define(`{name}', `MARK{i:04}x')dnl\n" for i, name in enumerate(names)))
    plain = [line for line in build(library, "") if line.startswith("O ")]
    known = {line[2:].partition("=")[0]: line.partition("=")[2] for line in plain}
    rows = []
    for line in marked:
        found = re.fullmatch(r"O ([\w.-]+)=MARK(\d{4})x", line)
        if found:
            rows.append((names[int(found[2])], found[1], known.get(found[1])))
    lines = "".join(f"    ({name!r}, {option!r}, {default!r}),\n" for name, option, default in rows)
    DATA.write_text(_text(lines))


def _text(lines: str) -> str:
    return (
        '"""Which option each confXXX of a .mc sets, as the library of sendmail 8.17.1.9 has it.\n\n'
        'Made by tests/vectors/record_conf_names.py; not edited by hand.\n"""\n\n'
        "# The name in a .mc, the option, and the value that the library gives it by itself; None: the option is not\n"
        "# written. In the order of the .cf: some options have to precede others.\n"
        f"CONF_NAMES: tuple[tuple[str, str, str | None], ...] = (\n{lines})\n"
    )


if __name__ == "__main__":
    main(sys.argv[1])
