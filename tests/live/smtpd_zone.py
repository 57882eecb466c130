"""The DNS that Postfix's suites for smtpd mean: their authors' domains, with the records that the answers depend on."""

from __future__ import annotations

from fixture_dns import Fixtures

_LISTED = {"A": ["127.0.0.2"], "TXT": ['"DNS blocklist test"']}
_SPIKE = "10 spike.porcupine.org."

ZONE: Fixtures = {
    "porcupine.org": {"MX": [_SPIKE], "NS": ["ns.porcupine.org.", _SPIKE.split()[1]], "A": ["168.100.3.2"]},
    "spike.porcupine.org": {"A": ["168.100.3.2"], "AAAA": ["2604:8d00:189::2"], "MX": [_SPIKE]},
    "www.porcupine.org": {"A": ["168.100.3.2"], "MX": [_SPIKE]},
    "ns.porcupine.org": {"A": ["168.100.3.75"]},
    "fist.porcupine.org": {"A": ["168.100.3.4"]},
    "wzv.porcupine.org": {"A": ["168.100.3.7"]},
    "backup.porcupine.org": {"MX": ["10 primary.porcupine.org.", "20 wzv.porcupine.org."]},
    "primary.porcupine.org": {"A": ["168.100.3.5"]},
    "nullmx.porcupine.org": {"MX": ["0 ."], "A": ["168.100.3.6"]},
    "xn--1xa.porcupine.org": {"MX": [_SPIKE]},
    "2.0.0.127.dnsbltest.porcupine.org": _LISTED,
    "2.3.100.168.wild.porcupine.org": {"A": ["127.0.0.2"]},
    "example.tld.dnswl.porcupine.org": {"A": ["127.0.0.2"]},
    "example.tld.rhsbl.porcupine.org": _LISTED,
    "postfix.org": {"MX": [_SPIKE], "NS": ["ns.porcupine.org."], "A": ["168.100.3.2"]},
    "example.tld": {"NS": ["ns.porcupine.org."]},
    "ibm.com": {"MX": ["10 mx.ibm.com."], "A": ["129.42.38.10"]},
    "mx.ibm.com": {"A": ["129.42.38.11"]},
    "win.tue.nl": {"A": ["131.155.70.2"]},
    "localhost": {"A": ["127.0.0.1"]},
}
