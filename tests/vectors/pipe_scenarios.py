"""What pipe(8) services are asked to deliver: record_pipe.py puts it to the real one, tests to ours.

``@TOP@`` is the folder of the files, ``@D`` in addresses a domain of the case's own, ``@NAME@`` its transport.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# Writes down how it was called: argv, environment, input. Its first argument is the folder for that.
WITNESS = """\
import json, os, sys
with open("/proc/self/environ", "rb") as file:
    environment = file.read().decode("utf-8", "surrogateescape")
data = sys.stdin.buffer.read()
mask = os.umask(0o077)
found = {
    "argv": sys.argv[2:],
    "environment": sorted(filter(None, environment.split("\\0"))),
    "input": data.decode("latin-1"),
    "folder": os.getcwd(),
    "mask": mask,
    "leads": os.getpgid(0) == os.getpid(),
    "groups": len(set(os.getgroups()) - {os.getgid()}),
}
path = os.path.join(sys.argv[1], str(os.getpid()))
with open(path, "w") as file:
    json.dump(found, file)
os.rename(path, path + ".json")
"""
RUNS = "@PYTHON@ -IS @TOP@/witness @TOP@/out/@NAME@"
TEXT = "From: a@x.test\nDate: Mon, 1 Jan 2024 00:00:00 +0000\nMessage-Id: <1@x.test>\nSubject: s\n\nbody\n"


@dataclass(frozen=True)
class Scenario:
    """A message for a service.

    service     what follows "pipe" in master.cf, after the user
    settings    parameters of the transport, by the name without that of the transport
    aliases     virtual aliases
    client      attributes of XCLIENT
    """

    service: str
    recipients: tuple[str, ...] = ("user@@D",)
    sender: str = "sender@from.test"
    text: str = TEXT
    nexthop: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    client: dict[str, str] = field(default_factory=dict)
    user: str = "user=@USER@"

    def asked(self) -> dict[str, Any]:
        return {name: list(v) if isinstance(v, tuple) else v for name, v in vars(self).items()}


def macros(words: str, recipients: tuple[str, ...] = ("user@@D",), *, flags: str = "", **further: Any) -> Scenario:
    """The words of a command, written down."""
    attributes = f"flags={flags} " if flags else ""
    return Scenario(f"{attributes}argv={RUNS} {words}", recipients, **further)


def outcome(script: str, *, attributes: str = "", **further: Any) -> Scenario:
    """What a shell's script comes to."""
    return Scenario(f"{attributes} argv=/bin/sh -c {{{script}}}", **further)


# Takes the reports about other cases, to n@ its domain for the case n. Its alias keeps the table from being empty.
OF_REPORTS = Scenario(f"argv={RUNS} ${{recipient}}", aliases={"x@@D": "y@@D"})


def content(text: str, flags: str = "", **further: Any) -> Scenario:
    return macros("", text=text, flags=flags, **further)


_ALL = (
    "r=${recipient} s=${sender} n=${nexthop} m=${mailbox} u=${user} d=${domain} x=${extension} o=${original_recipient}"
)
_TWO = ("one+ext@@D", "two@@D")
_ODD = (
    "Us.Er+Ext@@D", '"a b"@@D', '"-x"@@D', "-f@@D", '"$(id)"@@D', "a'b@@D", '"a\\"b"@@D', "+ext@@D", "a+b+c@@D",
    "a+@@D", '"a@b"@@D', '"|/bin/sh"@@D', "`id`@@D", '"a\\\\b"@@D', '".a"@@D', '"a..b"@@D', '"a,b;c"@@D', '"<x>"@@D',
    '"Q q+X"@Sub.@D', "U+E@SUB.@D", '"tab\there"@@D', "x*y@@D", "${user}@@D", "..x@@D", "+a+b@@D", "++b@@D",
)  # fmt: skip
_SESSION = (
    "${client_address} ${client_hostname} ${client_helo} ${client_port} ${client_protocol} "
    "${sasl_username} ${sasl_method} ${sasl_sender}"
)
_DOTS = "From: a@x.test\nMessage-Id: <1@x>\nDate: x\n\n.dot\n..two\nFrom here\n>From there\n from\nFrom\nend\n"
_LONG = "From: a@x.test\nMessage-Id: <1@x>\nDate: x\n\n" + "y" * 3000 + "\n" + "z" * 2048 + "\n.\nlast\n"
_LARGE = "From: a@x.test\nMessage-Id: <1@x>\nDate: x\n\n@LARGE@\n"
LARGE = "\n".join(["w" * 70] * 6000)  # what @LARGE@ stands for


