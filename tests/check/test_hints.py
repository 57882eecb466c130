"""Every hint helps: a mistake is made, found, mended as the hint has it, and then nothing is found at all.

Each case is a mistake in main.cf (a line behind `MAIN`), master.cf (behind `MASTER`) or a table, the code and the words
of the hint, and the text that takes the mistake's place.
"""

# ruff: noqa: E501  a case is a line
from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from mailconf.check.rules import check
from mailconf.diagnostics import CODES, Diagnostic, Sink
from mailconf.files import Root
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of

MAIN = "compatibility_level = 3.6\nmyhostname = mail.example.com\nalias_maps =\nalias_database =\n"
MASTER = """\
smtp inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
relay unix - - n - - smtp
local unix - n n - - local
virtual unix - n n - - virtual
"""
NOT_HERE = {
    # sendmail's
    *("CK020", "CK021", "CK022"),
    # aliases of both: tests/check/test_silent_mistakes.py, test_cf_alone.py
    *("CK096", "CK116", "CK117", "CK118"),
    # map types that an installed Postfix does or does not have: tests/check/test_postfix_rules.py
    *("CK084", "CK085"),
    # notes of explain about maps that are not built: tests/cli/test_explain.py
    *("PF231", "PF232"),
    # what explain and serve report of a value for which check has CK075: tests/postfix/test_protocol_options.py
    "PF223",
    # the same of postscreen: tests/postfix/test_screening.py
    "PF299",
    # what an installed Postfix and the machine are asked for: tests/check/test_installation.py, tests/live
    *("CK050", "CK060", "CK062", "CK063", "CK064", "CK065", "CK066", "CK067", "CK068", "PF015"),
    # what mailconf does not do, or gives up: there is nothing to mend
    *("PF207", "PF208", "PF236", "TB009"),
    # the hint is to build, and tests/cli does
    *("CK010", "CK011", "CK013"),
    # a test of its own
    *("CK071", "CK091", "CK093", "CK094", "CK095", "CK121", "CK122", "CK123", "CK124", "TB103", "PF237", "PF238"),
    # files that are not there or cannot be read
    *("PF001", "PF010"),
    # maps that are not on the disk: tests/files/test_alike.py
    "CK012",
    # only machines write it
    "CK079",
    # they need certificates, or users of the machine: tests/check/test_silent_mistakes.py
    *("PF240", "PF252", "PF266", "PF272", "PF273", "PF284"),
}


class Case(NamedTuple):
    code: str
    hint: str
    before: str
    after: str
    place: str = "main"  # or "master", or the parameter and type of the table whose text it is
    also: str = ""  # what main.cf has before and after


def main(code: str, hint: str, before: str, after: str = "", also: str = "") -> Case:
    return Case(code, hint, before, after, "main", also)


def master(code: str, hint: str, before: str, after: str = "") -> Case:
    return Case(code, hint, before, after, "master")


