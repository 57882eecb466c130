# ruff: noqa: E501, PERF401 - one call is one line, and cases are added one by one
"""Calls of the sendmail command: what is recorded, and compared. `CASES` are sites with calls, in groups."""

from __future__ import annotations

import shlex
from typing import Any

MESSAGE = "From: a@far.test\nTo: x@far.test\nSubject: hi\n\nbody\n"

Call = dict[str, Any]


def call(words: str, stdin: str = "", *, tool: str = "sendmail", user: str = "root", **more: Any) -> Call:
    """One call; its words as a shell takes them. ``-C FOLDER/sendmail.cf`` is put before them by who runs it."""
    return {"tool": tool, "words": shlex.split(words), "stdin": stdin, "user": user, **more}


def each(group: str, lines: str, stdin: str = "", **more: Any) -> list[dict[str, Any]]:
    """A case for each line: a call on a fresh site."""
    found = []
    for line in lines.strip().splitlines():
        site = {key: value for key, value in more.items() if key in _SITE}
        options = {key: value for key, value in more.items() if key not in _SITE}
        found.append({"group": group, **site, "calls": [call(line.strip().removeprefix("%"), stdin, **options)]})
    return found


def case(group: str, *calls: Call, **site: Any) -> dict[str, Any]:
    return {"group": group, **site, "calls": list(calls)}


_SITE = ("files", "cf", "instead", "modes", "links", "folders", "joes")