def scenarios() -> list[Scenario]:
    return [*_of_macros(), *_of_content(), *_of_outcomes(), *_of_services()]


def reported() -> list[Scenario]:
    """Cases of whose outcome the sender wants to be told; `OF_REPORTS` takes the reports."""
    soon = {"time_limit": "1"}
    return [
        *(outcome(script) for script in ("exit 0", "echo fine; exit 0", "exit 67", "echo some output; exit 67")),
        *(outcome(script) for script in ("exit 3", "echo out; exit 3", "printf '5.7.1 never'; exit 1")),
        *(outcome(script) for script in ("printf 5.1.1; exit 1", "echo '2.0.0  a  b '; exit 1")),
        *(outcome(script, settings=soon) for script in ("sleep 60", "echo slow; sleep 60")),
        *(outcome(script, attributes="flags=X") for script in ("exit 0", "echo fine")),
        Scenario("size=100 argv=/bin/true"),
        content("Delivered-To: user@@D\n" + TEXT, "D"),
        OF_REPORTS,
    ]


def _of_macros() -> list[Scenario]:
    one_by_one = {"settings": {"destination_recipient_limit": "1"}}
    return [
        macros(_ALL, ("user+ext@@D",)),
        macros(_ALL, _TWO),
        macros("-a {b ${recipient} c} d${user}e -- ${recipient}", _TWO),
        macros("{ a  b } {  } x{y}z {{braces}} $$ $$$$ a$$b", _TWO),
        macros("$recipient $(user) ${user}@${domain} $user.$domain:$nexthop"),
        macros("${recipient}${recipient} ${user}-${original_recipient}", _TWO),
        macros("${domain} ${domain}/${user}", ("a@@D", "b@Sub.@D")),
        macros("${queue_id} ${size}"),
        macros(_SESSION, client={"PORT": "1111"}),
        macros(
            _SESSION,
            client={
                "NAME": "mx.far.test",
                "ADDR": "192.0.2.9",
                "PORT": "2222",
                "HELO": "helo.far.test",
                "PROTO": "SMTP",
                "LOGIN": "joe",
            },
        ),
        macros(_SESSION, client={"NAME": "[UNAVAILABLE]", "ADDR": "192.0.2.10", "PORT": "3333", "HELO": "other.test"}),
        *(macros(_ALL, _ODD, flags=flags, nexthop="Next.Hop:Up") for flags in ("", "h", "u", "q", "hqu")),
        macros(_ALL, ("Orig@@D",), flags="hqu", aliases={"orig@@D": "Target+Ext@@D"}),
        macros(_ALL, ('"O rig"@@D',), flags="q", aliases={'"o rig"@@D': '"tar get"@@D'}),
        macros("${sender} ${recipient}", sender=""),
        macros("${sender} ${recipient}", sender='"s p"@from.test', flags="q"),
        macros("${sender} ${recipient}", sender='"s p"@from.test'),
        macros("-f ${sender} x", sender="", flags="F", text=TEXT),
        Scenario(f"flags=FRq null_sender= argv={RUNS} -f ${{sender}} -- ${{recipient}}", sender=""),
        Scenario(f"flags=FRq null_sender={{no one}} argv={RUNS} -f ${{sender}} -- ${{recipient}}", sender=""),
        Scenario(f"flags=FR null_sender=nobody@here.test argv={RUNS} -f ${{sender}} -- ${{recipient}}", sender=""),
        macros("${recipient}", _TWO, **one_by_one),
        macros("${recipient}", ("one@@D", "two@@D", "three@@D"), settings={"destination_recipient_limit": "2"}),
        macros("${recipient}", ("caf\u00e9@@D",), sender="\u00fc@from.test"),
        Scenario("argv=/bin/${user} x", ("true@@D", "false@@D")),
        macros("${user}|${extension}|${mailbox}|${domain}", ("u-e+x@@D",)),
    ]


