# ruff: noqa: E501
"""A site with aliases, lists and .forward files of all kinds, and calls of sendmail -bv on it.

Paths are those that the files have on the machine: the recorder gives sendmail an /etc and a /home of its own.
"""

from __future__ import annotations

import shlex
from typing import Any, NamedTuple

HOST = "mail.corp.test"
CF = r"""V10/Berkeley
O OperatorChars=.:%@!^/[]+
O DontProbeInterfaces=True
O QueueDirectory=/var/spool/mqueue
O AliasFile=/etc/mail/aliases
O OldStyleHeaders=True
O BlankSub=.
O DefaultUser=1:1
O LogLevel=0
Djmail.corp.test
Cwlocalhost corp.test mail.corp.test
C{Hub}hub.test
Troot
Kvirt hash -o /etc/mail/virt
Klost hash /etc/mail/lost
Mlocal, P=/bin/true, F=lsDFMAw5:/|@qSPn9, S=10, R=11, T=DNS/RFC822/X-Unix, A=true $u
Mprog, P=/bin/sh, F=lsDFMoqeu9, S=10, R=11, D=/, A=sh -c $u
Msmtp, P=[IPC], F=mDFMuX, S=12, R=12, E=\r\n, L=990, A=TCP $h
Mrelay, P=[IPC], F=mDFMuXa8, S=12, R=12, E=\r\n, L=2040, A=TCP $h
Mbox, P=/bin/true, F=lsDFMA5, S=10, R=10, A=true $u
S3
R$* < $* > $*	$2
R$@	$@ <@>
R$+ @ $+	$: $1 < @ $2 >
R$+ < @ $=w >	$: $1 < @ $2 . >
S0
R<@>	$#local $: <@>
R$- < @ virt.test >	$: < $(virt $1 $: none $) > $1
R< none > $*	$#error $@ 5.1.1 $: "550 no such virtual user " $1
R< error $+ > $*	$#error $@ 5.7.0 $: $1
R< $+ > $*	$>0 $>3 $1
R$- < @ lost.test >	$: < $(lost $1 $: none $) > $1
R$+ < @ $=w . >	$: $1
R$+ < @ $={Hub} >	$#relay $@ $2 $: $1 < @ $2 >
R$+ < @ refused.test >	$#error $@ 5.7.1 $: "550 no mail for " $1
R$+ < @ later.test >	$#error $@ 4.3.0 $: "451 come back later"
R$+ < @ box.test >	$#box $: $1
R$+ < @ $+ >	$#smtp $@ $2 $: $1 < @ $2 >
R$+	$#local $: $1
S5
R$+ + $*	$#local $@ $2 $: $1
R hubbed	$#relay $@ hub.test $: hubbed
R wrong	$#error $@ 5.2.1 $: "550 mailbox closed"
R waiting	$#error $@ 4.2.1 $: "450 mailbox busy"
R lost	$: $(lost x $)
S1
S2
S4
R$* < @ $* . >	$1 @ $2
R$* < @ $+ > $*	$1 @ $2 $3
S10
S11
S12
R$+ < @ $+ >	$@ $1 < @ $2 >
R$+	$@ $1 < @ $j . >
"""
ALIASES = """\
postmaster: root
MAILER-DAEMON: postmaster
root: joe
team: ann, bob@far.test
owner-team: joe
prog: "|/bin/cat"
prog2: |/bin/cat
file: /var/tmp/never
null: /dev/null
incl: :include:/etc/mail/list
incl2: ":include:/etc/mail/commands"
noincl: :include:/nonexistent/list
relincl: :include:list
blankincl: ":include: /etc/mail/list"
nest: :include:/etc/mail/nest
yanlist: :include:/etc/mail/yanlist
loop1: loop2
loop2: loop1
joe: \\joe, ann
ann: ann, bob
dan: dan
carl: dan2
dan2: carl
remote: x@elsewhere.test
plus+box: ann
err1: x@refused.test
err2: x@later.test, bob
multi: ann, joe, "|/bin/prog a b", /var/x, c@far.test, d@far.test, z@elsewhere.test
bad: nosuchuser, ann
bad2: nosuchuser
badsyn: <ann
badsyn2: bob, "x, ann
many: ann, ann, ann
self: self
sp: ann joe
q: \\ann
q2: "ann"
x1: eve
eve: x1, bob
f1: f2, z@far.test
f2: f3
f3: f1
d0: d1
d1: d2
d2: d3
d3: d4
d4: d5
d5: d6
d6: d7
d7: d8
d8: d9
d9: d10
d10: d11
d11: d12
d12: bob
spaces: ann , bob ,  carl3 ,
comm: Ann Other <ann@corp.test>, bob (the bob), "Q X" <z@far.test>
selfa: selfb, selfa
selfb: bob
grp: list: ann, bob;
n0: nosuch1, nosuch2, bob
n1: nosuch1@corp.test
owned: ann, bob
owner-owned: first, second
ctl: "|/bin/cat", "|/bin/cat"
e1: a@bad..domain, bob
lt: <>
at: @corp.test
la: a1@far.test, a2@far.test, eve
owner-la: joe
lb: b1@far.test, b2@aaa.test, bob+b
owner-lb: bob
lc: c1@far.test, c2@far.test, lb
owner-lc: x@far.test, y@far.test
ld: d1@far.test
owner-ld: bob
fold: ann,
 bob,
 x@far.test
virtual: known@virt.test
long: LONG, bob
eight: b\xf6b, bob
hub: hubbed, wrong, bob
boxed: eve@box.test, nosuch@box.test
""".replace("LONG", "a" * 240)
PASSWD = """\
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
joe:x:3001:3001:Joe User:/home/joe:/bin/sh
ann:x:3002:3001:Ann Other,,,:/home/ann:/bin/sh
bob:x:3003:3001:Bob:/home/bob:/bin/false
carl:x:3004:3001:Carl:/home/carl:/bin/sh
dan:x:3005:3001:Dan:/home/dan:/bin/sh
nohome:x:3006:3001:No Home:/nonexistent:/bin/sh
emptyhome:x:3007:3001:Empty Home::/bin/sh
eve:x:3009:3001:Eve:/home/eve:/bin/sh
zoe:x:3010:3001:Z:/home/zoe:/bin/sh
yan:x:3011:3001:Y:/home/yan:/bin/false
xen:x:3012:3001:X:/home/xen:/bin/sh
wim:x:3013:3001:W:/home/wim:/bin/sh
val:x:3014:3001:V:/home/val:/bin/sh
uli:x:3016:3001:U:/home/uli:/bin/sh
tom:x:3017:3001:T:/home/tom:/bin/sh
sue:x:3018:3001:S:/home/sue:/bin/sh
rob:x:3019:3001:R:/home/rob:/bin/sh
pam:x:3020:3001:P:/home/pam:/bin/sh
ole:x:3021:3001:O:/home/ole:/bin/sh
ned:x:3022:3001:N:/home/ned:/bin/sh
meg:x:3023:3001:M:/home/meg:/bin/sh
lea:x:3024:3001:L:/home/lea:/bin/sh
hubbed:x:3025:3001:H:/home/joe:/bin/sh
lost:x:3026:3001:L:/home/joe:/bin/sh
"""
GROUP = "root:x:0:\ndaemon:x:1:\nusers:x:3001:\nlists:x:3100:daemon\nfriends:x:3101:lea\n"
SHELLS = "# shells\n/bin/sh\n/bin/bash\n"