RELAY = "smtpd_relay_restrictions"
OWNER = "virtual_mailbox_base = /var/mail\nvirtual_uid_maps = static:5000\nvirtual_gid_maps = static:5000"
NEEDED = {  # without which a setting has no effect
    "smtp_tls_protocols": "smtp_tls_security_level = may",
    "smtp_tls_ciphers": "smtp_tls_security_level = may",
    "smtp_sasl_security_options": "relayhost = [a.example]\nsmtp_tls_policy_maps = static:encrypt\n"
    "smtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = static:a:b",
}
ZEN = "smtpd_client_restrictions = reject_rbl_client zen.example"
ACCESS = "smtpd_sender_restrictions = check_sender_access hash"
POSTSCREEN = """\
2525 inet n - n - 1 postscreen -o postscreen_dnsbl_sites=SITES -o postscreen_dnsbl_threshold=3
smtpd pass - - n - - smtpd
dnsblog unix - - n - 0 dnsblog"""
CASES = [
    main("PF002", 'write "name = value"', "biff", "biff = no"),
    main("PF003", 'write "name = value"', "= no", "biff = no"),
    main("PF004", "remove the blank", " biff = no", "biff = no"),
    main("PF005", "remove one of the two", "biff = no\nbiff = yes", "biff = yes"),
    main("PF006", "expressions", "myorigin = ${mydomain", "myorigin = ${mydomain}"),
    main("PF007", "write yes or no", "biff = on", "biff = yes"),
    main("PF008", "write a whole number", "hopcount_limit = many", "hopcount_limit = 50"),
    main("PF009", "and s, m, h, d or w", "queue_run_delay = 5 minutes", "queue_run_delay = 5m"),
    master("PF011", 'write "service type private', "x unix - -", "x unix - - n - - smtp"),
    master("PF011", "write inet, unix", "x tcp - - n - - smtp", "x unix - - n - - smtp"),
    master("PF011", 'write y, n, or "-"', "x unix yes - n - - smtp", "x unix y - n - - smtp"),
    master("PF012", "remove the blank", " x unix - - n - - smtp", "x unix - - n - - smtp"),
    main("PF013", "", "inet_interfaces = 192.0.2.9x", "inet_interfaces = all"),
    master("PF014", "write its number", "nosuchport inet n - n - - smtpd", "2525 inet n - n - - smtpd"),
    main("PF016", "write the commands", "smtpd_forbidden_commands = hash:/x", "smtpd_forbidden_commands = CONNECT"),
    master("PF017", "remove one", "x unix - - n - - smtp\nx unix - - n - - smtp", "x unix - - n - - smtp"),
    master("PF018", "-o name=value", "x unix - - n - - smtp -o biff", "x unix - - n - - smtp -o biff=no"),
    master("PF018", "-o { name = value }", "x unix - - n - - smtp -o biff = no", "x unix - - n - - smtp -o { biff = no }"),
    main("PF201", "remove it, or", "smtpd_sender_restrictions = reject_foo", "smtpd_sender_restrictions ="),
    main("PF201", "or define a class", "smtpd_sender_restrictions = reject_foo", "smtpd_sender_restrictions = reject_foo\nsmtpd_restriction_classes = reject_foo\nreject_foo = permit"),
    main("PF201", "write reject_rbl_client before it", "smtpd_client_restrictions = reject_rbl_client a.example b.example", "smtpd_client_restrictions = reject_rbl_client a.example reject_rbl_client b.example"),
    main("PF201", "did you mean reject_non_fqdn_sender", "smtpd_sender_restrictions = reject_nonfqdn_sender", "smtpd_sender_restrictions = reject_non_fqdn_sender"),
    main("PF201", "add a line: mine = ...", "smtpd_restriction_classes = mine", "smtpd_restriction_classes = mine\nmine = permit"),
    main("PF202", "and type:table", "smtpd_sender_restrictions = check_sender_access", "smtpd_sender_restrictions = check_sender_access static:OK"),
    main("PF202", "and a domain name", "smtpd_sender_restrictions = reject_rbl_client", "smtpd_sender_restrictions = reject_rbl_client a.example"),
    main("PF203", "move it before permit", "smtpd_sender_restrictions = permit, reject_non_fqdn_sender", "smtpd_sender_restrictions = reject_non_fqdn_sender, permit"),
    main("PF204", "at the end of", f"{RELAY} =", f"{RELAY} = reject_unauth_destination"),
    main("PF204", "before permit", f"{RELAY} = permit", f"{RELAY} = reject_unauth_destination, permit"),
    Case("PF204", "set compatibility_level = 3.6", "compatibility_level = 0", "compatibility_level = 3.6", "level"),
    main("PF205", "write reject_unknown_client_hostname", "smtpd_sender_restrictions = reject_unknown_client", "smtpd_sender_restrictions = reject_unknown_client_hostname"),
    main("PF205", "write reject_unknown_sender_domain", "smtpd_sender_restrictions = reject_unknown_address", "smtpd_sender_restrictions = reject_unknown_sender_domain"),
    main("PF206", "the network that the message names", "mynetworks = 10.0.0.1/8", "mynetworks = 10.0.0.0/8"),
    main("PF206", "in brackets", "mynetworks = [2001:db8::1", "mynetworks = [2001:db8::1]"),
    main("PF206", "write an address or a network", "mynetworks = 10.0.0/8", "mynetworks = 10.0.0.0/8"),
    main("PF206", "or take it out of mynetworks", "mynetworks = 10.0.0.0/8 /etc/postfix/networks", "mynetworks = 10.0.0.0/8"),
    main("PF250", "an IPv6 address in brackets", "mynetworks = 10.0.0.0/8, ::1", "mynetworks = 10.0.0.0/8, [::1]"),
    main("PF250", "a table as type:name", "mynetworks = 10.0.0.0/8, hash:", "mynetworks = 10.0.0.0/8"),
    main("PF250", "a pattern after each !", "mynetworks = 10.0.0.0/8, !", "mynetworks = 10.0.0.0/8"),
    main("PF225", "smtp_helo_name = mail.example.com", "smtp_helo_name = mail", "smtp_helo_name = mail.example.com"),
    main("PF225", "smtp_helo_name = localhost.example.com", "smtp_helo_name = localhost.localdomain", "smtp_helo_name = localhost.example.com"),
    main("PF225", "that the host has in the DNS", "smtp_helo_name = mail", "smtp_helo_name = mail\nrelayhost = [relay.example.com]"),
    main("PF241", "that is in the DNS", "myorigin = corp\nappend_dot_mydomain = no", "myorigin = corp.example\nappend_dot_mydomain = no"),
    main("PF241", "that is in the DNS", "myorigin = localhost.localdomain", "myorigin = localhost.localdomain\nrelayhost = [a.example]"),
    main("PF241", "that is in the DNS", "myorigin = corp\nappend_dot_mydomain = no", "myorigin = corp\nappend_dot_mydomain = yes"),
    main("PF226", "write reject_rhsbl_sender dbl.spamhaus.org", "smtpd_client_restrictions = reject_rbl_client dbl.spamhaus.org", "smtpd_sender_restrictions = reject_rhsbl_sender dbl.spamhaus.org"),
    main("PF226", "reject_rhsbl_sender", "smtpd_client_restrictions = reject_rbl_client dbl.spamhaus.org=127.0.1.[2..99]", "smtpd_client_restrictions = reject_rbl_client zen.spamhaus.org=127.0.0.[2..11]"),
    main("PF226", "write reject_rbl_client zen.spamhaus.org", "smtpd_sender_restrictions = reject_rhsbl_sender zen.spamhaus.org", "smtpd_sender_restrictions = reject_rbl_client zen.spamhaus.org"),
    master("PF226", "reject_rhsbl_sender", POSTSCREEN.replace("SITES", "dbl.spamhaus.org*3"), POSTSCREEN.replace("SITES", "zen.spamhaus.org*3")),
    Case("PF227", "remove the entry", "<> REJECT", "", f"{ACCESS}"),
    Case("PF227", "remove the entry", "/^<>$/ 550 no", "/^nobody@/ 550 no", "smtpd_sender_restrictions = check_sender_access regexp"),
    Case("PF227", "remove the entry", "/^<>$/ 550 no", "!/@corp.example$/ REJECT", "smtpd_sender_restrictions = check_sender_access regexp"),
    main("PF242", "take gmail.com out of mydestination", "mydestination = $myhostname, gmail.com", "mydestination = $myhostname"),
    main("PF242", "set mydomain to a name of this host", "mydomain = Outlook.com\nmydestination = $mydomain", "mydomain = example.com\nmydestination = $mydomain"),
    main("PF242", "take yahoo.co.uk out of relay_domains", "relay_domains = yahoo.co.uk", "relay_domains ="),
    main("PF243", "remove it when", "soft_bounce = yes", "soft_bounce = no"),
    main("PF243", "take local out", "defer_transports = local", "defer_transports ="),
    main("PF243", "remove it", "debug_peer_list = 127.0.0.1", "debug_peer_list ="),
    master("PF243", "take -v out", "2525 inet n - n - - smtpd -v", "2525 inet n - n - - smtpd"),
    Case("PF244", "matches the addresses of this host alone", "/.*/ ann@example.com", r"/@mail\.example\.com$/ ann@example.com", "virtual_alias_maps = regexp"),
    Case("PF244", "in sender_canonical_maps if", "/^(.+)@.*$/ $1@example.com", "/^(.+)@mail$/ $1@example.com", "canonical_maps = regexp"),
    main("PF244", "in sender_canonical_maps if", "smtp_generic_maps = static:ann@example.com", "smtp_generic_maps ="),
    main("CK080", "write unix:/run/scan", "smtpd_milters = /run/scan\nnon_smtpd_milters = $smtpd_milters", "smtpd_milters = unix:/run/scan\nnon_smtpd_milters = $smtpd_milters"),
    main("CK080", "write inet:127.0.0.1:8891", "non_smtpd_milters = 127.0.0.1:8891", "non_smtpd_milters = inet:127.0.0.1:8891"),
    main("CK080", "a port from 1 to 65535", "non_smtpd_milters = inet:localhost:88910", "non_smtpd_milters = inet:localhost:8891"),
    main("PF260", "set smtp_tls_security_level = encrypt", "smtp_enforce_tls = yes\nsmtp_tls_security_level = may", "smtp_tls_security_level = encrypt", "relayhost = [a.example]"),
    main("PF293", "write example.com", "mydestination = $myhostname, info@example.com", "mydestination = $myhostname, example.com"),
    main("PF260", "remove it, or mailbox_command", "home_mailbox = Maildir/", "", "mailbox_command = /usr/bin/procmail"),
    main("PF260", "set smtp_sasl_auth_enable", "smtp_sasl_auth_enable = no", "smtp_sasl_auth_enable = yes", "relayhost = [a.example]\nsmtp_tls_security_level = encrypt\nsmtp_sasl_password_maps = static:a:b\nsmtp_sasl_tls_security_options = noanonymous"),
    main("PF260", "or remove relayhost", "default_transport = smtp:[a.example]", "", "relayhost = [b.example]"),
    main("PF261", "set smtp_sasl_password_maps", "smtp_sasl_auth_enable = yes", "smtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = static:a:b", "relayhost = [a.example]\nsmtp_tls_security_level = encrypt\nsmtp_sasl_tls_security_options = noanonymous"),
    main("PF261", "set smtp_dns_support_level = dnssec", "smtp_tls_security_level = dane", "smtp_tls_security_level = dane\nsmtp_dns_support_level = dnssec"),
    main("PF261", "set smtpd_sender_login_maps", "smtpd_sender_restrictions = reject_sender_login_mismatch", "smtpd_sender_restrictions = reject_sender_login_mismatch\nsmtpd_sender_login_maps = static:a"),
    main("PF262", "write !10.1.0.0/16 before", "mynetworks = 10.0.0.0/8 !10.1.0.0/16", "mynetworks = !10.1.0.0/16 10.0.0.0/8"),
    main("PF262", "write !b.a.example before", "masquerade_domains = a.example !b.a.example", "masquerade_domains = !b.a.example a.example"),
    Case("PF262", "put it before 10.0.0.0/8", "10.0.0.0/8 OK\n10.1.0.0/16 REJECT", "10.1.0.0/16 REJECT\n10.0.0.0/8 OK", "smtpd_client_restrictions = check_client_access cidr"),
    Case("PF263", "type regexp: or pcre:", "/^a.*@b.example$/ REJECT", "a@b.example REJECT", "smtpd_sender_restrictions = check_sender_access hash"),
    Case("PF263", "write @a.example @b.example", "a.example b.example", "@a.example @b.example", "canonical_maps = hash"),
    Case("PF263", "write @mail.example.com", "mail.example.com a@b.example", "@mail.example.com a@b.example", "recipient_bcc_maps = hash"),
    Case("PF263", "write [a.example]:587", "a.example encrypt", "[a.example]:587 encrypt", "smtp_tls_policy_maps = hash", "relayhost = [a.example]:587"),
    main("PF264", "an indented line continues a value", "mynetworks = 10.0.0.0/8\n# old:\n  0.0.0.0/0", "mynetworks = 10.0.0.0/8"),
    main("PF264", "set mynetworks_style = host", "mynetworks_style = class", "mynetworks_style = host"),
    main("PF264", "name the own networks", "smtpd_authorized_xclient_hosts = static:all", "smtpd_authorized_xclient_hosts = 10.0.0.1"),
    main("PF265", "set smtpd_tls_security_level = may", "smtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = yes", ""),
    main("PF265", "set smtpd_sasl_path = private/auth", "smtpd_sasl_type = dovecot", "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth", "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_security_options = noplaintext"),
    main("PF265", "set smtpd_sasl_type = dovecot", "smtpd_sasl_path = private/auth", "smtpd_sasl_path = private/auth\nsmtpd_sasl_type = dovecot", "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_security_options = noplaintext"),
    master("PF265", "set smtpd_sasl_auth_enable = yes", "2525 inet n - n - - smtpd -o { smtpd_client_restrictions = permit_sasl_authenticated, reject }", "2525 inet n - n - - smtpd -o { smtpd_client_restrictions = permit_mynetworks, reject }"),
    master("PF267", "set the chroot field of the service to n", "2525 inet n - y - - smtpd -o smtpd_milters=unix:/run/filter/x", "2525 inet n - n - - smtpd -o smtpd_milters=unix:/run/filter/x"),
    main("PF268", "or put the restriction after", f"{RELAY} = check_sender_access static:OK, reject_unauth_destination", f"{RELAY} = reject_unauth_destination, check_sender_access static:OK"),
    Case("PF294", "whose key is [a.example]:587", "[b.example]:587 u:p", "[a.example]:587 u:p", "smtp_sasl_password_maps = texthash", "relayhost = [a.example]:587\nsmtp_sasl_auth_enable = yes\nsmtp_tls_security_level = encrypt\nsmtp_sasl_tls_security_options = noanonymous"),
    main("PF269", "put check_policy_service after", f"{RELAY} = check_policy_service inet:127.0.0.1:10023, reject_unauth_destination", f"{RELAY} = reject_unauth_destination, check_policy_service inet:127.0.0.1:10023"),
    main("PF270", "take it out of virtual_alias_domains", "virtual_alias_domains = mail.example.com", "", "mydestination = mail.example.com"),
    Case("PF271", "add b.example to virtual_alias_domains", "a@b.example a@c.example", "a@mail.example.com a@c.example", "virtual_alias_maps = hash", "virtual_alias_domains ="),
    Case("PF274", "add a line: postmaster: root", "a: root", "a: root\npostmaster: root", "alias_maps = hash"),
    Case("PF275", '"mail.example.com :"', "* smtp:[a.example]", "* smtp:[a.example]\nmail.example.com :", "transport_maps = hash", "mydestination = mail.example.com"),
    main("PF276", "set smtp_tls_wrappermode = yes", "relayhost = [a.example]:465", "relayhost = [a.example]:587"),
    main("PF298", "write [smtp]:25", "relayhost = smtp:25", "relayhost = [smtp]:25"),
    main("PF277", "remove it, or use a list", "smtpd_client_restrictions = reject_rbl_client relays.ordb.org", "smtpd_client_restrictions = reject_rbl_client zen.spamhaus.org"),
    main("PF278", "always_bcc = a@b.example", "always_bcc = a@b.example, c@b.example", "always_bcc = a@b.example"),
    main("PF279", "or change maximal_backoff_time", "minimal_backoff_time = 2h", "minimal_backoff_time = 20m"),
    main("PF279", "or change smtpd_hard_error_limit", "smtpd_soft_error_limit = 50", "smtpd_soft_error_limit = 10"),
    main("PF280", "remove it, or set smtp_bind_address", "smtp_bind_address = 127.0.0.1", ""),
    main("PF281", "smtpd_banner = $myhostname", "smtpd_banner = ESMTP welcome", "smtpd_banner = $myhostname ESMTP welcome"),
    master("PF282", "or lower the threshold", POSTSCREEN.replace("SITES", "a.example"), POSTSCREEN.replace("SITES", "a.example*3")),
    master("PF283", "add -o content_filter=", "127.0.0.1:10025 inet n - n - - smtpd", "127.0.0.1:10025 inet n - n - - smtpd -o content_filter=")._replace(also="content_filter = smtp:[127.0.0.1]:10024"),
    main("PF285", "smtp_sasl_tls_security_options = noanonymous", "", "smtp_tls_security_level = encrypt\nsmtp_sasl_tls_security_options = noanonymous", "relayhost = [a.example]\nsmtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = static:a:b"),
    main("PF286", "relayhost = [a.example]", 'relayhost = "[a.example]"', "relayhost = [a.example]"),
    main("PF245", "put permit_mynetworks before reject_unauth_destination", "smtpd_relay_restrictions = reject_unauth_destination, permit_mynetworks", "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination"),
    main("PF246", "as the default of 5d", "maximal_queue_lifetime = 0", "maximal_queue_lifetime = 5d"),
    main("PF246", "write Maildir/", "home_mailbox = Maildir", "home_mailbox = Maildir/"),
    main("PF246", "the default is 50", "hopcount_limit = 5"),
    main("PF246", "or set relayhost", "disable_dns_lookups = yes", "disable_dns_lookups = yes\nrelayhost = [a.example]"),
    main("PF246", "recipient_delimiter = +", "recipient_delimiter = x", "recipient_delimiter = +"),
    main("PF246", "= may (or dane)", "smtp_tls_security_level = encrypt", "smtp_tls_security_level = may"),
    main("PF246", "remove no_address_mappings", "receive_override_options = no_address_mappings", "", "always_bcc = a@b.example"),
    Case("PF247", "only the unwanted mail has", "/^Received:/ DISCARD", "/^Subject: free/ DISCARD", "header_checks = regexp"),
    Case("PF247", "only the unwanted mail has", "/./ REJECT", "/free money/ REJECT", "body_checks = regexp"),
    Case("PF248", "remove the entry", "192.0.2.0/24 REJECT", "192.0.2.0/24 OK", "mynetworks = cidr"),
    main("PF249", "add $local_recipient_maps", "proxy_read_maps = $virtual_alias_maps", "proxy_read_maps = $virtual_alias_maps $local_recipient_maps"),
    master("PF253", "write smtpd", "2525 inet n - n - - smtp", "2525 inet n - n - - smtpd"),
    Case("PF254", "write one of none", "a.example must", "a.example encrypt", "smtp_tls_policy_maps = hash"),
    Case("PF254", "write .a.example", "*.a.example encrypt", ".a.example encrypt", "smtp_tls_policy_maps = hash"),
    Case("PF254", "match=AB", "a.example fingerprint", "a.example fingerprint match=AB:CD", "smtp_tls_policy_maps = hash"),
    main("PF255", "smtp_tls_security_level = encrypt", "smtp_sasl_auth_enable = yes", "smtp_sasl_auth_enable = yes\nsmtp_tls_security_level = encrypt", "relayhost = [a.example]:587\nsmtp_sasl_security_options = noanonymous\nsmtp_sasl_tls_security_options = noanonymous\nsmtp_sasl_password_maps = static:u:p"),
    Case("TB172", "write joe:...", "[a.example]:587 joe secret", "[a.example]:587 joe:secret", "smtp_sasl_password_maps = hash", "relayhost = [a.example]:587\nsmtp_sasl_auth_enable = yes\nsmtp_tls_security_level = encrypt\nsmtp_sasl_tls_security_options = noanonymous"),
    main("PF206", "write networks", "mynetworks = 192.0.2.*", "mynetworks = 192.0.2.0/24"),
    main("CK080", "write inet:localhost:9999", "smtpd_milters = inet:9999@localhost", "smtpd_milters = inet:localhost:9999"),
    main("CK080", "write one of accept", "milter_default_action = drop", "milter_default_action = accept", "smtpd_milters = inet:localhost:9999"),
    main("PF287", "list the users in relay_recipient_maps", "relay_domains = a.example", "relay_domains = a.example\nrelay_recipient_maps = static:x"),
    main("PF288", "put it into smtpd_recipient_restrictions", "smtpd_client_restrictions = reject_non_fqdn_recipient", "smtpd_recipient_restrictions = reject_non_fqdn_recipient", "smtpd_delay_reject = no"),
    main("PF290", "set smtpd_tls_auth_only = yes", "smtpd_sasl_auth_enable = yes", ""),
    main("PF291", "add permit_sasl_authenticated", f"{RELAY} = reject_unauth_destination", f"{RELAY} = permit_sasl_authenticated, reject_unauth_destination", "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_security_options = noplaintext"),
    main("PF292", "use an id of 100 or more", "virtual_uid_maps = static:8", "virtual_uid_maps = static:5000", "virtual_mailbox_base = /var/mail\nvirtual_mailbox_maps = static:x\nvirtual_gid_maps = static:5000"),
    main("PF261", "the folder of the mailboxes", "virtual_mailbox_base =", "virtual_mailbox_base = /var/mail", "virtual_mailbox_maps = static:x\nvirtual_uid_maps = static:5000\nvirtual_gid_maps = static:5000"),
    main("PF293", "such as sub.a.example", "mydestination = *.a.example", "mydestination = sub.a.example"),
    main("PF293", "write .a.example", "relay_domains = *.a.example", "relay_domains = .a.example", "parent_domain_matches_subdomains =\nrelay_recipient_maps = static:x"),
    main("PF295", "set permit_mx_backup_networks", f"{RELAY} = permit_mx_backup, reject_unauth_destination", f"{RELAY} = permit_mx_backup, reject_unauth_destination\npermit_mx_backup_networks = 192.0.2.0/24"),
    main("PF296", "set non_smtpd_milters = $smtpd_milters", "smtpd_milters = unix:dkim/sock", "smtpd_milters = unix:dkim/sock\nnon_smtpd_milters = $smtpd_milters"),
    master("PF297", "add a line: dnsblog", POSTSCREEN.replace("SITES", "a.example").replace("dnsblog unix", "x unix").replace("threshold=3", "threshold=1"), POSTSCREEN.replace("SITES", "a.example").replace("threshold=3", "threshold=1")),
    main("PF251", "or its name in services", "relayhost = :submision", "relayhost = [a.example]:submission"),
    main("PF251", "or its name in services", "relayhost = a.example, hh.", "relayhost = a.example"),
    main("PF251", "write host, host:port", "default_transport = smtp:[ipv6:a.example]", "default_transport = smtp:[a.example]"),
    main("PF206", "write an address or a network", "smtpd_client_event_limit_exceptions = be/be", "smtpd_client_event_limit_exceptions = 10.0.0.0/8"),
    main("PF250", "a pattern after each !", "masquerade_exceptions = root, !", "masquerade_exceptions = root", "masquerade_domains = example.com"),
    master("PF233", "close the brace", "x unix - - n - - smtp -o {biff=no", "x unix - - n - - smtp -o {biff=no}"),
    main("PF234", "put mydomain on a line of its own", "mail_name = xmydomain = example.com", "mail_name = x\nmydomain = example.com"),
    main("PF234", "which begins with it", "mail_name = x\n mydomain = example.com", "mail_name = x\nmydomain = example.com"),
    main("CK001", "did you mean smtpd_recipient_limit", "smtpd_recipent_limit = 3", "smtpd_recipient_limit = 3"),
    main("CK001", "did you mean myorigin", "MyOrigin = a.example", "myorigin = a.example"),
    main("CK001", "is set in line", "smtpd_recipent_limit = 3\nsmtpd_recipient_limit = 4", "smtpd_recipient_limit = 4"),
    main("CK001", "remove it or correct", "smtpd_nonsense_of_mine = 3"),
    main("CK001", "remove it, or define the transport dovecot", "dovecot_destination_recipient_limit = 1"),
    main("CK001", "remove it, or define the pipe or spawn service", "policyd_time_limit = 1h"),
    main("CK001", "put mail_name and biff", "mail_namebiff = no", "mail_name = x\nbiff = no"),
    main("CK001", "or run the other version", "smtpd_tls_enable_rpk = yes"),
    main("CK001", "it has no effect", "smtp_tls_cipherlist = ALL"),
    main("CK030", "create", "smtpd_sender_restrictions = check_sender_access cidr:/etc/postfix/x", "smtpd_sender_restrictions ="),
    Case("CK031", "correct the rule", "/(/ OK", "/x/ OK", "smtpd_sender_restrictions = check_sender_access regexp"),
    Case("CK032", "name of a service of master.cf", "a.example smtpx:b.example", "a.example smtp:b.example", "transport_maps = hash"),
    Case("CK033", "write a.example", ".a.example x", "a.example x", "relay_domains = hash", "relay_recipient_maps = static:x"),
    main("CK051", "or name one that is defined", "default_transport = smpt:x", "default_transport = smtp:x"),
    main("CK051", "upgrade-configuration", "maillog_file = /var/log/mail", ""),
    master("CK052", "add argv=", "x unix - n n - - pipe user=x", "x unix - n n - - pipe user=x argv=/x"),
    master("CK052", "add user=", "x unix - n n - - pipe argv=/x", "x unix - n n - - pipe user=x argv=/x"),
    master("CK053", "remove it: the flags are", "x unix - n n - - pipe flags=RZ user=x argv=/x", "x unix - n n - - pipe flags=R user=x argv=/x"),
    main("CK054", "correct", "cleanup_service_name = cleenup", "cleanup_service_name = cleanup"),
    main("CK061", "or unset", "smtpd_tls_cert_file = /etc/postfix/nosuch.pem"),
    main("CK070", "did you mean $mydomain", "myorigin = $mydomian", "myorigin = $mydomain"),
    main("CK070", "define mine in main.cf", "mail_name = $mine x", "mine = y\nmail_name = $mine x"),
    main("CK070", "take $mine out", "mail_name = $mine x", "mail_name = x"),
    main("CK070", "end the line after $mydomain", "mail_name = $mydomainbiff = no", "mail_name = $mydomain\nbiff = no"),
    master("CK070", "mua_client_restrictions = permit_sasl_authenticated, reject", "2525 inet n - n - - smtpd -o smtpd_client_restrictions=$mua_client_restrictions"),
    main("CK072", "remove it", "process_name = x"),
    main("CK073", "on a line of its own", "relayhost = a.example # ours", "# ours\nrelayhost = a.example"),
    main("CK074", "remove it", "relayhost = a.example\0", "relayhost = a.example"),
    main("CK075", "takes a number, at least 1", "hopcount_limit = 0", "hopcount_limit = 50"),
    main("CK075", "takes a number", "queue_minfree = 9223372036854775808", "queue_minfree = 9223372036854775807"),
    main("CK075", "one of", "postscreen_bare_newline_action = block", "postscreen_bare_newline_action = drop"),
    main("CK075", "takes a time", "smtpd_timeout = 0", "smtpd_timeout = 1s"),
    main("CK075", "takes text", "myorigin =", "myorigin = a.example"),
    main("CK076", "write type:name", "sender_canonical_maps = static", "sender_canonical_maps = static:a@b.example"),
    master("CK092", "did you mean ${recipient}", "x unix - n n - - pipe user=nobody argv=/x ${recipeint}", "x unix - n n - - pipe user=nobody argv=/x ${recipient}"),
    master("CK092", "or $$ for a $", "x unix - n n - - pipe user=nobody argv=/x ${user:-a} $5", "x unix - n n - - pipe user=nobody argv=/x ${user} $$5"),
    main("CK077", "did you mean regexp", "canonical_maps = regxp:{{/a/ b@c.example}}", "canonical_maps = regexp:{{/a/ b@c.example}}"),
    main("CK081", "write one of SMTP's", "reject_code = 50", "reject_code = 550"),
    main("CK081", "a code from 500 to 599", f"relay_domains_reject_code = 450\n{RELAY} = permit_mynetworks, defer_unauth_destination", f"relay_domains_reject_code = 550\n{RELAY} = permit_mynetworks, defer_unauth_destination"),
    main("CK082", "write another value", "smtpd_forbid_bare_newline = note", "smtpd_forbid_bare_newline = normalize"),
    main("CK083", "use an indexed file", "virtual_mailbox_maps = tcp:localhost:1234", "virtual_mailbox_maps = static:root", OWNER),
    main("PF220", "default_rbl_reply, for its names", f"default_rbl_reply = $rbl_cod Blocked\n{ZEN}", f"default_rbl_reply = $rbl_code Blocked\n{ZEN}"),
    main("PF221", "begin with $rbl_code", f"default_rbl_reply = Blocked\n{ZEN}", f"default_rbl_reply = $rbl_code Blocked\n{ZEN}"),
    main("PF239", "write four numbers", f"{ZEN}=127.0.0.[2-4]", f"{ZEN}=127.0.0.[2..4]"),
    master("PF224", "-o smtpd_sasl_auth_enable=yes", "587 inet n - n - - smtpd", "587 inet n - n - - smtpd -o smtpd_client_restrictions=permit_mynetworks,reject"),
    main("PF222", "with LF at the end", "# a\rbiff = no", "# a\nbiff = no"),
    Case("PF222", "with LF at the end", "a@b.example c\rd@b.example e", "a@b.example c\nd@b.example e", "virtual_alias_maps = hash", "mydestination = b.example"),
    main("PF228", "write one domain", "myorigin = /etc/nosuch", "myorigin = mail.example.com"),
    main("PF229", "on a line of its own", "relay_domains = a.example # ours", "# ours\nrelay_domains = a.example", "relay_recipient_maps = static:x"),
    master("PF230", "add a line: smtpd pass - - y - - smtpd", "2525 inet n - y - 1 postscreen", "2525 inet n - y - 1 postscreen\nsmtpd pass - - y - - smtpd"),
    main("PF235", "write name = number", "known_tcp_ports = smtp=25, foo", "known_tcp_ports = smtp=25, foo=26"),
    main("TB170", "write the result without $1", "virtual_mailbox_maps = regexp:{{/^(.+)@x$$/ $$1}}", "virtual_mailbox_maps = regexp:{{/^a@x$$/ a}}", OWNER),
    Case("TB171", "write the path below", "a@b.example ../../x", "a@b.example x", "virtual_mailbox_maps = texthash", OWNER),
    main("CK078", "write type:name", "sender_canonical_maps = hash:", "sender_canonical_maps = static:a@b.example"),
    *(
        main("CK080", hint, f"{name} = {wrong}", f"{name} = {right}", NEEDED.get(name, ""))
        for name, hint, wrong, right in (
            ("mydomain", "write a name of letters", "a..example", "a.example"),
            ("mailq_path", "begins with /", "x", "/x"),
            ("readme_directory", "or no", "none", "no"),
            ("smtpd_milters", "write inet:host:port", "localhost:8899", "inet:localhost:8899"),
            ("smtp_tls_protocols", "write >=TLSv1.2", "!SSLv9", ">=TLSv1.2"),
            ("smtp_tls_ciphers", "write one of", "strong", "high"),
            ("smtp_sasl_security_options", "it takes some of", "nonsense", "noanonymous"),
            ("myorigin", "write one domain", "a.example, b.example", "a.example"),
        )
    ),
    Case("CK080", "write 0, 1, 2", "compatibility_level = x", "compatibility_level = 3.6", "level"),
    master("CK086", "write -o { mail_name = a b }", "2525 inet n - n - - smtpd -o mail_name=a b", "2525 inet n - n - - smtpd -o { mail_name = a b }"),
    master("CK086", "remove the word", "2525 inet n - n - - smtpd -o mail_name=a b", "2525 inet n - n - - smtpd -o mail_name=a"),
    master("CK087", "-o name=value", "2525 inet n - n - - smtpd -O mail_name=a", "2525 inet n - n - - smtpd -o mail_name=a"),
    master("CK087", "or remove it", "2525 inet n - n - - smtpd -o", "2525 inet n - n - - smtpd"),
    main("CK088", "set mailbox_size_limit to 51200001 or more", "message_size_limit = 51200001", "message_size_limit = 51200001\nmailbox_size_limit = 51200001"),
    main("CK088", "to 0: no limit", "message_size_limit = 0", "message_size_limit = 0\nmailbox_size_limit = 0"),
    main("CK090", "write another value", "syslog_facility = postfix", "syslog_facility = local5"),
    main("CK090", "the text itself in place of a reference", "mydomain = a.$mail_name", "mydomain = a.Postfix"),
    main("CK088", "set queue_minfree to 15360000 or more", "queue_minfree = 1", "queue_minfree = 15360000"),
    master("CK089", "name an account of its own", "x unix - n n - - pipe user=root argv=/x", "x unix - n n - - pipe user=x argv=/x"),
    Case("TB001", "first column", " a@b.example c", "a@b.example c", "virtual_alias_maps = hash", "mydestination = b.example"),
    Case("TB003", "close the quotes", '"a@b.example c', '"a"@b.example c', "virtual_alias_maps = hash", "mydestination = b.example"),
    Case("TB004", "write a key, white space and a value", "a@b.example", "a@b.example c", "virtual_alias_maps = hash", "mydestination = b.example"),
    Case("TB005", "leave it out", "root: c", "root c", "virtual_alias_maps = hash"),
    Case("TB006", "remove one of the two", "a@b.example c\na@b.example d", "a@b.example c", "virtual_alias_maps = hash", "mydestination = b.example"),
    Case("TB010", "write OK, REJECT", "a@b.example REJCT", "a@b.example REJECT", ACCESS),
    Case("TB011", "write for example", "a@b.example FILTER smtp", "a@b.example FILTER smtp:[filter.example.com]:10025", ACCESS),
    Case("TB012", "write for example", "a@b.example PREPEND x", "a@b.example PREPEND X-Checked: yes", ACCESS),
    Case("TB013", "write for example", "a@b.example BCC x", "a@b.example BCC postmaster@example.com", ACCESS),
    Case("TB014", "write the first octets", "192.0.2.0/24 OK", "192.0.2 OK", "smtpd_client_restrictions = check_client_access hash"),
    Case("TB015", "write OK, or", "a@b.example 1", "a@b.example OK", ACCESS),
    Case("TB016", "write the domain alone", "@b.example OK", "b.example OK", ACCESS),
    Case("TB020", 'write "user@example.com"', "a@ b", "a@c.example b", "virtual_alias_maps = hash", "mydestination = c.example"),
    Case("TB021", "separate addresses by commas", "a@b.example c@d.example @", "a@b.example c@d.example", "virtual_alias_maps = hash", "mydestination = b.example"),
    Case("TB022", "put it into an alias", "a@b.example |/x", "a@b.example x", "virtual_alias_maps = hash", "mydestination = b.example"),
    Case("TB023", "write @b.example for a whole domain", "*@b.example c", "@b.example c", "virtual_alias_maps = hash", "mydestination = b.example"),
    Case("TB024", "write a single address", "a@b.example c d", "a@b.example user@example.com", "canonical_maps = hash"),
    Case("TB025", "a comment is a line of its own", "a@b.example c # d", "# d\na@b.example c", "virtual_alias_maps = hash", "mydestination = b.example"),
    Case("TB090", "write for example", "b.example smtp x", "b.example smtp:[relay.example.com]:587", "transport_maps = hash"),
    Case("TB091", 'write "[host]"', "b.example smtp:[x", "b.example smtp:[x]", "transport_maps = hash"),
    Case("TB092", 'write "host"', "b.example smtp:h:25:26", "b.example smtp:h:25", "transport_maps = hash"),
    Case("TB030", "write a name, a colon", "root\npostmaster: root", "root: x\npostmaster: root", "alias_maps = hash"),
    Case("TB031", "into virtual_alias_maps", "a@b.example: x\npostmaster: root", "a: x\npostmaster: root", "alias_maps = hash"),
    Case("TB032", "put quotes around", "a: |/list/x -y\npostmaster: root", 'a: "|/list/x -y"\npostmaster: root', "alias_maps = hash"),
    Case("TB033", "write :include:/", "a: :include:list/x\npostmaster: root", "a: :include:/list/x\npostmaster: root", "alias_maps = hash"),
    Case("TB034", "separate targets by commas", "a: b :include:/list/x\npostmaster: root", "a: b, :include:/list/x\npostmaster: root", "alias_maps = hash"),
    Case("TB035", "write a target", "a: ,\npostmaster: root", "a: /dev/null\npostmaster: root", "alias_maps = hash"),
    Case("TB100", "write REJECT", "/x/ REJCT", "/x/ REJECT", "header_checks = regexp"),
    Case("TB101", "write for example", "/x/ PREPEND", "/x/ PREPEND [checked]", "body_checks = regexp"),
    Case("TB012", "write for example", "/x/ REPLACE x", "/x/ REPLACE X-Checked: yes", "header_checks = regexp"),
    Case("TB102", "write it into header_checks", "/x/ REJECT", "/x/ WARN", "smtp_header_checks = regexp"),
    Case("TB110", "ends with the character", "/x OK", "/x/ OK", "smtpd_sender_restrictions = check_sender_access regexp"),
    Case("TB111", "has the flags", "/x/q OK", "/x/i OK", "smtpd_sender_restrictions = check_sender_access regexp"),
    Case("TB112", "write /pattern/ result", "x OK", "/x/ OK", "smtpd_sender_restrictions = check_sender_access regexp"),
    Case("TB113", "", "endif", "", "smtpd_sender_restrictions = check_sender_access regexp"),
    Case("TB114", "write endif", "if /x/\n/y/ OK", "if /x/\n/y/ OK\nendif", "smtpd_sender_restrictions = check_sender_access regexp"),
    Case("TB115", "write what is to happen", "/x/", "/x/ OK", "smtpd_sender_restrictions = check_sender_access regexp"),
    Case("TB116", "write", "192.0.2.1/24 OK", "192.0.2.0/24 OK", "smtpd_client_restrictions = check_client_access cidr"),
    Case("TB117", "remove it", "if /x/\n/y/ OK\nendif z", "if /x/\n/y/ OK\nendif", "smtpd_sender_restrictions = check_sender_access regexp"),
    Case("TB118", "without $", "!/x/ REJECT $1", "!/x/ REJECT", "smtpd_sender_restrictions = check_sender_access regexp"),
    Case("TB002", "as UTF-8", "\udce4@b.example c", "a@b.example c", "virtual_alias_maps = hash", "mydestination = b.example"),
]  # fmt: skip