_OPTIONS = r"""
%
-Z
-Z -Y
-zx
-bs -Z
-odq -Z x@far.test
-odq x@far.test -Z
-odq x@far.test -- -Z
-odq -- x@far.test
-odq x@far.test - y@far.test
-:
-?
--help
'- '
-bz
-bq
-bI
-bM
-bB
-bS
-b ''
-b
-bm
-ba
-bt -bv joe
-bv -bt x@far.test
-B
-B ''
-Bfoo -odq x@far.test
-B7bit -odq x@far.test
-B8BitMime -odq x@far.test
-h
-h 3 -odq x@far.test
-hx -odq x@far.test
-h '' -odq x@far.test
-h-5 -odq x@far.test
-h17 -odq x@far.test
-h99 -odq x@far.test
-p
-pfoo:bar -odq x@far.test
-pfoo -odq x@far.test
-p:bar -odq x@far.test
-p foo: -odq x@far.test
-p '' -odq x@far.test
-M
-Mx -odq x@far.test
-M{foo}bar -odq x@far.test
-M '' -odq x@far.test
-rx@far.test -odq y@far.test
-s -odq x@far.test
-m -odq x@far.test
-I x@far.test
-n -odq x@far.test
-e p -odq x@far.test
-eX -odq x@far.test
-e ''
-T -odq x@far.test
-G -odq x@far.test
-U -odq x@far.test
-Lfoo -odq x@far.test
-L ''
-D FOLDER/debug -odq x@far.test
-X FOLDER/log -odq x@far.test
-Afoo -odq x@far.test
-Am -odq x@far.test
-A '' -odq x@far.test
-A
-c -odq x@far.test
-x -odq x@far.test
-t3 -odq
-v
-V
-V abc -odq x@far.test
-V 'a b' -odq x@far.test
-V 'a+2Bb' -odq x@far.test
-V 'a+2' -odq x@far.test
-V 'a+zz' -odq x@far.test
-V 'a=b' -odq x@far.test
-V '' -odq x@far.test
-V a -V b -odq x@far.test
-N
-Nnever -odq x@far.test
-NNever,success -odq x@far.test
-Nsuccess,delay -odq x@far.test
-Nfailure,delay,success -odq x@far.test
-Nfailure,, -odq x@far.test
-Nsuccess,foo -odq x@far.test
-Nfoo -odq x@far.test
-N '' -odq x@far.test
-Nnever -Nnever -odq x@far.test
-Nnever,failure -odq x@far.test
-R
-Rhdrs -odq x@far.test
-Rhdrs -Rfull -odq x@far.test
-RFULL -odq x@far.test
-Rfull -Vabc -odq x@far.test
-Rfoo -odq x@far.test
-R '' -odq x@far.test
-f
-f '' -odq x@far.test
-f '<>' -odq x@far.test
-f '<a@far.test>' -odq x@far.test
-f 'A B <a@far.test>' -odq x@far.test
-f 'a@far.test,b@far.test' -odq x@far.test
-f 'a b' -odq x@far.test
-f nosuch -odq x@far.test
-f joe -odq x@far.test
-f ann@corp.test -odq x@far.test
-f 'a@' -odq x@far.test
-f '"' -odq x@far.test
-f a@far.test -f b@far.test -odq x@far.test
-f a@far.test -r b@far.test -odq x@far.test
-f a@unknown.test -odq x@far.test
-F
-F '' -odq x@far.test
-F 'Some Body' -odq x@far.test
-F 'Some (Body), Jr.' -odq x@far.test
-F 'a"b' -odq x@far.test
-F A -F B -odq x@far.test
-F 'Some Body' -f a@far.test -odq x@far.test
-odq -itv
-oi -odq x@far.test
-om -odq x@far.test
-o
-o ''
-oZ
-oZ1 -odq x@far.test
-od
-odz x@far.test
-odb -odq x@far.test
-oeq -odq x@far.test
-oQ/nonexistent -odq x@far.test
-oxyz
-o7 -odq x@far.test
-ok3 -odq x@far.test
-oMs -odq x@far.test
-oMsfoo.test -oMrESMTP -odq x@far.test
-oM
-oL5 -odq x@far.test
-O
-O ''
-OFoo=1 -odq x@far.test
-OFoo -odq x@far.test
-O Foo=1 -bv x@far.test
-O Foo=1 -bt
-O Foo=1 -bi
-O Foo=1 -bs
-O m=1 -odq x@far.test
-O Queue=1 -odq x@far.test
-O QueueDir=FOLDER/queue -odq x@far.test
-O DeliveryMode=q x@far.test
-O DeliveryMode=z x@far.test
-O DeliveryMode x@far.test
-O ' DeliveryMode = q' x@far.test
-O LogLevel=high -odq x@far.test
-O Timeout.foo=3 -odq x@far.test
-O Timeout.queuereturn=3x -odq x@far.test
-O PrivacyOptions=foo -odq x@far.test
-O EightBitMode=x -odq x@far.test
-O EightBitMode=s -odq x@far.test
-O MaxMessageSize=1x -odq x@far.test
-O DontBlameSendmail=foo -odq x@far.test
-O DaemonPortOptions=Port=nosuch -bd
-O AliasFile=nosuch:FOLDER/aliases -bi
-O OperatorChars=. -odq x@far.test
-O NoRecipientAction=foo -t
-O RunAsUser=nosuch -odq x@far.test
-O TrustedUser=nosuch -odq x@far.test
-C
-C ''
-C /nonexistent -odq x@far.test
-C FOLDER -odq x@far.test
-C FOLDER/nonexistent -bv x@far.test
-C FOLDER/nonexistent -bi
-C FOLDER/nonexistent -bs
-C FOLDER/nonexistent -bD
-C FOLDER/sendmail.cf -C FOLDER/nonexistent -odq x@far.test
-C FOLDER/list -odq x@far.test
-C FOLDER/list -bi
-C /dev/null -bv x@far.test
-q5x
-qX
-q5
-q 5m x@far.test -bv
-q5m -bv x@far.test
-q5m -bt
-q5m -bi
-q5m -bs
-q5m -bp
-q5m -bm x@far.test
-qGnone
-qf
-q5m -t
-Q
-Qfoo
-bv
-bv ''
-bi x y z
-bt x
-bp x
-bH
-bh
-bP
-bC
-bD -q5x
-C FOLDER/nonexistent -Z
-Z -C FOLDER/nonexistent
-O Foo=1 -Z
-hx -Z
-Z -hx
-bz -Z
-Z -bz
-O Foo=1 -C FOLDER/nonexistent
-O Foo=1 -hx
-hx -O Foo=1
-hx -Nfoo -Rfoo -V 'a b' -q5x
-q5x -hx
-Bfoo -hx
-hx -Bfoo
-Bfoo -C FOLDER/nonexistent
-f a -f b -hx
-hx -f a -f b
-f a -f b -C FOLDER/nonexistent
-N foo -O LogLevel=1 -bt
-hx -bt
-f a -f b -bt
-q5x -bt
-U -bv joe
-I -bv joe
-Bfoo -bv joe
-hx -bi
-Nfoo -bs
-Bfoo -bs
-f joe -C
-C -f joe -odq x@far.test
-d0.1 -f joe -b
-ib
-ie
-odq x@far.test -bv
-v x@far.test -bv -odq
-odq -f joe -- -f ann
-bi -bv joe
-bv -bm -odq x@far.test
-bs -bm -odq x@far.test
-t -t -i -i -odq
-bv -t
-bv -t x@far.test
-bv -f a -f b joe
-bt -t
-bv joe ann nosuch
-bv team
-bv x@unknown.test x@far.test
-bv -v team
-bv -Nnever -Rhdrs -V x joe
-bv -F A -B8BITMIME -i -odb joe
"""
_DEBUG = r"""
-d0 -bv x@far.test
-d0.1 -bv x@far.test
-d0.3 -bv x@far.test
-d0.4 -bv x@far.test
-d0.9 -bv x@far.test
-d0.10 -bv x@far.test
-d0.12 -bv x@far.test
-d0.13 -bv x@far.test
-d0.15 -bv x@far.test
-d0.20 -bt
-d0 -bt
-d0-0.4 -bt
-d00.4 -bt
-d0,99.1 -bt
-d0. -bt
-d.4 -bt
-d0.4x -bt
-dx -bt
-d99.5 -bv x@far.test
-d99-100.5 -bv x@far.test
-d1000.1 -bt
-d0 -bi
-d0.4 -bs
-d0 -odq x@far.test
-d0 -t
-d0.4
-d0 -Z
-d0.1 -C FOLDER/nonexistent -bt
-d0.1 -O Foo=1 -bt
-d -1 -bt
-d "ANSI" -bt
"""
_LONG = "x" * 3000
_ALIASES = {
    "plain": "a: b\n",
    "empty": "",
    "comments": "# c\n\n#d\na: b\n",
    "no colon": "a b\n",
    "no value": "a:\nb: c\n",
    "duplicates": "a: b\nA: c\nb: d\n",
    "continued": "a: b,\n\tc,\n d\ne: f\\\ng\n",
    "blank first": " a: b\nc: d\n",
    "remote name": "x@far.test: a\njoe@corp.test: b\n",
    "unknown name": "x@unknown.test: a\nx@refused.test: a\nx@later.test: b\n",
    "odd names": '"a b": c\n<d>: e\n(c) f: g\nh (c): i\na,b: c\n@: d\n',
    "unbalanced": 'a": b\n"c: d\n(e: f\ng): h\ni<: j\n',
    "quotes": 'a: "|prog x"\nb: /file\nc: :include:/list\n"D": e\n\\f: g\n',
    "postmaster": "PostMaster: a\nMAILER-daemon: b\nRoot: c\n",
    "long value": f"a: {_LONG}\nb: {'y@z, ' * 1000}\n",
    "too long": f"a: {'y@z, ' * 2000}\nb: c\n",
    "long name": f"{_LONG}: a\n{'n' * 200}: b\n{'m' * 300}: c\n",
    "eight bit": "caf\xe9: b\nc: caf\xe9\n\x81: d\n",
    "controls": "a\x01: b\nc\x7f: d\ne: f\x01\n",
    "nul": "a: b\0c\nd\0e: f\n",
    "carriage returns": "a: b\r\nc: d\r\n",
    "no end": "a: b\nc: d",
    "plus": "a+b: c\nd+*: e\n",
    "loop": "a: b\nb: a\nc: c\n",
    "percent": "a%far.test: b\na!b: c\nfar.test!x: y\n",
}
_CHECKED = "O CheckAliases=True\n"