class SiteFile(NamedTuple):
    """A file: its text, owner, group and mode. A text that begins with ``->`` is a symbolic link."""

    text: str
    owner: int = 0
    group: int = 0
    mode: int = 0o644


FILES = {
    "/etc/mail/aliases": SiteFile(ALIASES),
    "/etc/mail/virt": SiteFile("known\tann\nhidden\terror:550 5.7.0 hidden\nagain\tx@far.test\n"),
    "/etc/mail/udb": SiteFile(
        "bob:maildrop\tx@far.test\ncarl3:maildrop\tann\nwim:maildrop\twim, zoe\nann:maildrop\tx@far.test\n"
        "err:maildrop\tnosuch\nbob:mailname\tbob.name@corp.test\nval:maildrop\tval\neve:maildrop\tbob\n"
        "rob:maildrop\tr@far.test, rob@aaa.test\nrob:mailsender\town@corp.test\nx@far.test:maildrop\tbob\n"
    ),
    "/etc/mail/list": SiteFile("ann\n# a comment\nbob, c@far.test\n"),
    "/etc/mail/commands": SiteFile('"|/bin/x"\n/tmp/y\n'),
    "/etc/mail/nest": SiteFile(
        "#x\n\nann, carl # no comment\nbob #@# comment\n:include:/etc/mail/list\n  spaced  \n\"|/bin/y\"\n\\carl\n"
    ),
    "/etc/mail/yanlist": SiteFile("|/bin/x\n/tmp/y\nann\n", 3011, 3001),
    "/etc/mail/nobodys": SiteFile("|/bin/x\nbob\n", 4444, 4444),
    "/etc/mail/group": SiteFile("|/bin/x\nbob\n", mode=0o664),
    "/etc/mail/private": SiteFile("bob\n", mode=0o600),
    "/etc/mail/lists": SiteFile("bob\n", 0, 3100, 0o640),
    "/etc/mail/linked": SiteFile("->/etc/mail/list"),
    "/home/dan/.forward": SiteFile("dan2@far.test, \\dan\n", 3005, 3001),
    "/home/carl/.forward": SiteFile("zoe\n", 3004, 3001),
    "/home/zoe/.forward": SiteFile('ann\n"|/bin/vacation zoe"\n/home/zoe/box\n', 3010, 3001),
    "/home/yan/.forward": SiteFile('"|/bin/vacation yan"\n/home/yan/x\nbob\n', 3011, 3001),
    "/home/xen/.forward": SiteFile('ann\n"|/bin/vacation xen"\n/tmp/x', 3012, 3001, 0o666),
    "/home/wim/.forward": SiteFile("bob\n", 3003, 3001),
    "/home/val/.forward": SiteFile(":include:/home/val/list\n", 3014, 3001),
    "/home/val/list": SiteFile("|/bin/x\n/tmp/z\nann\n", 3014, 3001),
    "/home/uli/.forward": SiteFile("uli, ann\n", 3016, 3001),
    "/home/tom/.forward": SiteFile("", 3017, 3001),
    "/home/sue/.forward": SiteFile("->/home/val/list"),
    "/home/rob/.forward": SiteFile("bob\n", 0, 0, 0o600),
    "/home/pam/.forward": SiteFile("bob\n", 3020, 3001, 0o620),
    "/home/ole/.forward+x": SiteFile("x@far.test\n", 3021, 3001),
    "/home/ole/.forward": SiteFile("o@far.test\n", 3021, 3001),
    "/home/ned/.forward": SiteFile("bob\n", 3022, 3001, 0o000),
    "/home/meg/.forward": SiteFile("nosuch, :include:/etc/mail/list, :include:/etc/mail/private\r\n#\n\"a b\"\n", 3023, 3001),
    "/home/lea/.forward": SiteFile(":include:/etc/mail/nobodys\n:include:/etc/mail/yanlist\n", 3024, 3001),
    "/home/eve/.keep": SiteFile("", 3009, 3001),
    "/home/bob/.keep": SiteFile("", 3003, 3001),
    "/home/ann/.keep": SiteFile("", 3002, 3001),
    "/home/joe/.keep": SiteFile("", 3001, 3001),
}  # fmt: skip
FOLDERS = {  # owner, group and mode of those that are not root's, 0755
    "/home/sue": (3018, 3001, 0o775),
    "/home/meg": (3023, 3001, 0o755),
    "/var/spool/mqueue": (0, 0, 0o700),
}
TABLES = {"/etc/mail/virt": "hash", "/etc/mail/udb": "btree"}
DNS = {("far.test", "MX"): ["10 gw.far.test"], ("gw.far.test", "A"): ["127.0.0.2"]}

