"""What Postfix's table tools and its smtpd are asked where the words of its versions differ.

A tool's command follows ``-c .``, in a directory that holds `FILES`. A dialogue is played line by line; what
`CONTENT` has goes through smtpd and cleanup.
"""

from __future__ import annotations

MAIN_CF = "compatibility_level = 3.6\nmyhostname = mail.example.com\nsmtputf8_enable = yes\n"
_HIDDEN = "{c}\na\0b{c} 1\n# c\0\nc{c} d\0\xff\n lead\n\n\0 x\n{c}\ny{c} \xff\xc3\xa9\0z\nlast{c}"
FILES = {
    "t": "a 1\nb 2\n",
    "nulls": _HIDDEN.format(c=""),
    "alias_nulls": _HIDDEN.format(c=":"),
    "null_comment": "# a\0\n\n# b\n",
    "null_lead": " a\0b\nc d\n",
    "bytes": "k\xc3\xa9\xff\nk\xf5\x80\xff\nk\xed\xa0\x80\xff\nk\xe0\x80\x80\xff\n"
    "k\xc0\xaf\xe2\x82\xff\nk\xc2\x85\x7f\xff\n",
    "domains": "root: x\na@b: 1\n@c: 2\na%b: 3\n",
    "rules": "# c\0\n/a/ 1\n\0\n/b/ 2\0x\n",
    "networks": "1.2.3.4 a\0\n\0\n",
}
TABLE_COMMANDS = [
    *([tool, "nosuch:t"] for tool in ("postmap", "postalias")),
    *(["postmap", *option, "nosuch:t"] for option in (["-q", "a"], ["-d", "a"], ["-s"], ["-i"], ["-q", "-"])),
    ["postmap", "-q", "a", "pipemap:{static:x,nosuch:y}"],
    *(["postmap", f"{kind}:t"] for kind in ("regexp", "pcre", "cidr", "texthash", "static", "inline", "unix", "tcp")),
    ["postalias", "regexp:t"],
    *(["postmap", option, "hash:nulls"] for option in ("-f", "-u", "-N")),
    ["postmap", "btree:null_comment"],
    ["postmap", "hash:null_lead"],
    ["postmap", "hash:bytes"],
    ["postmap", "-u", "hash:bytes"],
    ["postmap", "-q", "a", "texthash:nulls"],
    ["postmap", "-q", "a", "texthash:null_comment"],
    ["postmap", "-q", "xb", "regexp:rules"],
    ["postmap", "-q", "xb", "pcre:rules"],
    ["postmap", "-q", "1.2.3.4", "cidr:networks"],
    ["postalias", "hash:domains"],
    ["postalias", "hash:alias_nulls"],
    ["postalias", "hash:null_comment"],
]

HELP = {
    "before EHLO": ["HELP"],
    "with words": ["EHLO client.example", "help", "HELP MAIL", "HELP a b"],
    "in a transaction": ["EHLO client.example", "MAIL FROM:<a@b.example>", "HELP", "RCPT TO:<x@y.example>", "HELP"],
    "many": ["HELP"] * 8,
    "beside the unknown": ["EHLO client.example", "FOO", "HELP", "NOOP"],
}
# The Received field of messages with these recipients, without and with HIDING.
RECIPIENTS = [["x@localhost"], ["x@localhost", "y@localhost"]]
HIDING = {"smtpd_hide_client_session": "yes"}
CONTENT = [
    ">>From b\nFrom c\nX-A: y\nFrom d\n",
    "From c\n x\nX-A: y\n",
    "   \n b\nX-B: y\n",
    "X-A: y\nFrom c\n",
]