def _of_content() -> list[Scenario]:
    one_by_one = {"settings": {"destination_recipient_limit": "1"}}
    return [
        content(TEXT),
        content(TEXT, "B"),
        content(TEXT, "DORF"),
        content(TEXT, "BFROD", sender='"s p"@from.test', recipients=('"r p"@@D',), **one_by_one),
        content(TEXT, "DOR", recipients=("alias@@D",), aliases={"alias@@D": "real@@D"}, **one_by_one),
        content(TEXT, "ROD", recipients=_TWO, **one_by_one),
        content(TEXT, "D", recipients=_TWO),
        content(TEXT, "O", recipients=_TWO),
        content(TEXT, "R", recipients=_TWO),
        content(TEXT, "F", sender=""),
        content(TEXT, "R", sender=""),
        content(TEXT, "RF", sender=""),
        content(TEXT, "X"),
        content(_DOTS),
        content(_DOTS, "."),
        content(_DOTS, ">"),
        content(_DOTS, "B.>F"),
        content(_LONG),
        content(_LONG, ".>B"),
        content("From: a@x.test\nMessage-Id: <1@x>\nDate: x\n"),
        content("From: a@x.test\nMessage-Id: <1@x>\nDate: x\n\n"),
        content("From: a@x.test\nMessage-Id: <1@x>\nDate: x\n\nx\n\n\n", "B"),
        Scenario(f"flags=BRF eol=\\r\\n argv={RUNS}", text=_DOTS),
        Scenario(f"flags=B eol=\\073\\t\\\\ argv={RUNS}", text=TEXT),
        content("Delivered-To: user@@D\n" + TEXT, "D"),
        content("Delivered-To: USER@@D\n" + TEXT, "D"),
        content("Delivered-To: user@@D\n" + TEXT),
        content("Delivered-To: other@@D\n" + TEXT, "D"),
        content("Delivered-To: two@@D\n" + TEXT, "D", recipients=_TWO, **one_by_one),
        Scenario(f"size=100 argv={RUNS} x", text=TEXT),
        Scenario(f"size=100000 argv={RUNS} x", text=TEXT),
        content(_LARGE, "F"),
    ]