def write(top: Path, case: Case, text: str) -> None:
    """An /etc/postfix below ``top`` with ``text`` in its place."""
    etc = top / "etc/postfix"
    etc.mkdir(parents=True)
    parameters, services = MAIN, MASTER
    if case.place == "level":
        parameters = f"{text}\n" + MAIN.split("\n", 1)[1]
    elif case.code == "PF004":
        parameters = f"{text}\n{MAIN}"
    elif case.code == "PF012":
        services = f"{text}\n{MASTER}"
    elif case.place == "main":
        parameters = (
            "".join(line for line in MAIN.splitlines(True) if line.split()[0] != text.split()[0:1]) + f"{text}\n"
        )
    elif case.place == "master":
        services += f"{text}\n"
    else:
        name = case.place.split()[0]
        kept = "".join(line for line in MAIN.splitlines(True) if line.split()[0] != name)
        parameters = f"{kept}{case.place}:/etc/postfix/table\n"
        (etc / "table").write_text(f"{text}\n", errors="surrogateescape")
    (etc / "main.cf").write_text(f"{parameters}{case.also}")
    (etc / "master.cf").write_text(services)


def found(top: Path, case: Case, text: str) -> list[Diagnostic]:
    """What check finds with ``text`` in its place."""
    write(top, case, text)
    root, sink = Root(top), Sink()
    configuration = Configuration.load("/etc/postfix", sink, root)
    check(configuration, site_of(configuration), root, sink)
    return [diagnostic for diagnostic in sink if diagnostic.code not in ("CK010", "CK013", "PF207")]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.code} {case.before}" for case in CASES])