_NAMES = """\
joe ann root team prog incl incl2 noincl relincl blankincl nest yanlist loop1 loop2 plus+box joe+box bob+box err1 err2
multi bad bad2 badsyn badsyn2 many self sp dan carl dan2 x1 eve f1 d0 d1 spaces comm selfa selfb grp owned ctl e1 lt at la
lc fold virtual long eight hub boxed nosuch \\carl \\joe zoe yan xen wim val uli tom sue rob pam ole ole+x ned meg lea
nohome emptyhome postmaster POSTMASTER Mailer-Daemon hubbed wrong waiting lost lost@lost.test known@virt.test
hidden@virt.test again@virt.test none@virt.test x@refused.test x@later.test eve@box.test carl@corp.test x@hub.test
|/bin/cat /var/x :include:/etc/mail/list Joe.User Joe"""
_CALLS = r"""
prog2 file null
f2 f3
n0 n1
q q2
carl carl
'carl dan' 'carl,bob'
JOE Carl CARL
'"|/bin/cat"' /var/x ':include:/etc/mail/list'
x@far.test carl y@elsewhere.test z@far.test a@gw.far.test
carl@corp.test carl@mail.corp.test bob
carl3+x x@aaa.test eve+box x@far.test bob+zzz bob+bbb
la lb
lb la
la lb lc
ld la lb lc x@far.test
la lb nosuch
-O MaxAliasRecursion=3 d3 team
-O MaxAliasRecursion=0 team
-O MaxAliasRecursion=12 d0
-O DontBlameSendmail=GroupWritableForwardFile,WorldWritableForwardFile xen pam
-O DontBlameSendmail=GroupWritableForwardFile,WorldWritableForwardFile,GroupWritableForwardFileSafe,WorldWritableForwardFileSafe xen
-O DontBlameSendmail=ForwardFileInUnsafeDirPath sue
-O DontBlameSendmail=ForwardFileInUnsafeDirPath,LinkedForwardFileInWritableDir sue
-O DontBlameSendmail=GroupWritableDirPathSafe sue
-O ForwardPath= zoe
-O ForwardPath=/home/zoe/.forward wim
-O ForwardPath=/home/nowhere:/home/zoe/.forward zoe
-O MatchGECOS=True Joe.User Ann.Other Eve
-O MatchGECOS=True 'No Home' No_Home
-O AliasFile=/nonexistent/aliases eve joe
-O AliasFile=hash:/nonexistent/aliases eve joe
-O AliasFile=stab:/etc/mail/aliases eve
-O AliasFile=text:/etc/mail/aliases eve
-O AliasFile=hash:/nonexistent/x,/etc/mail/aliases joe eve
-O QueueDirectory=/nonexistent/q joe
-O QueueDirectory=/etc/passwd joe
-O Foo=1 joe
-O UseMSP=True joe
-f '<x' bob
-f 'a@b@c' bob
-f joe la bob
-f bob lb la
-f '' bob
''
' '
, bob
'bob,eve zoe'
'Wim <wim@corp.test>'
bob@ 'x y@far.test' '<bob>' '<bob' 'bob>'
'"bob"' 'b\ob' '"bo b"' 'bob (x)'
bob@[127.0.0.1] bob@localhost
-O DefaultUser=daemon -O AliasFile=/etc/mail/al2 -- secret listed
-O AliasFile=/etc/mail/al2 grouped nobodys linked
-O AliasFile=/etc/mail/al2 -O DontBlameSendmail=GroupWritableIncludeFile grouped
-O AliasFile=/etc/mail/al2 -O DontBlameSendmail=GroupWritableIncludeFile,GroupWritableIncludeFileSafe grouped
-O AliasFile=/etc/mail/al2,/etc/mail/aliases secret team
-O MeToo=False -f ann many team
-O MeToo=False -f bob@far.test team ann
-O MeToo=False -f bob many bob
-O MeToo=True -f ann many
-O UserDatabaseSpec=/etc/mail/udb bob
-O UserDatabaseSpec=/etc/mail/udb carl3 bob
-O UserDatabaseSpec=/etc/mail/udb wim err val
-O UserDatabaseSpec=/etc/mail/udb.db ann eve eve@box.test
-O UserDatabaseSpec=/etc/mail/udb rob bob@corp.test x@far.test
-O UserDatabaseSpec=/etc/mail/udb rob wim
-O UserDatabaseSpec=/etc/mail/udb \\bob BOB bob+x
-O UserDatabaseSpec=/etc/mail/nosuch,/etc/mail/udb bob
-O UserDatabaseSpec=/etc/mail/nosuch bob
"""
FILES["/etc/mail/al2"] = SiteFile(
    "secret: :include:/etc/mail/private\nlisted: :include:/etc/mail/lists\ngrouped: :include:/etc/mail/group\n"
    "nobodys: :include:/etc/mail/nobodys\nlinked: :include:/etc/mail/linked\n"
)


def cases() -> list[dict[str, Any]]:
    """The calls: arguments behind -bv, with and without -v, and whether the alias database is built."""
    calls = [[name] for name in _NAMES.split()] + [shlex.split(line) for line in _CALLS.strip().splitlines()]
    found = [{"built": False, "arguments": ["-v", *call]} for call in calls]
    found += [{"built": False, "arguments": call} for call in calls[::6]]
    found += [{"built": True, "arguments": ["-v", *call]} for call in calls[::4]]
    return [*found, {"built": True, "arguments": []}]