def _alias_cases() -> list[dict[str, Any]]:
    found = []
    for text in _ALIASES.values():
        found.append(case("aliases", call("-bi"), files={"aliases": text}))
    targets = 'a: b@far.test, "|x"\nb: x@unknown.test\nc: "d\nd: <e>, (f) g\ne: x@refused.test, y@later.test\n'
    found.append(case("aliases", call("-bi"), files={"aliases": targets}, cf=_CHECKED))
    simple = {"files": {"a1": "a: b\n", "a2": "c: d\nnocolon\n", "a3": "e: f\n"}}
    several = "O AliasFile=FOLDER/a1,FOLDER/a2, FOLDER/a3\n"
    found.append(case("aliases", call("-bi"), cf=several, **simple))
    for spec in (
        "hash:FOLDER/a1", "btree:FOLDER/a1", "hash:-N FOLDER/a1", "hash:-o FOLDER/gone", "hash:FOLDER/gone",
        "text:FOLDER/a1", "dbm:FOLDER/a1", "cdb:FOLDER/a1", "nosuch:FOLDER/a1", "regexp:a",
        "FOLDER/a1, FOLDER/gone", "implicit:FOLDER/a1", "HASH:FOLDER/a1", "null:x", "FOLDER/folder", "hash:FOLDER/a1 x",
        "user:x", "program:/bin/true", "hash:-T -a. FOLDER/a1", "files:FOLDER/a1", "nis:mail.aliases", "dequote:x",
    ):  # fmt: skip
        cf = f"O AliasFile={spec}\n"
        found.append(case("aliases", call("-bi"), cf=cf, folders=["folder"], **simple))
    for modes in ({"aliases": "666"}, {"aliases": "664"}, {"aliases": "000"}, {".": "777"}, {".": "775"}):
        found.append(case("aliases", call("-bi"), modes=modes))
    blame = "O DontBlameSendmail=MapInUnsafeDirPath,WorldWritableAliasFile,GroupWritableDirPathSafe\n"
    for modes in ({"aliases": "666"}, {"aliases": "664"}, {".": "777"}, {".": "775"}):
        found.append(case("aliases", call("-bi"), modes=modes, cf=blame))
    for blame, modes in (
        ("GroupWritableAliasFile", "664 666 646"), ("WorldWritableAliasFile", "646 602"),
        ("GroupWritableAliasFile,WorldWritableAliasFile", "666 646 664"),
    ):  # fmt: skip
        for mode in modes.split():
            cf = f"O DontBlameSendmail={blame}\n"
            found.append(case("aliases", call("-bi"), modes={"aliases": mode}, cf=cf))
    many = {f"f{number}": "a: b\n" for number in range(12)}
    twelve = ",".join(f"FOLDER/{name}" for name in many)
    found.append(case("aliases", call("-bi"), files=many, instead=[["FOLDER/aliases\n", f"{twelve}\n"]]))
    found.append(case("aliases", call("-bi"), files=many, cf=f"O AliasFile={twelve}\n"))
    link = {"files": {"real": "a: b\n"}, "links": {"linked": "FOLDER/real"}, "cf": "O AliasFile=FOLDER/linked\n"}
    found.append(case("aliases", call("-bi"), **link))
    found.append(case("aliases", call("-bi"), instead=[["O AliasFile=FOLDER/aliases\n", ""]]))
    found.append(case("aliases", call("-bi", user="joe")))
    found.append(case("aliases", call("-bi", user="joe"), joes=["aliases"], modes={".": "777"}))
    for words in ("-bi -v", "-bi", "-bi foo", "-bi -odq", "-bi -t", "-bi -oA FOLDER/list", "-bi -OAliasFile=FOLDER/list",
                  "-bi -d27.1", "-I", "-v -bi -i -f joe"):  # fmt: skip
        found.append(case("aliases", call(words), call(words)))
    for bad in ("Onosuch=1\n", "O Foo=1\n", "Zbad\n", "Kx nosuch\n", "R$*\tnone\n", "Mlocal\n", "V11\n", "O Queue=x\n"):
        found.append(case("aliases", call("-bi"), cf=bad))
    found.append(case("aliases", call("-bi"), instead=[["\nMlocal", "\nMlocalx"]]))
    found.append(case("aliases", call("-bi"), instead=[["O QueueDirectory=FOLDER/queue\n", ""]]))
    found.append(case("aliases", call("-bi"), instead=[["FOLDER/queue\n", "FOLDER/nosuch\n"]]))
    return found


