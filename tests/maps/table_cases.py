"""Tables that need no file, asked hermetically (tests/maps) and of the real postmap (tests/live)."""

from __future__ import annotations

# (table, key, value)
ANSWERS: list[tuple[str, bytes, bytes | None]] = [
    ("static:x", b"any", b"x"),
    ("static: ", b"any", b" "),
    ("static:{ a b }", b"any", b"a b"),
    ("static:{}", b"any", b""),
    ("inline:{HOME=x}", b"home", b"x"),
    ("inline:{ {home = b c} }", b"HOME", b"b c"),
    ("inline:{ home=1, home=2 }", b"home", b"2"),
    ("inline:{x={a}, home=b}", b"home", b"b"),
    ("inline:{home={a b}}", b"home", b"{a b}"),
    ("inline:{{home = a = b}}", b"home", b"a = b"),
    ("inline:{{home=}}", b"home", b""),
    ("inline:{a=}", b"home", None),
    ("unionmap:{static:a,static:b}", b"x", b"a,b"),
    ("unionmap:{static:{a b}, static:{c,d}}", b"x", b"a b,c,d"),
    ("unionmap:{inline:{b=c}, static:b}", b"x", b"b"),
    ("unionmap:{inline:{b=c}}", b"x", None),
    ("pipemap:{static:a,inline:{A=c}}", b"x", b"c"),
    ("pipemap:{inline:{home=a},inline:{b=c}}", b"home", None),
    ("pipemap:{static:a,, static:b}", b"x", b"b"),
    ("randmap:{{a b}}", b"x", b"{a b}"),
]

# (table, how the message begins)
MISTAKES: list[tuple[str, str]] = [
    ("foo:x", "unsupported dictionary type: foo"),
    ("HASH:x", "unsupported dictionary type: HASH"),
    ("unix:shadow.byname", "unknown table: unix:shadow.byname"),
    ("hash:", 'open dictionary: expecting "type:name" form instead of "hash:"'),
    (":x", 'open dictionary: expecting "type:name" form instead of ":x"'),
    ("static:{a", "bad static:name syntax: missing '}' in \"{a\""),
    ("static:{a b} c", "bad static:name syntax: syntax error after '}' in \"{a b} c\""),
    ("inline:{}", 'bad syntax: "inline:{}"; need "inline:{name=value...}"'),
    ("inline:x", 'bad syntax: "inline:x"; need "inline:{name=value...}"'),
    ("inline:{a=b}x", 'bad syntax: "inline:{a=b}x"; need "inline:{name=value...}"'),
    ("inline:{ }", 'empty table: "inline:{ }"; need "inline:{name=value...}"'),
    ("inline:{a}", 'missing \'=\' after attribute name: "inline:{a}"; need "inline:{name=value...}"'),
    ("inline:{{a b}}", 'missing \'=\' after attribute name: "inline:{{a b}}"; need "inline:{name=value...}"'),
    ("inline:{ {Q q = r} }", "missing '=' after attribute name: \"inline:{ {Q q = r} }\"; need"),
    ("inline:{{a = b}c}", 'syntax error after \'}\' in "{a = b}c": "inline:{{a = b}c}"; need'),
    ("unionmap:{}", 'bad syntax: "unionmap:{}"; need "unionmap:{type:name...}"'),
    ("unionmap:static:a", 'bad syntax: "unionmap:static:a"; need "unionmap:{type:name...}"'),
    ("unionmap:{foo:bar}", "unsupported dictionary type: foo"),
    ("pipemap:{hash}", 'bad syntax: "pipemap:{hash}"; need "pipemap:{type:name...}"'),
    ("pipemap:{ , }", 'bad syntax: "pipemap:{ , }"; need "pipemap:{type:name...}"'),
    ("randmap:{}", 'bad syntax: "randmap:{}"; need "randmap:{value...}"'),
]
