"""Mistakes in a .mc: the line, what check says of it, and what the real m4 and library do with it.

``real``: what is in the real .cf for it ("cf:..."), what is not ("not:..."), or what m4 prints ("m4:...").
"""

from __future__ import annotations

from typing import NamedTuple


class Mistake(NamedTuple):
    text: str
    code: str
    column: int
    real: str
    hint: str  # in the hint


FRAME = ("OSTYPE(`linux')dnl\nFEATURE(`no_default_msa')dnl\n", "\nMAILER(`local')dnl\nMAILER(`smtp')dnl\n")
LINE = 3

MISTAKES = [
    Mistake("FEATURE('access_db')dnl", "SM003", 9, "m4:cannot open", "`name'"),
    Mistake('FEATURE("access_db")dnl', "SM003", 9, "m4:cannot open", "`name'"),
    Mistake("FEATURE(‘access_db’)dnl", "SM003", 9, "m4:cannot open", "word processor"),
    Mistake("ifdef(`OSTYPE', `FEATURE(\"access_db\")')dnl", "SM003", 26, "m4:cannot open", "`name'"),
    Mistake("FEATURE(`access_db`)dnl", "SM002", 9, "m4:end of file in string", "backquote"),
    Mistake("FEATURE(`access_db'dnl", "SM001", 1, "m4:end of file in argument list", '")"'),
    Mistake("FEATURE (`access_db')dnl", "SM004", 1, "m4:feature/.m4", "without a blank"),
    Mistake("define (`SMART_HOST', `x')dnl", "SM004", 1, "cf:define (SMART_HOST, x)", "define("),
    Mistake("feature(`access_db')dnl", "SM005", 1, "cf:feature(access_db)", "FEATURE"),
    Mistake("DAEMON_OPTION(`Name=x')dnl", "SM005", 1, "cf:DAEMON_OPTION(Name=x)", "DAEMON_OPTIONS"),
    Mistake("dnlFEATURE(`access_db')", "SM006", 1, "cf:dnlFEATURE(access_db)", "blank behind dnl"),
    Mistake("FEATURE(`access_db')dnlfoo", "SM006", 21, "cf:dnlfoo", "blank behind dnl"),
    Mistake("LOCAL_CONFIGdnl", "SM006", 1, "cf:LOCAL_CONFIGdnl", "LOCAL_CONFIG"),
    Mistake("# FEATURE(`access_db')", "SM007", 3, "cf:Kaccess", "dnl"),
    Mistake("DAEMON_OPTIONS(Name=MTA, Addr=127.0.0.1)dnl", "SM008", 1, "not:Addr=127.0.0.1", "inside the quotes"),
    Mistake("define(`confMAX_MESSAGE_SZE', `5')dnl", "SM009", 1, "not:_SZE", "confMAX_MESSAGE_SIZE"),
    Mistake("define(`confMAX_MESSAGE_SIZE')dnl", "SM010", 1, "cf:O MaxMessageSize\n", "value"),
    Mistake("LOCAL_CONFG", "SM012", 1, "cf:LOCAL_CONFG", "LOCAL_CONFIG"),
    Mistake("Dmexample.org", "SM012", 1, "cf:Dmexample.org", "LOCAL_CONFIG"),
    Mistake("FEATURE(`notsticky')dnl", "SM013", 1, "cf:DS", "stickyhost"),
    Mistake("DAEMON_OPTIONS(`Name=MTA, Bind=127.0.0.1')dnl", "SM014", 1, "cf:Bind=", "Addr"),
    Mistake("DAEMON_OPTIONS(`Name=MTA, Addr')dnl", "SM014", 1, "cf:Name=MTA, Addr\n", "Key=value"),
    Mistake("INPUT_MAIL_FILTER(`f', `F=T')dnl", "SM015", 1, "cf:Xf, F=T", "S=local:"),
    Mistake("INPUT_MAIL_FILTER(`f', `S=inet:25')dnl", "SM015", 1, "cf:Xf, S=inet:25", "port@host"),
    Mistake("INPUT_MAIL_FILTER(`f', `S=local:/f, Q=T')dnl", "SM015", 1, "cf:Q=T", "S=local:"),
    Mistake(
        "DAEMON_OPTIONS(`Name=a')dnl DAEMON\nDAEMON_OPTIONS(`Name=b, Port=25')dnl", "SM016", 1, "cf:Port=25", "ports"
    ),
    Mistake("# the `feature\nFEATURE(`virtusertable')dnl\n# it's", "SM017", 7, "not:Kvirtuser", "dnl"),
    Mistake(
        "FEATURE(`virtusertable', `/etc/mail/virtual')dnl", "SM018", 1, "cf:Kvirtuser /etc/mail/virtual", "hash /etc"
    ),
    Mistake("FEATURE(`virtusertable', `hash')dnl", "SM018", 1, "cf:Kvirtuser hash\n", "hash /etc/mail"),
    Mistake("EXPOSED_USER(`root') FEATURE(`virtusertable')", "SM019", 22, "not:Kvirtuser", "line of its own"),
    Mistake("define(confLOG_LEVEL, 12)dnl", "SM021", 1, "cf:O LogLevel=9\n", "quote the name"),
]
PLACE = {"DAEMON_OPTIONS(`Name=a')dnl DAEMON": 4}  # the mistake is not in the first line