def _name_cases() -> list[dict[str, Any]]:
    found = []
    for tool, words in (
        ("newaliases", ""), ("newaliases", "-v"), ("newaliases", "foo"), ("newaliases", "-bt"), ("newaliases", "-bv joe"),
        ("newaliases", "-Z"), ("newaliases", "-O Foo=1"), ("newaliases", "-C FOLDER/nonexistent"), ("newaliases", "-q5m"),
        ("newaliases", "-odq x@far.test"), ("newaliases", "-d0"), ("newaliases", "-b"), ("newaliases", "-bz"),
        ("newaliases", "-h"), ("newaliases", "-oA FOLDER/list"),
        ("mailq", ""), ("mailq", "-v"), ("mailq", "-Z"), ("mailq", "-Ac"), ("mailq", "-bt"), ("mailq", "x"),
        ("mailq", "-O Foo=1"), ("mailq", "-qRx"), ("mailq", "-C FOLDER/nonexistent"),
        ("hoststat", ""), ("hoststat", "-Z"), ("hoststat", "x"), ("hoststat", "-v"), ("purgestat", ""), ("purgestat", "-Z"),
        ("smtpd", "-Z"), ("smtpd", "-bv joe"), ("smtpd", "-bs"), ("smtpd", "-O DaemonPortOptions=Port=nosuch"),
        ("smtpd", "-C FOLDER/nonexistent"),
    ):  # fmt: skip
        found.append(case("names", call(words, tool=tool)))
    for words in ("", "team", "team nosuch", "TEAM", "-f FOLDER/aliases", "-f FOLDER/gone", "-f hash:FOLDER/aliases",
                  "-f btree:FOLDER/aliases", "-f nosuch:x", "-Z", "-f", "-C", "-C FOLDER/nonexistent", "-- team",
                  "owner-team ''"):  # fmt: skip
        found.append(case("names", call("-bi"), call(words, tool="praliases")))
    found.append(case("names", call("", tool="praliases")))
    return found