def test_the_hint_mends_it(case: Case, tmp_path: Path) -> None:
    before = [(d.code, d.hint) for d in found(tmp_path / "before", case, case.before)]
    assert any(code == case.code and hint and case.hint in hint for code, hint in before), before
    after = [f"{diagnostic} {diagnostic.hint}" for diagnostic in found(tmp_path / "after", case, case.after)]
    assert after == []


def test_what_a_newer_version_will_not_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAILCONF_POSTFIX_VERSION")  # a named version would be meant
    for name, line in (("before", "smtp_use_tls = yes"), ("after", "smtp_tls_security_level = may")):
        program = tmp_path / name / "usr/sbin/postconf"
        program.parent.mkdir(parents=True)
        program.write_bytes(b"\0mail_version=3.11.7\0")
        diagnostics = found(tmp_path / name, main("CK071", "", line), line)
        assert [d.hint for d in diagnostics] == ['instead, specify "smtp_tls_security_level"'] * (name == "before")


def test_header_checks_in_a_table_without_patterns(tmp_path: Path) -> None:
    case = Case("TB103", "", "", "", "header_checks = texthash")
    hints = {d.hint for d in found(tmp_path / "before", case, "Subject: REJECT") if d.code == "TB103"}
    assert any("put patterns into a regexp: or pcre: table" in hint for hint in hints)
    assert found(tmp_path / "after", case._replace(place="header_checks = regexp"), "/x/ REJECT") == []


def test_every_code_has_a_case() -> None:
    sendmails = ("TB04", "TB05", "TB06", "TB07", "TB13", "TB14", "TB15", "TB16")
    codes = {name for name in CODES if name.startswith(("PF", "CK", "TB")) and not name.startswith(sendmails)}
    assert codes - {case.code for case in CASES} - NOT_HERE == set()
