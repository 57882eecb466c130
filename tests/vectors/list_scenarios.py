"""What is put to Postfix and to ours about values that name files, and about tables of types that are not there.

``@TOP@`` stands for the folder of the files. See policy_scenarios.py for what a Scenario is.
"""

from __future__ import annotations

from tests.vectors.policy_scenarios import Scenario, client, mail

ORIGINS = {
    "a line": "origin.test\n",
    "without a newline": "origin.test",
    "blanks": " \t origin.test \t\n",
    "carriage return": "origin.test\r\n",
    "two lines": "origin.test\nother.test\n",
    "a second line that begins with a blank": "origin.test\n other.test\n",
    "an expression": "$mydomain\n",
    "a name without a dot": "origin\n",
    "a dot at the end": "origin.test.\n",
    "capital letters": "Origin.Test\n",
    "a byte of value 0": "origin.test\0.example\n",
    "vertical blanks": "\v\forigin.test\v\n",
    "an address": "user@origin.test\n",
    "a literal": "[127.0.0.1]\n",
}

LISTS = {
    "a line each": "one.test\ntwo.test\n",
    "without a newline": "one.test\ntwo.test",
    "empty": "",
    "an empty line": "\n\none.test\n\n",
    "blanks and commas": "  one.test ,two.test,,\tthree.test\n",
    "carriage returns": "one.test\r\ntwo.test\r\n",
    "comment lines": "# two.test\none.test\n  # three.test\n",
    "a comment behind a word": "one.test # two.test\nthree.test\n",
    "a number sign in a word": "one.test#x two.test\n",
    "continued": "one.test\n two.test\n",
    "exclusion": "!two.test\none.test\ntwo.test\n",
    "another file": "one.test\n@TOP@/more\n",
    "another file, excluded": "!@TOP@/more\none.test\nthree.test\ntwo.test\n",
    "a missing file behind": "one.test\n@TOP@/missing\ntwo.test\n",
    "a table": "inline:{two.test=x}\none.test\n",
    "an expression": "$mydomain one.test\n",
    "braces": "{ one.test } two.test\n",
    "quotes": '"one.test" two.test\n',
    "a byte of value 0": "one.test\0x\ntwo.test\n",
    "sub-domains": ".one.test\n",
    "capital letters": "ONE.Test\n",
}

NETWORKS = {
    "networks": "198.51.100.0/28\n203.0.113.7\n",
    "host bits": "198.51.100.9\n198.51.100.1/28\n203.0.113.7\n",
    "no network": "300.1.2.3\n203.0.113.7\n",
    "an open bracket": "[203.0.113.8\n203.0.113.7\n",
    "in brackets": "[203.0.113.7] [198.51.100.0]/28\n",
    "excluded": "!203.0.113.7 203.0.113.0/24\n",
    "a name": "friend.test\n",
    "a comment": "203.0.113.7 # 198.51.100.0/24\n",
    "a table": "cidr:@TOP@/cidr\n",
    "an open bracket and a length": "[203.0.113.0/28\n203.0.113.7\n",
    "an open bracket and a colon": "[2001:db8::1\n203.0.113.7\n",
    "IPv6 without brackets": "2001:db8::1\n203.0.113.7\n",
    "IPv6 of which there is none": "[2001:db8::g]\n203.0.113.7\n",
    "a name and a length": "friend.test/8\n203.0.113.7\n",
    "a short network": "203.0/16\n203.0.113.7\n",
    "a length and a letter": "203.0.113.0/28x\n203.0.113.7\n",
    "an address and a port": "203.0.113.0:25\n203.0.113.7\n",
    "digits": "2030113\n203.0.113.7\n",
    "a long prefix": "203.0.113.7/33\n198.51.100.9\n",
}

NETWORKS6 = {
    "a length within the brackets": "[2001:db8::/32]",
    "a length behind them": "[2001:db8::]/32",
    "no brackets": "2001:db8::/32",
    "an open bracket": "[2001:db8::5",
    "an open bracket, a length": "[2001:db8::/32",
    "no address": "[2001:db8::g]",
    "no address, a length": "[2001:dg8::]/32",
    "host bits": "[2001:db8::1]/32",
    "another form of the address": "[2001:DB8:0:0::5]",
    "IPv4 in IPv6": "[::ffff:127.0.0.0]/104",
    "a long length": "[2001:db8::]/129",
    "a length that is no number": "[2001:db8::]/x",
    "text behind the bracket": "[2001:db8::]32",
    "a file": "@TOP@/six",
}

