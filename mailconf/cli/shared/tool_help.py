"""``mailconf TOOL --help``: the options that a tool of others has, the original's and ours."""

from __future__ import annotations

from mailconf.cli.shared.own_options import Missing, take_own

ROOT = ("--root DIR", "read and write every absolute path below DIR")
POSTMAP = (
    ("-c DIR", "the folder of main.cf"),
    ("-q KEY", "look KEY up; - reads keys from standard input"),
    ("-d KEY", "delete KEY; - reads keys from standard input"),
    ("-s", "list the entries"),
    ("-i", "add entries to the map"),
    ("-r", "a later entry of the same key replaces the earlier one"),
    ("-w", "do not warn of repeated keys"),
    ("-f", "do not fold keys to lower case"),
    ("-N, -n", "keys and values end with a NUL, or do not"),
    ("-o", "do not give up root's rights"),
    ("-p", "do not take over the source's mode"),
    ("-u", "do not insist on UTF-8"),
    ("-j", "print what -q and -s find as JSON"),
    ("-v", "accepted"),
)
CF = ("-C FILE", "read FILE instead of /etc/mail/sendmail.cf")

# A tool's command line, the letters of its options that take a value, and what the options do.
TOOLS: dict[str, tuple[str, str, tuple[tuple[str, str], ...]]] = {
    "postconf": (
        "[OPTION]... [NAME | NAME=VALUE]...",
        "cCoT",
        (
            ("-c DIR", "the folder of main.cf and master.cf"),
            ("-C CLASS", "only parameters of a class: builtin, service, user, all"),
            ("-d, -n", "defaults; only what is set"),
            ("-e, -X, -#", "set a parameter; remove it; make a comment of it"),
            ("-f, -h, -H, -x, -j", "fold lines; no names; no values; expand values; JSON"),
            ("-p", "parameters of main.cf, as without a mode"),
            ("-M, -F, -P", "services of master.cf; their fields; their parameters"),
            ("-o NAME=VALUE", "as if main.cf had this"),
            ("-a, -A", "SASL types of servers; of clients"),
            ("-l, -m", "types of locks; of tables"),
            ("-b, -t", "bounce templates, with their values; as they are"),
            ("-T WHAT", "versions of the TLS library, public-key-algorithms"),
            ("-q, -v", "do not warn of unused parameters; accepted"),
        ),
    ),
    "postmap": (
        "[OPTION]... [TYPE:]FILE...",
        "cdq",
        (
            *POSTMAP,
            ("-b, -h, -m", 'with "-q -": body lines are keys; header lines are; MIME is read'),
            ("-U", "with -b and -h: keys must be UTF-8"),
            ("-F", "values are names of files, whose content counts"),
        ),
    ),
    "postalias": ("[OPTION]... [TYPE:]FILE...", "cdq", POSTMAP),
    "postfix": (
        "[-c DIR] [-Dv] COMMAND",
        "c",
        (
            ("-c DIR", "the folder of main.cf and master.cf"),
            ("-D, -v", "accepted"),
            ("start, start-fg", "run mailconf serve, behind the terminal; in the foreground"),
            ("stop, abort", "end it; at once"),
            ("reload, flush", "read the configuration anew; attempt what waits"),
            ("status, check", "say whether it runs; what is wrong"),
        ),
    ),
    "postqueue": (
        "-f | -i QUEUE_ID | -j | -p | -s SITE",
        "cis",
        (
            ("-c DIR", "the folder of main.cf"),
            ("-p, -j", "list the queue; as JSON, an object a line"),
            ("-f", "attempt everything that waits"),
            ("-i ID", "attempt one message"),
            ("-s SITE", "attempt what is for a domain (fast_flush_domains)"),
            ("-v", "accepted"),
        ),
    ),
    "qshape": (
        "[OPTION]... [QUEUE]...",
        "cwbtmnN",
        (
            ("-c DIR", "the folder of main.cf"),
            ("-s", "domains of senders, in place of those of recipients"),
            ("-p, -m COUNT", "parent domains, too; those with at least COUNT subdomains"),
            ("-b COUNT, -t MINUTES", "how many ages; how long the first one lasts"),
            ("-l", "all ages last as long as the first"),
            ("-w COLUMNS", "the width of the table"),
            ("-n COUNT, -N COUNT", "rows that a terminal gets; accepted"),
            ("-h", "how it is used"),
        ),
    ),
    "postsuper": (
        "[OPTION]... [QUEUE]...",
        "cdefhHr",
        (
            ("-c DIR", "the folder of main.cf"),
            ("-d ID", "delete a message; ALL; - reads ids from standard input, as with each of these"),
            ("-h ID, -H ID", "put it on hold; release it"),
            ("-r ID", "let it come in once more: addresses are mapped anew"),
            ("-e ID, -f ID", "give it up at its next attempt; and release it"),
            ("-p, -s, -S, -v", "accepted"),
        ),
    ),
    "postcat": (
        "[OPTION]... QUEUE_ID...",
        "c",
        (
            ("-c DIR", "the folder of main.cf"),
            ("-q", "what follows are queue ids"),
            ("-e, -h, -b", "only the envelope; the header; the body"),
            ("-d, -o, -v", "accepted"),
        ),
    ),
    "mailq": (
        "[OPTION]...",
        "ABbCDdeFfHhLMNOopQqRrVX",
        (
            ("-C FILE", "a sendmail.cf, a main.cf or its folder"),
            ("-v", "with priorities, and names that are not cut off (sendmail's)"),
            ("-qIID, -qRTEXT, -qSTEXT", "only messages whose id, recipients or sender have this (sendmail's)"),
            ("others", "those of sendmail are accepted"),
        ),
    ),
    **dict.fromkeys(
        ("hoststat", "purgestat"),
        ("[OPTION]...", "ABbCDdeFfhLMNOopQqRrVX", (CF, ("others", "those of sendmail are accepted"))),
    ),
    "newaliases": (
        "[OPTION]...",
        "ABbCDdeFfHhLMNOopQqRrVX",
        (
            ("-C FILE", "a sendmail.cf, a main.cf or its folder"),
            ("others", "those of sendmail are accepted"),
        ),
    ),
    "makemap": (
        "[OPTION]... TYPE MAP < SOURCE",
        "CDcit",
        (
            CF,
            ("-d", "keys may repeat"),
            ("-e", "values may be empty"),
            ("-f", "do not fold keys to lower case"),
            ("-o", "add to the map"),
            ("-r", "a later entry of the same key replaces the earlier one"),
            ("-N", "keys and values end with a NUL"),
            ("-t CHAR, -D CHAR", "what separates keys from values; what begins a comment"),
            ("-c SIZE", "accepted"),
            ("-s", "take links and maps in unsafe folders"),
            ("-i TYPE", "the type, where sendmail.cf does not name it"),
            ("-u, -l", "list the entries; list the types"),
            ("-v", "print each entry"),
        ),
    ),
    "editmap": (
        "[OPTION]... -q|-u|-x TYPE MAP KEY [VALUE]",
        "C",
        (CF, ("-q, -u, -x", "look the key up; set it; remove it"), ("-f", "do not fold the key"), ("-N", "with a NUL")),
    ),
    "praliases": ("[OPTION]... [KEY]...", "Cf", (CF, ("-f FILE", "the map of this alias file"))),
    "sendmail": (
        "[OPTION]... [ADDRESS]...",
        "ABbCDdeFfhLMNOopQqRrVX",
        (
            CF,
            ("-bt", "address test mode: rulesets, maps and macros from a prompt"),
            ("-bv", "say what addresses come to"),
            ("-bi", "make the maps of the alias files anew"),
            ("-bs", "speak SMTP on standard input and output"),
            ("-bD, -bd", "the daemon, in the foreground or behind it"),
            ("-t", "queue a message; its header names the recipients"),
            ("-bp, -bP", "list the queue; count it"),
            ("-q, -q30m", "attempt what is in the queue, once or at intervals"),
            ("-dLEVELS", "with -bt: 21.N shows what rules do, 60.1 lookups"),
            ("others", "those of sendmail are accepted"),
        ),
    ),
}
WORDS = ("--postfix-version V", "the words of this version")
OURS: dict[str, tuple[tuple[str, str], ...]] = {
    "postconf": (
        ROOT,
        ("--postfix-version V", "the parameters, defaults and words of this version"),
        ("--explain", "of each NAME: type, default, value, where it is set, since when it exists"),
    ),
    "sendmail": (ROOT, ("--sendmail-version V", "the words of this version: 8.17, 8.18")),
    **dict.fromkeys(
        ("mailq", "newaliases", "postalias", "postcat", "postfix", "postmap", "postqueue", "postsuper", "qshape"),
        (ROOT, WORDS),
    ),
}


HELP = ("--help", "print this (as a command of mailconf)")


def ours(tool: str) -> tuple[tuple[str, str], ...]:
    """Our own options of a tool."""
    return OURS.get(tool, (ROOT,))


def is_asked(tool: str, arguments: list[str]) -> bool:
    """Whether ``arguments`` of ``tool`` ask for help: --help, where it is not the value of another option."""
    if tool not in TOOLS:
        return False
    options = dict.fromkeys(("--root", "--postfix-version", "--sendmail-version"), True) | {"--help": False}
    try:
        return "--help" in take_own(list(arguments), options, TOOLS[tool][1])
    except Missing:
        return False


def text(tool: str) -> str:
    """The help."""
    usage, _, theirs = TOOLS[tool]
    lines = [f"Usage: mailconf {tool} {usage}", f"       {tool} {usage}   (through a link of that name)"]
    for title, options in (("The original's options", theirs), ("mailconf's own, anywhere", (*ours(tool), HELP))):
        lines += ["", f"{title}:", *(f"  {name:<22}{what}" for name, what in options)]
    return "\n".join([*lines, ""])