def _of_outcomes() -> list[Scenario]:
    statuses = (0, 1, 2, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 100, 127, 255)
    texts = (
        "text", "4.7.1 later", "5.7.1 never", "2.0.0 fine", "5.1.1", "5.1.1  two  blanks", " 5.1.1 behind a blank",
        "5.1.1x no status", "5.1 short", "6.1.1 class", "5.1234.1 long", "4.2.2-joined", "5.7.1\ttab",
    )  # fmt: skip
    return [
        *(outcome(f"exit {status}") for status in statuses),
        *(outcome(f"echo some output; exit {status}") for status in (0, 1, 67, 75, 77)),
        *(outcome(f"printf '%s' '{text}'; exit 1") for text in texts),
        *(outcome(f"echo '{text}'; exit {status}") for text in texts[1:4] for status in (0, 75, 67)),
        outcome("echo to error >&2; echo and output; exit 69"),
        outcome("printf 'one\\ntwo\\r\\n\\tthree\\n\\n'; exit 1"),
        outcome("printf '\\001\\033[1m\\177\\303\\251\\200'; exit 1"),
        outcome("printf 'a\\000b'; exit 1"),
        outcome("cat > /dev/null; printf '%10000s' x; exit 69"),
        outcome("printf '%10000s' x; exit 69"),
        outcome("printf '%200000s' x; exit 0"),
        outcome("printf '%200000s' x; exit 69"),
        outcome("exec 0<&-; exit 0", text=_LARGE),
        outcome("exit 0", text=_LARGE),
        outcome("exit 67", text=_LARGE),
        *(outcome(f"kill -{number} $$$$") for number in (1, 9, 11, 15)),
        outcome("echo dying; kill -9 $$$$"),
        outcome("echo 5.7.1 dying; kill -9 $$$$"),
        outcome("sleep 60", settings={"time_limit": "1"}),
        outcome("echo slow; sleep 60", settings={"time_limit": "1"}),
        outcome("sleep 60", settings={"time_limit": "1"}, text=_LARGE),
        outcome("trap '' 1 2 15; sleep 60", settings={"time_limit": "1"}),
        outcome("exec >&- 2>&-; sleep 60", settings={"time_limit": "1"}),
        outcome("sleep 60 >/dev/null 2>&1 & exit 0", settings={"time_limit": "20"}),
        outcome("sleep 60 & exit 0", settings={"time_limit": "1"}),
        outcome("exit 0", recipients=_TWO),
        outcome("echo 5.1.1 all of them; exit 1", recipients=_TWO),
        outcome("exit 75", recipients=_TWO),
        outcome("echo fine", attributes="flags=X"),
    ]


def _of_services() -> list[Scenario]:
    """How a service is run, and what stops it."""
    return [
        Scenario("argv=/nonexistent ${recipient}"),
        Scenario("argv=@TOP@/witness ${recipient}"),
        Scenario("argv=@TOP@ x"),
        Scenario("argv=sh -c {exit 67}"),
        Scenario("argv=nosuchcommand"),
        Scenario("argv=/bin/echo"),
        Scenario("argv={/bin/echo} a"),
        Scenario("argv=/bin/sh -c {echo $$0 $$1 $$2; exit 67} {a b} ${recipient}"),
        Scenario(f"directory=@TOP@/in argv={RUNS} x"),
        Scenario(f"directory=/nonexistent argv={RUNS} x"),
        Scenario("directory=@TOP@/in argv=./run x"),
        Scenario("chroot=/nonexistent argv=/run"),
        Scenario("chroot=@TOP@/in argv=/run"),
        Scenario(f"argv={RUNS} x", user="user=@USER@:@GROUP@"),
        Scenario("argv=/bin/true", user="user=root"),
        Scenario("argv=/bin/true", user="user=postfix"),
        Scenario("argv=/bin/true", user="user=nosuchuser"),
        Scenario("argv=/bin/true", user="user=@USER@:nosuchgroup"),
        Scenario("argv=/bin/true", user="user=@USER@:postdrop"),
        Scenario("argv=/bin/true", user="user=@USER@:postfix"),
        Scenario("argv=/bin/true", user="user=@USER@:root"),
        Scenario("argv=/bin/true", user="user=daemon:root"),
        Scenario("argv=/bin/true", user="user="),
        Scenario("argv=/bin/true", user=""),
        Scenario("argv=/bin/true", user="user=0"),
        Scenario("argv=/bin/true", user="user=65534:65534"),
        Scenario("", user="user=@USER@"),
        Scenario("argv=", user="user=@USER@"),
        Scenario("flags=Z argv=/bin/true"),
        Scenario("size=x argv=/bin/true"),
        Scenario("size=-1 argv=/bin/true"),
        Scenario("size=0 argv=/bin/true"),
        Scenario("eol=\\q argv=/bin/true"),
        Scenario("nosuch=x argv=/bin/true"),
        Scenario("word argv=/bin/true"),
        Scenario("FLAGS=D argv=/bin/true"),
        Scenario("flags=D flags=F argv=/bin/true"),
        *(Scenario(f"argv=/bin/true {word}") for word in ("${nosuch}", "$", "${user", "${user?x}", "a$1", "$(user")),
    ]
