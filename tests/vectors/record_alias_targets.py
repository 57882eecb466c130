"""Records how the real local(8) takes the values of aliases apart: tests/vectors/alias_targets.jsonl.

A private Postfix delivers to an alias for each value; its log tells the commands, the files and the addresses of the
forwarded message. Each case is the value, the addresses (internal form; without a domain they get ``@origin.test``),
commands, files, and the number of :include: files.
"""

from __future__ import annotations

import random
import re
import smtplib
import tempfile
import time
from pathlib import Path

from mailconf.model.address import internal
from tests.live.private_postfix import PrivatePostfix
from tests.vectors import store

FIXED = [
    *("b c", "b,c", "b;c", "b; c", "x: y", "x:y", "b (com) c", "(com) b", "b # c", "#b", "(x", "b)", "<b", "b>"),
    *("|cmd arg", '"|cmd arg"', "\\|cmd x", "| cmd x", '" |cmd"', "<|cmd>", "<|cmd arg>", '<"|cmd arg">', "|a|b"),
    *('"|a" "|b"', '"|a", b', "/tmp/none/a b", '"/tmp/none/a b"', "</dev/null>", '"/dev/null"', "/dev/null b"),
    *(":include:/none/x, b", ":include:/none/x b", "b :include:/none/x", "<:include:/none/x>", '":INCLUDE:/none/x"'),
    *(":include:none", ":include: /none/x", "Name <u@v.test>", "Name <u@v.test> b", "b Name <u@v.test>"),
    *("Grp: b, c;", "Grp: b c; d", '"q r" s', 'q"r"', '"q"@y.test', "b@y.test c", "<u@v.test><w@v.test>", "a <b> c"),
    *(
        "@y.test",
        "b@",
        "",
        ",",
        "<>",
        "Name <>",
        "..",
        ".b",
        "b.",
        "b..c",
        "[b]",
        "b@[1.2]",
        '"b',
        "b\\",
        "\\b",
        ":",
        "\\,b",
    ),
    *("a:b c <d>", "a:<b>", "a b:c d <e>", "a <b>:c", "Grp: a <b>, c;", "Grp: a, b", "a:b:c <d>, e"),
]
PIECES = [
    *(
        "b",
        "c.d",
        "x@y.test",
        '"q r"',
        '"q r"@y.test',
        "(com)",
        "<u@v.test>",
        "Name",
        ",",
        ",",
        " ",
        " ",
        "  ",
        "owner-x",
    ),
    *(
        "|cmd",
        '"|cmd arg"',
        "/dev/null",
        '"/tmp/none/a b"',
        ":include:/none/x",
        '":include:/none/y z"',
        ";",
        "Grp:",
        "\\ ",
    ),
    *("[1.2]", "<w>", "Name:"),
]
RANDOM_CASES = 150
COMMAND = re.compile(r'Command died with status \d+: "(.*?)"\.|delivered to command: (.*)')
FILE = re.compile(r"delivered to file: (.*)|cannot append message to file (.*?): cannot create file|"
                  r"cannot append message to file (.*?): .*")  # fmt: skip
SYNTAX = re.compile(r"bad recipient address syntax: (.*)")
PARAMETERS = {
    "alias_maps": "texthash:@TOP@/aliases",
    "allow_mail_to_commands": "alias",
    "allow_mail_to_files": "alias",
    "mydestination": "local.test",
    "myhostname": "h.test",
    "myorigin": "origin.test",
    "append_dot_mydomain": "no",
    "default_transport": "discard",
    "local_recipient_maps": "",
}
DELIVERY = re.compile(
    r"(?:local|discard)\[\d+\]: [0-9A-F]+: to=<(.*?)>, (?:orig_to=<k(\d+)@[^>]*>, )?relay=.*status=\w+ \((.*)\)$"
)


def values() -> list[str]:
    chance = random.Random(22)
    return FIXED + ["".join(chance.choices(PIECES, k=chance.randint(1, 6))).strip() for _ in range(RANDOM_CASES)]


def inputs() -> store.Inputs:
    return store.Inputs([{"value": value} for value in values() if value], {"parameters": PARAMETERS})


def read_log(log: str, case: dict[int, dict[str, list[str]]]) -> None:
    """Put what the log says about the aliases k0, k1, ... into their cases."""
    for line in log.split("\n"):
        match = DELIVERY.search(line)
        if match is None:
            continue
        to, original, text = match.groups()
        own = re.fullmatch(r"k(\d+)@local.test", to)
        if own is None:
            if original is not None:
                case[int(original)]["addresses"].append(internal(to))
            continue
        found = case[int(own[1])]
        for kind, pattern in (("commands", COMMAND), ("files", FILE), ("addresses", SYNTAX)):
            if told := pattern.match(text):
                found[kind].append(next(group for group in told.groups() if group is not None))
        if text == "mail system configuration error":
            found["includes"].append("")


def main() -> None:
    every = [case["value"] for case in inputs().cases]
    cases = {n: {"addresses": [], "commands": [], "files": [], "includes": []} for n in range(len(every))}
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        postfix.configure(PARAMETERS, {"aliases": "".join(f"k{n} {value}\n" for n, value in enumerate(every))})
        with smtplib.SMTP("127.0.0.1", postfix.port) as client:
            for n in range(len(every)):
                client.sendmail("s@h.test", f"k{n}@local.test", "Subject: x\n\nx\n")
        folders = [Path(top, "queue", name) for name in ("incoming", "active")]
        deadline = time.monotonic() + 120
        while any(any(folder.iterdir()) for folder in folders) and time.monotonic() < deadline:
            time.sleep(0.2)
        log = postfix.log.read_text(errors="surrogateescape").replace(top, "@TOP@")
    read_log(log, cases)
    answers = [
        {**{kind: sorted(found) for kind, found in case.items()}, "includes": len(case["includes"])}
        for case in cases.values()
    ]
    store.write("alias_targets", store.postfix(), __file__, answers)


INPUTS = {"alias_targets": inputs}

if __name__ == "__main__":
    main()