# What no list can use, what it can use though it looks odd, and netmasks; of the lists of clients that smtpd asks.
PATTERNS = {
    "letters and a slash": "be/be",
    "a host with a netmask": "10.0.0.1/8",
    "a netmask of four numbers": "203.0.113.0/255.255.255.0",
    "a netmask of 0": "0.0.0.0/0",
    "a netmask of 0 for another address": "203.0.113.0/0",
    "a long netmask": "203.0.113.0/33",
    "a netmask with a leading zero": "203.0.113.0/024",
    "an empty netmask": "203.0.113.0/",
    "a netmask without an address": "/24",
    "two netmasks": "203.0.113.0/24/24",
    "a bracket that is not closed": "[203.0.113.7",
    "text behind a bracket": "[::1]x",
    "a port": "203.0.113.7:25",
    "IPv6 without brackets": "2001:db8::7",
    "a number that is too high": "203.0.113.256",
    "leading zeros": "203.000.113.007",
    "three numbers": "203.0.113",
    "a table of an unknown type": "nosuchtype:x",
    "a table that fails": "fail:x",
}
PLACES = {"before": "203.0.113.7, {}", "after": "{}, 203.0.113.7", "excluded before": "!203.0.113.7, {}"}
BAD = ("be/be", "10.0.0.1/8", "fail:x", "@TOP@/missing", "#x")
HERE = {"before": "127.0.0.1, {}", "after": "{}, 127.0.0.1", "excluded": "!127.0.0.1, {}", "by itself": "{}"}

MORE = {"more": "two.test\n", "cidr": "203.0.113.0/29 x\n"}
NAMES = ("one.test", "two.test", "three.test", "sub.one.test", "example.com")
PARAMETERS = ("mydestination", "relay_domains", "virtual_alias_domains", "virtual_mailbox_domains")
SHORT = ("a line each", "comment lines", "a missing file behind")  # of the lists that are read as mydestination is
TYPES = ("nis", "nisplus", "nosuchtype")


def _asked(*names: str) -> list[list[str]]:
    return [mail(f"alice@{name}", who=client(200)) for name in names]


def _origins() -> list[Scenario]:
    recipients = ("alice", "carol", "postmaster", "alice@example.com")
    sessions = [mail(recipient) for recipient in recipients]
    return [
        Scenario(
            f"myorigin: {name}",
            {"myorigin": "@TOP@/origin", "mydestination": "example.com, origin.test", "smtpd_banner": "x $mail_name"},
            sessions,
            {"origin": text},
        )
        for name, text in ORIGINS.items()
    ]


def _of_lists() -> list[Scenario]:
    found = []
    for parameter in PARAMETERS:
        for name, text in LISTS.items():
            if parameter.startswith("virtual") and name not in SHORT:
                continue
            own = {"mydestination": "localhost", "relay_domains": "", "virtual_alias_domains": ""}
            own |= {"virtual_mailbox_domains": "", "virtual_alias_maps": "", "relay_recipient_maps": ""}
            own |= {"virtual_mailbox_maps": "static:x", "local_recipient_maps": "", parameter: "@TOP@/list"}
            found.append(Scenario(f"{parameter}: {name}", own, _asked(*NAMES), {"list": text, **MORE}))
    missing = {"mydestination": "one.test, @TOP@/missing, two.test", "local_recipient_maps": ""}
    found.append(Scenario("mydestination: a missing file", missing, _asked(*NAMES)))
    comment = {"mydestination": "one.test, #two.test, three.test", "local_recipient_maps": ""}
    found.append(Scenario("mydestination: a comment in the value", comment, _asked(*NAMES)))
    return found


def _networks() -> list[Scenario]:
    found = []
    clients = [client("203.0.113.7"), client("198.51.100.9"), client("203.0.113.9", "friend.test")]
    sessions = [mail("x@away.test", who=who) for who in clients]
    for name, text in NETWORKS.items():
        found.append(Scenario(f"mynetworks: {name}", {"mynetworks": "@TOP@/list"}, sessions, {"list": text, **MORE}))
    for name, text in NETWORKS.items():
        value = " ".join(text.split("\n"))
        if "#" not in value:
            found.append(Scenario(f"mynetworks, in main.cf: {name}", {"mynetworks": value}, sessions, MORE))
    six = [mail("x@away.test", who=client(who)) for who in ("IPV6:2001:db8::5", "IPV6:2001:db9::5", "203.0.113.7")]
    for name, value in NETWORKS6.items():
        own = {"mynetworks": f"{value}, 203.0.113.7, [2001:db9::5]", "inet_protocols": "all"}
        found.append(Scenario(f"mynetworks, IPv6: {name}", own, six, {"six": "[2001:db8::]/32\n"}))
    own = {"mynetworks": "203.0.113.7, @TOP@/missing, 198.51.100.9"}
    found.append(Scenario("mynetworks: a missing file", own, sessions))
    own = {"parent_domain_matches_subdomains": "@TOP@/parents"}
    for name, text in {"relay_domains": "relay_domains\n", "none": "mynetworks\n"}.items():
        scenario = Scenario(
            f"parent_domain_matches_subdomains: {name}",
            {**own, "relay_domains": "one.test", "relay_recipient_maps": ""},
            _asked(*NAMES),
            {"parents": text},
        )
        found.append(scenario)
    return found