_HEADERS = {
    "plain": "To: x@far.test\n",
    "two": "To: x@far.test, y@far.test\nCc: z@far.test\n",
    "bcc": "To: x@far.test\nBcc: y@far.test\n",
    "bcc alone": "Bcc: y@far.test\n",
    "empty": "To:\nCc: \n",
    "folded": "To: x@far.test,\n\ty@far.test,\n z@far.test\n",
    "comments": "To: X (a, b) <x@far.test>, (c) y@far.test\n",
    "phrases": 'To: "A, B" <x@far.test>, C D <y@far.test>\n',
    "group": "To: friends: x@far.test, y@far.test;\n",
    "group empty": "To: undisclosed-recipients:;\n",
    "route": "To: <@a.test:x@far.test>\n",
    "semicolon": "To: x@far.test; y@far.test\n",
    "blanks": "To: x@far.test y@far.test\n",
    "double": "To: x@far.test, x@far.test, X@far.test\n",
    "resent": "To: x@far.test\nResent-To: y@far.test\nResent-From: a@far.test\n",
    "resent bcc": "To: x@far.test\nResent-Bcc: y@far.test\nResent-Cc: z@far.test\n",
    "apparently": "Apparently-To: x@far.test\n",
    "unknown": "To: x@unknown.test\n",
    "refused": "To: x@refused.test, y@far.test\n",
    "later": "To: x@later.test\n",
    "nosuch": "To: nosuch, x@far.test\n",
    "unbalanced": 'To: "x@far.test\nCc: <y@far.test\nBcc: (z@far.test\n',
    "eight bit": "To: caf\xe9@far.test\n",
    "control": "To: a\x01b@far.test\n",
    "case": "TO: x@far.test\ncC: y@far.test\n",
    "space before colon": "To : x@far.test\n",
    "local": "To: joe, ann@corp.test\n",
    "alias": "To: team\n",
    "root": "To: root\n",
    "percent": "To: x%far.test@corp.test\n",
    "nothing": "Subject: x\n",
    "from_": "From a Mon Jan  1 00:00:00 2020\nTo: x@far.test\n",
    "no header": "\nTo: x@far.test\n",
    "return receipt": "To: x@far.test\nReturn-Receipt-To: a@far.test\nErrors-To: b@far.test\n",
    "received": "To: x@far.test\nReceived: from a by b; c\nDate: d\nMessage-Id: <e@f>\nReturn-Path: <g@h>\n",
    "not a header": "To: x@far.test\nnot a header\nCc: y@far.test\n",
    "empty fields": "To: x@far.test\nSubject:\nX-A: \nDate:\nFrom:\n",
    "priority": "To: x@far.test\nPrecedence: bulk\nPriority: urgent\n",
    "long": f"To: x@far.test\nX-Long: {'y' * 5000}\n",
    "mime": "To: x@far.test\nMIME-Version: 1.0\nContent-Type: text/plain\n",
}
_BODIES = {
    "empty": "",
    "newline": "\n",
    "no end": "To: x@far.test\n\nbody",
    "no body": "To: x@far.test\n",
    "no body, no end": "To: x@far.test",
    "dots": "To: x@far.test\n\na\n.\nb\n",
    "more dots": "To: x@far.test\n\n..\n.a\n...\nb\n. \n",
    "dot at once": "To: x@far.test\n\n.\n",
    "dot in header": "To: x@far.test\n.\nbody\n",
    "crlf": "To: x@far.test\r\nSubject: a\r\n\r\nbody\r\nb\rc\r\n",
    "crlf dot": "To: x@far.test\r\n\r\nbody\r\n.\r\nmore\r\n",
    "nul": "To: x@far.test\nSubject: a\0b\n\nb\0c\n\0\n",
    "eight bit": "To: x@far.test\nSubject: caf\xe9\n\ncaf\xe9\n",
    "long lines": f"To: x@far.test\n\n{'a' * 3000}\n{'b' * 991}\n",
    "from lines": "To: x@far.test\n\nFrom a\n>From b\nfrom c\n",
    "body at once": "this is no header\nTo: x@far.test\n\nbody\n",
    "blank first": " blank\nTo: x@far.test\n\nbody\n",
    "bare cr": "To: x@far.test\n\na\rb\n",
}
_DEST = r"""
-odq x@far.test
-odq x@far.test y@far.test
-odq x@far.test,y@far.test
-odq 'x@far.test y@far.test'
-odq 'X <x@far.test>' '(c) y@far.test'
-odq x@far.test x@far.test
-odq ''
-odq ' '
-odq ,
-odq '<>'
-odq '@'
-odq root
-odq team
-odq joe
-odq joe x@far.test
-odq ann@corp.test
-odq nosuch
-odq nosuch x@far.test
-odq nosuch nobody2
-odq x@unknown.test
-odq x@refused.test
-odq x@later.test
-odq x@later.test y@far.test
-odq 'x"@far.test'
-odq '<x@far.test'
-odq 'x@far.test>'
-odq '|/bin/cat'
-odq /tmp/file
-odq :include:FOLDER/list
-odq '\joe'
-odq joe+box
-odq nobody
-odq loop1
-odq list
-odq MAILER-DAEMON
-odq x%far.test@corp.test
-odq x@far.test -i
-oi -odq x@far.test
-odq -oep nosuch
-odq -oeq nosuch
-odq -bv x@far.test
-odq -v x@unknown.test
-odq -bm -- x@far.test
-odq -U -n root
-odq -O MaxMessageSize=10 x@far.test
-odq -O MaxRecipientsPerMessage=1 x@far.test y@far.test
-odq -O MaxHopCount=3 -h 5 x@far.test
-odq -O PrivacyOptions=goaway -fjoe x@far.test
-odq -O QueueDirectory=FOLDER/nosuch x@far.test
-odq -O QueueDirectory= x@far.test
-odq -O QueueDirectory=FOLDER/list x@far.test
-odq -B8BITMIME -Nsuccess -Rhdrs -Vid -f ann x@far.test
-t -odq
-t -odq x@far.test
-t -odq x@far.test z@far.test
-odq -t -f joe -F Joe
-odq -f ann@corp.test nosuch x@far.test
-odq -f root nosuch
-odq -F X -f a@far.test x@far.test
-odq -F X -f '' x@far.test
-odq -t nosuch
"""
_ACTIONS = "none add-to add-apparently-to add-bcc add-to-undisclosed"


def _submission_cases() -> list[dict[str, Any]]:
    found = []
    for header in _HEADERS.values():
        found.append(case("headers", call("-odq -t", f"{header}\nbody\n")))
    for name in ("resent", "bcc", "received", "nothing", "from_", "no header", "empty fields", "not a header"):
        found.append(case("headers", call("-odq q@far.test", f"{_HEADERS[name]}\nbody\n")))
    for body in _BODIES.values():
        found.append(case("bodies", call("-odq -t", body)))
        found.append(case("bodies", call("-odq -i x@far.test", body)))
    for size in (40000, 32000):
        found.append(case("headers", call("-odq -t", f"To: x@far.test\nX-A: {'y' * size}\n\nbody\n")))
        found.append(case("headers", call("-odq q@far.test", f"{'y' * size}\n\nbody\n")))
    for words in ("-odq -f joe x@far.test", "-odq -F X -f a@far.test x@far.test", "-odq -F X -f joe x@far.test"):
        found.append(case("headers", call(words, "Subject: x\n\nb\n")))
    for action in _ACTIONS.split():
        cf = f"O NoRecipientAction={action}\n"
        found.append(case("headers", call("-odq x@far.test", "Subject: x\n\nbody\n"), cf=cf))
        found.append(case("headers", call("-odq -t", "Bcc: x@far.test\n\nbody\n"), cf=cf))
    found += each("recipients", _DEST, MESSAGE)
    found.append(case("recipients", call("-odq -t x@far.test", "To: x@far.test, y@far.test\n\nb\n")))
    found.append(case("recipients", call("-odq -t X@FAR.test", "To: x@far.test, y@far.test\nCc: joe\n\nb\n")))
    for words in ("-odq x@far.test", "-odq -fann x@far.test", "-odq -FAnn x@far.test", "-odq -fjoe x@far.test", "-bv joe",
                  "-bv x@far.test", "-bs", "-bD", "-bt -d0", "-odq -O LogLevel=5 x@far.test", "-O QueueDirectory=/tmp -bv joe",
                  "-odq -C /nonexistent x@far.test", "-odq -t", "-bi", "-odq -D /etc/x x@far.test", "-d0.1 -bv joe",
                  "-odq nosuch", "-odq -pfoo:bar x@far.test", "-odq -f '' x@far.test", "-X FOLDER/queue/x -odq x@far.test", "-odq -Am x@far.test", "-pfoo:bar -odq x@far.test", "-oMsfoo -odq x@far.test",
                  ):  # fmt: skip
        found.append(case("user", call(words, MESSAGE, user="joe")))
        if words.startswith("-odq") or words == "-bs":
            found.append(case("user", call(words, MESSAGE, user="joe"), modes={"queue": "777"}))
            found.append(case("user", call(words, MESSAGE, user="joe"), joes=["queue"]))
    trusted = "Tjoe\n"
    for words in ("-odq -fann x@far.test", "-odq -f ann@far.test -FAnn x@far.test"):
        found.append(case("user", call(words, MESSAGE, user="joe"), joes=["queue"], cf=trusted))
    for words in ("-odq -t", "-odq x@far.test", "-bs", "-bt", "-bv x@far.test", "-bi", ""):
        found.append(case("closed", call(words, closed=True)))
    return found