def _patterns() -> list[Scenario]:
    """A pattern that may be bad in mynetworks, where permit_mynetworks asks for three clients."""
    clients = [client("203.0.113.7"), client("198.51.100.9"), client("IPV6:2001:db8::7")]
    sessions = [mail("x@away.test", "alice@example.com", who=who) for who in clients]
    return [
        Scenario(
            f"mynetworks, {place}: {name}", {"mynetworks": value.format(pattern), "inet_protocols": "all"}, sessions
        )
        for name, pattern in PATTERNS.items()
        for place, value in PLACES.items()
    ]


def _of_smtpd() -> list[Scenario]:
    """A bad pattern in the other lists that smtpd asks for its client, 127.0.0.1, before and after a good one."""
    plain = ["EHLO client.example", "MAIL FROM:<sender@from.example>", "RCPT TO:<alice@example.com>"]
    sessions = {
        "smtpd_authorized_xclient_hosts": [["EHLO client.example", client(9), *plain]],
        "smtpd_authorized_xforward_hosts": [["EHLO client.example", "XFORWARD NAME=a.example", *plain]],
        "smtpd_client_event_limit_exceptions": [plain],
        "debug_peer_list": [plain, ["HELO client.example", "MAIL FROM:<>", "RCPT TO:<x@away.test>"]],
        "local_header_rewrite_clients": [[*plain, "DATA", "."]],
        "permit_mx_backup_networks": [mail("x@ours.example", "x@away.test")],
        "smtpd_sasl_exceptions_networks": [plain],
    }
    found = []
    for parameter, asked in sessions.items():
        for bad in BAD:
            for place, value in HERE.items():
                own = {parameter: value.format(bad)}
                if parameter == "permit_mx_backup_networks":
                    own = {parameter: value.format(bad).replace("127.0.0.1", "192.0.2.0/24")}
                    own["smtpd_relay_restrictions"] = "permit_mx_backup, defer_unauth_destination"
                if parameter == "smtpd_sasl_exceptions_networks" and place != "after":
                    continue  # without logins, nothing asks it
                found.append(Scenario(f"{parameter}, {place}: {bad}", own, asked))
    return found


def _no_tables() -> list[Scenario]:
    """A parameter with a value in which there is no table: nobody is in its tables."""
    asked = [mail("carol@example.com", "x@rel.example", "y@vm.example", "postmaster@example.com", who=client(200))]
    names = ("local_recipient_maps", "relay_recipient_maps", "virtual_mailbox_maps")
    return [Scenario(f"{name}: no table", {name: ","}, asked) for name in names]


def _types() -> list[Scenario]:
    found = []
    for kind in TYPES:
        spec = f"{kind}:mail.table"
        uses = {
            "local_recipient_maps": f"inline:{{alice=x}} {spec}",
            "virtual_alias_maps": f"inline:{{info@va.example=alice}} {spec}",
            "mydestination": f"example.com, {spec}, localhost",
            "relay_domains": f"{spec}, rel.example",
            "mynetworks": f"{spec}, 127.0.0.0/8",
            "canonical_maps": spec,
            "transport_maps": spec,
            "smtpd_sender_restrictions": f"check_sender_access {spec}",
            "smtpd_client_restrictions": f"check_client_access proxy:{spec}",
        }
        recipients = ("alice@example.com", "carol@example.com", "info@va.example", "x@rel.example", "x@away.test")
        for name, value in uses.items():
            sessions = [mail(recipient) for recipient in recipients]
            found.append(Scenario(f"{kind} in {name}", {name: value}, sessions))
    return found


def scenarios() -> list[Scenario]:
    return [*_origins(), *_of_lists(), *_networks(), *_types(), *_patterns(), *_of_smtpd(), *_no_tables()]