def talk(*pieces: str, words: str = "-bs", **more: Any) -> Call:
    """A session: each piece is sent when the reply to the one before it is there; the first after the greeting."""
    return {**call(words, **more), "talk": list(pieces)}


_EHLO = "EHLO client.test\r\n"
_MAIL = (
    "MAIL FROM:<a@far.test>\r\n",
    "RCPT TO:<x@far.test>\r\n",
    "DATA\r\n",
    "Subject: x\r\n\r\nbody\r\n.\r\n",
    "QUIT\r\n",
)


def _session_cases() -> list[dict[str, Any]]:
    found = []
    for pieces in (
        (_EHLO, *_MAIL), ("HELO client.test\r\n", *_MAIL), _MAIL, (_EHLO, "RCPT TO:<x@far.test>\r\n", "DATA\r\n"),
        (_EHLO, "MAIL FROM:<>\r\n", "RCPT TO:<nosuch>\r\n", "RCPT TO:<x@unknown.test>\r\n", "DATA\r\n"),
        (_EHLO, "MAIL FROM:<joe>\r\n", "RCPT TO:<ann@corp.test>\r\n", "RSET\r\n", "RCPT TO:<joe>\r\n"),
        (_EHLO, "NOOP\r\n", "HELP\r\n", "VRFY joe\r\n", "EXPN team\r\n", "FOO\r\n", "VERB\r\n", "ETRN far.test\r\n"),
        ("QUIT\r\n",), ("\r\n", "\n", "QUIT\n"), (), (_EHLO, *_MAIL[:3], "Subject: x\r\n"),
        (_EHLO + "MAIL FROM:<a@far.test>\r\nRCPT TO:<x@far.test>\r\n", "QUIT\r\n"),
        (_EHLO, "MAIL FROM:<a@far.test>\r\nRCPT TO:<x@far.test>\r\nDATA\r\n", "Subject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n"),
        (_EHLO, "STARTTLS\r\n", "AUTH PLAIN\r\n", "DATA\r\n", "BDAT 5\r\n"),
        (_EHLO, "MAIL FROM:<a@far.test> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=x\r\n",
         "RCPT TO:<x@far.test> NOTIFY=NEVER ORCPT=rfc822;x@far.test\r\n", "DATA\r\n", "x\r\n..\r\n.\r\n", "QUIT\r\n"),
    ):  # fmt: skip
        found.append(case("session", talk(*pieces)))
    for words in (
        "-bs -v",
        "-bs -f joe",
        "-bs -odq x",
        "-bs -t",
        "-bs -Am",
        "-bs -d0",
        "-bs -i",
        "-bs -Otimeout.command=1h",
    ):
        found.append(case("session", talk(_EHLO, *_MAIL, words=words)))
    found.append(case("session", call("-bs", _EHLO + "".join(_MAIL))))
    found.append(case("session", call("-bs", "QUIT\r\n")))
    found.append(case("session", call("-bs", "")))
    found.append(case("session", talk(_EHLO, *_MAIL, user="joe")))
    found.append(case("session", talk(_EHLO, *_MAIL, user="joe"), joes=["queue"]))
    return found


def _daemon_cases() -> list[dict[str, Any]]:
    """Daemons that do not start; one that does is stopped when it listens."""
    found = []
    port = "O DaemonPortOptions=Port=2526,Addr=127.0.0.1,Name=MTA\n"
    for mode in ("-bD", "-bd"):
        for words in (
            "-O DaemonPortOptions=Port=nosuch", "-O DaemonPortOptions=Port=2526,Addr=10.9.9.9",
            "-O DaemonPortOptions=Port=2526,Addr=nosuch.test", "-O DaemonPortOptions=Foo=1,Port=2526",
            "-O PidFile=/nonexistent/pid", "-O QueueDirectory=/nonexistent", "x@far.test", "-t", "-v", "-i -odq",
        ):  # fmt: skip
            found.append(case("daemon", {**call(f"{mode} {words}"), "daemon": True}, cf=port))
        found.append(case("daemon", {**call(mode, user="joe"), "daemon": True}, cf=port))
        found.append(case("daemon", {**call(mode), "daemon": True, "taken": 2526}, cf=port))
    return found


def cases() -> list[dict[str, Any]]:
    """All of them, each with its number."""
    found = [
        *each("options", _OPTIONS, MESSAGE),
        *each("debug", _DEBUG, ""),
        *_alias_cases(),
        *_name_cases(),
        *_submission_cases(),
        *_session_cases(),
        *_daemon_cases(),
    ]
    return [
        {
            "number": number,
            "group": each["group"],
            "site": {key: value for key, value in each.items() if key in _SITE},
            "calls": each["calls"],
        }
        for number, each in enumerate(found)
    ]
