"""Sites for the comparison of our own sendmail.cf with the library's: a .mc, its tables, and a DNS that knows them.

`SITES` are written by hand and hold what everyday configurations ask for; `generated` mixes their parts.
"""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

from tests.live.map_tools import SENDMAIL_ROOT

MAKEMAP = SENDMAIL_ROOT.resolve() / "usr/libexec/sendmail/makemap"
DNS = {
    "mail.corp.test": {"A": ["127.0.0.1"]},
    "corp.test": {"MX": ["10 mail.corp.test."]},
    "gw.far.test": {"A": ["127.0.0.2"]},
    "far.test": {"MX": ["10 gw.far.test."]},
    "elsewhere.test": {"A": ["127.0.0.4"]},
    "www.corp.test": {"CNAME": ["mail.corp.test."]},
    "h.partner.test": {"A": ["192.168.3.4"]},
    "hub.test": {"A": ["127.0.0.5"]},
    "relay.test": {"A": ["127.0.0.6"]},
    "mxtous.test": {"MX": ["5 mail.corp.test."]},
    "badmx.test": {"MX": ["10 127.0.0.9."]},
    "badmx2.test": {"MX": ["10 gw.far.test.", "20 h.partner.test."]},
    "badmx3.test": {"MX": ["10 h.partner.test.", "20 10.1.1.1."]},
    "badmx4.test": {"MX": ["10 h.partner.test.", "20 gw.far.test."]},
    "goodmx.test": {"MX": ["10 h.partner.test.", "20 nowhere.partner.test."]},
    "nullmx.test": {"MX": ["0 ."]},
    "failmx.test": {"MX": ["10 x.servfail.example."]},
    "hub.corp.test": {"A": ["127.0.0.8"]},
    "3.2.1.10.list.test": {"A": ["127.0.0.2"]},
    "8.8.8.10.list.test": {"A": ["127.0.0.3"]},
    "3.2.1.10.other.test": {"A": ["127.0.0.10"]},
    "local.test": {"MX": ["5 mail.corp.test."]},
    "servfail.example": {},
}
FILES = {
    "local-host-names": "corp.test\nmail.corp.test\nsecond.test\nlan.test\n",
    "trusted-users": "apache\n",
    "relay-domains": "partner.test\n.branch.test\n10.7\n192.0.2.77\n",
    "virtuser-domains": "virt.test\nvirt2.test\nvirt3.test\n",
    "aliases": "postmaster: root\nroot: joe\nteam: ann, bob@far.test\nprog: |/bin/cat\nself: \\self\n",
}
TABLES = {
    "virtusertable": {
        "carl+*@virt.test": "carl-%2",
        "joe@virt.test": "payday",
        "info@virt.test": "error:5.7.0:550 no such thing",
        "gone@virt.test": "error:nouser No such user here",
        "old@virt.test": "error:nouser 550 5.1.1 gone",
        "@virt2.test": "shop",
        "@virt3.test": "%1@virt4.test",
        "ann+*@virt.test": "ann-%2",
        "ann++@virt.test": "plus-%2",
        "abuse@corp.test": "root",
        "bob@virt.test": "bob@far.test",
        "+*@second.test": "x%2y%3@corp.test",
        "det+x@virt.test": "detx",
        "det@virt.test": "plain",
        "all@corp.test": "joe@virt.test",
    },
    "genericstable": {
        "joe": "joe.user@corp.test",
        "ann@gen.test": "ann.g@corp.test",
        "bob+box": "bob.box@corp.test",
        "bob": "bob.plain@corp.test",
        "@gen2.test": "%1@gen3.test",
        "root": "chief@corp.test",
        "local": "other",
    },
    "mailertable": {
        "far.test": "smtp:[gw.far.test]",
        ".dom.test": "esmtp:hub.%1.test",
        "local.test": "local:joe",
        "local2.test": "local:",
        "bad.test": "error:5.7.0:550 bad route",
        "bad2.test": "error:nohost no host",
        ".test.only": "relay:[10.0.0.1]",
        "multi.test": "esmtp:a.test:b.test",
        "usr.test": "smtp:joe@hub.test",
    },
    "bitdomain": {"bithost": "bithost.test"},
    "uudomain": {"uuhost": "uuhost.test", "neigh2": "second.test"},
    "domaintable": {"old.test": "corp.test", "old2.test": "elsewhere.test"},
    "access": {
        "Connect:10.1.4": "OK",
        "Connect:10.1.5.7": "REJECT",
        "Connect:192.168": "RELAY",
        "Connect:spam.test": 'ERROR:"550 5.7.1 go away"',
        "Connect:10.1.6": "DISCARD",
        "Connect:10.1.7": 'ERROR:4.7.1:"450 later"',
        "Connect:10.1.8": "QUARANTINE:look here",
        "Connect:IPv6:2001:db8:1": "REJECT",
        "From:spammer@x.test": "REJECT",
        "From:bulk.test": "DISCARD",
        "From:friend@bulk.test": "OK",
        "From:quar@x.test": "QUARANTINE:odd sender",
        "From:err@x.test": 'ERROR:5.1.8:"551 not welcome"',
        "From:plain@x.test": "550 plain text",
        "From:sub.x.test": "RELAY",
        "From:someone@": "REJECT",
        "To:nobody@": "ERROR:550 bad name",
        "To:none@corp.test": "REJECT",
        "To:disc@corp.test": "DISCARD",
        "To:quar@corp.test": "QUARANTINE:odd rcpt",
        "To:lan.test": "RELAY",
        "To:client.test": "RELAY",
        "To:closed.test": "REJECT",
        "To:.dot.test": "RELAY",
        "Connect:.dotc.test": "REJECT",
        "Qgrp:ann@corp.test": "fast",
        "Spam:ann@corp.test": "FRIEND",
        "Spam:hate@corp.test": "HATER",
        "Spam:lan.test": "FRIEND",
        "ClientRate:": "0",
        "ClientRate:10.2.0.1": "2",
        "ClientConn:": "0",
        "ClientConn:10.2.0.2": "1",
        "GreetPause:10.2.0.3": "1500",
        "GreetPause:": "0",
        "Compat:a@b.test<@>c@d.test": "REJECT",
        "Compat:a@b.test<@>d@d.test": "DISCARD",
        "Compat:a@b.test<@>e@d.test": "TEMP:later please",
        "Try_TLS:no.test": "NO",
        "TLS_Srv:tls.test": "VERIFY:112",
        "TLS_Clt:tlsc.test": "ENCR:56",
        "TLS_Rcpt:rcpt@tls.test": "VERIFY",
        "TLS_Rcpt:some@": "TEMP+ENCR:128",
        "TLS_Rcpt:cn.test": "PERM+VERIFY+CN",
        "TLS_Srv:encr.test": "PERM+ENCR:112",
        "TLS_Srv:10.3": "TEMP+VERIFY",
        "TLS_Srv:cn.test": "VERIFY:56+CN:mx.cn.test",
        "TLS_Srv:both.test": "ENCR:56+CI:/CN=CA++CS:/CN=joe",
        "TLS_Clt:10.4": "VERIFY:256+CS:/CN=ann",
        "TLS_Clt:cn.test": "PERM+VERIFY+CN",
        "TLS_Srv_Features:tls.test": "CipherList=HIGH;Options=SSL_OP_ALL",
        "TLS_Clt_Features:10.3": "CipherList=LOW",
        "TLS_Clt_Features:tls.test": "CertFile=/x;KeyFile=/y",
        "Clt_Features:tls.test": "D M",
        "Srv_Features:tls.test": "A b",
        "Srv_Features:": "S",
        "Try_TLS:10.4": "NO",
        "ClientRate:10.3": "5",
        "ClientRate:10.4": "0",
        "ClientConn:10.3": "3",
        "GreetPause:tls.test": "300",
        "AuthInfo:10.3": '"U:ten" "P:secret"',
        "AuthInfo:": '"U:all" "P:secret"',
        "CERTISSUER:/CN=CA": "SUBJECT",
        "CERTSUBJECT:/CN=joe": "RELAY",
        "AuthInfo:auth.test": '"U:user" "P:secret" "M:PLAIN"',
        "Srv_Features:10.1.4.9": "V E",
        "10.9": "REJECT",
        "tagless.test": "REJECT",
        "cyber@": "550 no spam",
    },
}
HEAD = """\
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
VERSIONID(`comparison')dnl
OSTYPE(`linux')dnl
define(`MAIL_SETTINGS_DIR', `@/')dnl
define(`confDOMAIN_NAME', `mail.corp.test')dnl
define(`ALIAS_FILE', `@/aliases')dnl
define(`QUEUE_DIR', `@/queue')dnl
define(`confTO_IDENT', `0')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confDONT_BLAME_SENDMAIL', `MapInUnsafeDirPath,GroupWritableDirPathSafe,ClassFileInUnsafeDirPath')dnl
"""
# What cannot be typed: the metasymbol, and a comma, which parts two addresses.
END = "LOCAL_RULESETS\nStranslate\nR$* $$| $*\t$: $1 $| $2\nR$* COMMA $*\t$1 , $2\n"
MAILERS = "MAILER(`local')dnl\nMAILER(`smtp')dnl\n"
ACCESS = "FEATURE(`access_db', `hash -T<TMPF> -o @/access')dnl\n"
SITES = {
    # What the systems' own files ask for.
    "freebsd": "OSTYPE(freebsd6)\nDOMAIN(generic)\nFEATURE(access_db, `hash -o -T<TMPF> @/access')\n"
    "FEATURE(blacklist_recipients)\nFEATURE(local_lmtp)\nFEATURE(mailertable, `hash -o @/mailertable')\n"
    "FEATURE(virtusertable, `hash -o @/virtusertable')\ndefine(`confCW_FILE', `-o @/local-host-names')\n"
    "DAEMON_OPTIONS(`Name=IPv4, Family=inet')\nDAEMON_OPTIONS(`Name=IPv6, Family=inet6, Modifiers=O')\n"
    "define(`confBIND_OPTS', `WorkAroundBrokenAAAA')\ndefine(`confNO_RCPT_ACTION', `add-to-undisclosed')\n"
    "MAILER(local)\nMAILER(smtp)\n",
    "debian": "define(`_USE_ETC_MAIL_')dnl\nOSTYPE(`debian')dnl\nDOMAIN(`debian-mta')dnl\n"
    "undefine(`confHOST_STATUS_DIRECTORY')dnl\nFEATURE(`no_default_msa')dnl\n"
    "DAEMON_OPTIONS(`Family=inet,  Name=MTA-v4, Port=smtp, Addr=127.0.0.1')dnl\n"
    "define(`confPRIVACY_FLAGS',dnl\n`needmailhelo,restrictqrun,authwarnings')dnl\nFEATURE(`use_cw_file')dnl\n"
    "FEATURE(`access_db', , `skip')dnl\nFEATURE(`greet_pause', `1000')dnl\n"
    "FEATURE(`delay_checks', `friend', `n')dnl\nFEATURE(`conncontrol', `nodelay', `terminate')dnl\n"
    "FEATURE(`ratecontrol', `nodelay', `terminate')dnl\nFEATURE(`always_add_domain')dnl\n"
    "MASQUERADE_AS(`masq.test')dnl\nFEATURE(`allmasquerade')dnl\nFEATURE(`masquerade_envelope')dnl\n"
    "FEATURE(`stickyhost')\ndefine(`MAIL_HUB', `smtp.hub.test.')dnl\nMAILER_DEFINITIONS\n" + MAILERS,
    "cyrus": "OSTYPE(`debian')dnl\nDOMAIN(`debian-mta')dnl\nFEATURE(`use_cw_file')dnl\nFEATURE(`access_db')dnl\n"
    "FEATURE(`always_add_domain')dnl\ndefine(`confLOCAL_MAILER', `cyrusv2')dnl\nMAILER_DEFINITIONS\n"
    "MAILER(`cyrusv2')dnl\n" + MAILERS,
    "redhat": "define(`confDEF_USER_ID', ``8:12'')dnl\ndefine(`UUCP_MAILER_MAX', `2000000')dnl\n"
    "undefine(`UUCP_RELAY')dnl\nundefine(`BITNET_RELAY')dnl\nTRUST_AUTH_MECH(`EXTERNAL CRAM-MD5 LOGIN PLAIN')dnl\n"
    "FEATURE(`no_default_msa', `dnl')dnl\nFEATURE(`smrsh', `/usr/sbin/smrsh')dnl\n"
    "FEATURE(`mailertable', `hash -o @/mailertable.db')dnl\nFEATURE(`virtusertable', `hash -o @/virtusertable.db')dnl\n"
    "FEATURE(redirect)dnl\nFEATURE(always_add_domain)dnl\nFEATURE(use_cw_file)dnl\nFEATURE(use_ct_file)dnl\n"
    "FEATURE(local_procmail, `', `procmail -t -Y -a $h -d $u')dnl\n"
    "FEATURE(`access_db', `hash -T<TMPF> -o @/access.db')dnl\nFEATURE(`blacklist_recipients')dnl\n"
    "EXPOSED_USER(`root')dnl\nFEATURE(`accept_unresolvable_domains')dnl\n"
    "LOCAL_DOMAIN(`localhost.localdomain')dnl\nMASQUERADE_AS(`masq.test')dnl\nFEATURE(masquerade_envelope)dnl\n"
    "FEATURE(masquerade_entire_domain)dnl\nMASQUERADE_DOMAIN(localhost)dnl\n"
    "INPUT_MAIL_FILTER(`vrfilter', `S=inet:5000@localhost, T=C:5m;R:5m')dnl\nMAILER(smtp)dnl\nMAILER(procmail)dnl\n",
    "plain": "FEATURE(`use_cw_file')dnl\n" + MAILERS,
    "everyday": "DOMAIN(`generic')dnl\nFEATURE(`no_default_msa')dnl\nFEATURE(`use_ct_file')dnl\n"
    "FEATURE(`always_add_domain')dnl\nFEATURE(`mailertable', `hash -o @/mailertable')dnl\n"
    "FEATURE(`virtusertable', `hash -o @/virtusertable')dnl\n" + ACCESS + "FEATURE(`blocklist_recipients')dnl\n"
    "FEATURE(`accept_unresolvable_domains')dnl\nFEATURE(`smrsh')dnl\nFEATURE(`redirect')dnl\n"
    "EXPOSED_USER(`root')dnl\nMASQUERADE_AS(`masq.test')dnl\nFEATURE(`masquerade_envelope')dnl\n"
    "FEATURE(`masquerade_entire_domain')dnl\nMASQUERADE_DOMAIN(`lan.test')dnl\n" + MAILERS + "MAILER(`procmail')dnl\n",
    "virtual": "FEATURE(`use_cw_file')dnl\nFEATURE(`virtusertable', `hash -o @/virtusertable')dnl\n"
    "VIRTUSER_DOMAIN_FILE(`@/virtuser-domains')dnl\nFEATURE(`virtuser_entire_domain')dnl\n"
    "FEATURE(`genericstable', `hash -o @/genericstable')dnl\nGENERICS_DOMAIN(`corp.test gen.test gen2.test')dnl\n"
    "FEATURE(`generics_entire_domain')dnl\nFEATURE(`preserve_local_plus_detail')dnl\n" + MAILERS,
    "names": "FEATURE(`use_cw_file')dnl\nFEATURE(`genericstable', `hash -o @/genericstable')dnl\n"
    "GENERICS_DOMAIN(`corp.test gen.test')dnl\nMASQUERADE_AS(`masq.test')dnl\nMASQUERADE_DOMAIN(`gen3.test')dnl\n"
    "FEATURE(`masquerade_envelope')dnl\nFEATURE(`allmasquerade')dnl\nFEATURE(`limited_masquerade')dnl\n" + MAILERS,
    "delayed": "FEATURE(`use_cw_file')dnl\n" + ACCESS + "FEATURE(`blocklist_recipients')dnl\n"
    "FEATURE(`delay_checks')dnl\n"
    "FEATURE(`greet_pause', `1000')dnl\nFEATURE(`ratecontrol', `nodelay', `terminate')dnl\n"
    "FEATURE(`conncontrol', `nodelay', `terminate')dnl\nFEATURE(`relay_entire_domain')dnl\n" + MAILERS,
    "friends": "FEATURE(`use_cw_file')dnl\nFEATURE(`access_db', `hash -o @/access', `skip')dnl\n"
    "FEATURE(`delay_checks', `friend')dnl\nFEATURE(`accept_unqualified_senders')dnl\n" + MAILERS,
    "haters": "FEATURE(`use_cw_file')dnl\n" + ACCESS + "FEATURE(`delay_checks', `hater')dnl\n"
    "FEATURE(`relay_hosts_only')dnl\nRELAY_DOMAIN(`partner.test')dnl\nRELAY_DOMAIN_FILE(`@/relay-domains')dnl\n"
    "FEATURE(`dnsbl', `list.test')dnl\nFEATURE(`dnsbl', `other.test', `\"550 listed: \" $&{client_addr}', `t')dnl\n"
    + MAILERS,
    "relays": "FEATURE(`use_cw_file')dnl\ndefine(`SMART_HOST', `relay.test')dnl\ndefine(`MAIL_HUB', `hub.test')dnl\n"
    "define(`LUSER_RELAY', `local:catchall')dnl\nFEATURE(`stickyhost')dnl\nFEATURE(`nocanonify')dnl\n"
    "FEATURE(`domaintable', `hash -o @/domaintable')dnl\nLOCAL_USER(`bob')dnl\n" + MAILERS,
    "hub": "FEATURE(`use_cw_file')dnl\ndefine(`SMART_HOST', `esmtp:[relay.test]')dnl\n"
    "define(`LOCAL_RELAY', `smtp:hub.test')dnl\ndefine(`LUSER_RELAY', `esmtp:luser.test')dnl\n"
    "FEATURE(`preserve_luser_host')dnl\nFEATURE(`promiscuous_relay')dnl\nFEATURE(`local_lmtp')dnl\n" + MAILERS,
    "null": "FEATURE(`use_cw_file')dnl\nFEATURE(`nullclient', `hub.test')dnl\nMASQUERADE_AS(`corp.test')dnl\n",
    "submit": "FEATURE(`msp', `[127.0.0.1]', `MSA')dnl\ndefine(`confTIME_ZONE', `USE_TZ')dnl\n",
    "limited": "FEATURE(`use_cw_file')dnl\n" + ACCESS + "FEATURE(`relay_local_from')dnl\n"
    "FEATURE(`relay_mail_from', `domain')dnl\nFEATURE(`loose_relay_check')dnl\nFEATURE(`limited_masquerade')dnl\n"
    "FEATURE(`allmasquerade')dnl\nFEATURE(`local_no_masquerade')dnl\nMASQUERADE_AS(`masq.test')dnl\n"
    "MASQUERADE_DOMAIN(`lan.test corp.test')dnl\nMASQUERADE_EXCEPTION(`not.corp.test')dnl\n" + MAILERS,
    "secure": "FEATURE(`use_cw_file')dnl\n" + ACCESS + "FEATURE(`blocklist_recipients')dnl\n"
    "FEATURE(`compat_check')dnl\n"
    "FEATURE(`authinfo', `hash -o @/access')dnl\nTRUST_AUTH_MECH(`PLAIN LOGIN')dnl\n"
    "define(`confAUTH_MECHANISMS', `PLAIN LOGIN')dnl\nFEATURE(`use_client_ptr')dnl\n" + MAILERS,
    "lists": "FEATURE(`use_cw_file')dnl\n" + ACCESS + "FEATURE(`require_rdns')dnl\nFEATURE(`relay_based_on_MX')dnl\n"
    "FEATURE(`enhdnsbl', `list.test', `\"554 listed\"', `t', `127.0.0.2.')dnl\nFEATURE(`enhdnsbl', `other.test')dnl\n"
    "FEATURE(`lookupdotdomain')dnl\nFEATURE(`queuegroup')dnl\nFEATURE(`bestmx_is_local')dnl\n" + MAILERS,
    "controls": "FEATURE(`use_cw_file')dnl\n" + ACCESS + "FEATURE(`blocklist_recipients')dnl\n"
    "FEATURE(`badmx')dnl\nFEATURE(`check_other')dnl\nFEATURE(`tls_session_features')dnl\n"
    "FEATURE(`block_bad_helo')dnl\nFEATURE(`compat_check')dnl\nFEATURE(`delay_checks')dnl\n"
    "FEATURE(`greet_pause', `0')dnl\nFEATURE(`authinfo', `hash -o @/access')dnl\n"
    "FEATURE(`ratecontrol', `nodelay', `terminate')dnl\nFEATURE(`conncontrol', `nodelay', `terminate')dnl\n"
    "FEATURE(`require_rdns')dnl\nTRUST_AUTH_MECH(`PLAIN LOGIN')dnl\n" + MAILERS,
    "oldnets": "FEATURE(`use_cw_file')dnl\nFEATURE(`nouucp', `reject')dnl\nFEATURE(`nopercenthack', `reject')dnl\n"
    "FEATURE(`bitdomain', `hash -o @/bitdomain')dnl\nFEATURE(`uucpdomain', `hash -o @/uudomain')dnl\n"
    "define(`BITNET_RELAY', `smtp:bit.test')dnl\ndefine(`FAX_RELAY', `fax.test')dnl\n"
    "define(`LOCAL_RELAY', `smtp:lrelay.test')dnl\ndefine(`LUSER_RELAY', `esmtp:luser.test')dnl\n"
    "FEATURE(`preserve_luser_host')dnl\nFEATURE(`mailertable', `hash -o @/mailertable')dnl\n" + MAILERS,
    "uucp": "FEATURE(`use_cw_file')dnl\n" + ACCESS + "define(`UUCP_RELAY', `uucp-dom:uurelay')dnl\n"
    "MASQUERADE_AS(`masq.test')dnl\nFEATURE(`masquerade_envelope')dnl\n" + MAILERS + "MAILER(`uucp')dnl\n"
    "LOCAL_CONFIG\nCUneigh1 neigh2\nCYynone\nCZzed\n",
    "uucp2": "FEATURE(`use_cw_file')dnl\nFEATURE(`uucpdomain', `hash -o @/uudomain')dnl\n"
    "FEATURE(`badmx', `^192\\.168\\.')dnl\nFEATURE(`accept_unresolvable_domains')dnl\n"
    "FEATURE(`nopercenthack', `nospecial')dnl\n" + MAILERS + "MAILER(`uucp')dnl\nLOCAL_CONFIG\nCUneigh1 neigh2\n",
    "helo": "FEATURE(`use_cw_file')dnl\n" + ACCESS + "FEATURE(`delay_checks')dnl\nFEATURE(`block_bad_helo')dnl\n"
    "FEATURE(`require_rdns')dnl\nTRUST_AUTH_MECH(`PLAIN')dnl\n" + MAILERS,
    "helo2": "FEATURE(`use_cw_file')dnl\n" + ACCESS + "FEATURE(`block_bad_helo')dnl\n" + MAILERS,
    "session": "FEATURE(`use_cw_file')dnl\n" + ACCESS + "FEATURE(`dnsbl', `list.test')dnl\n"
    "FEATURE(`require_rdns')dnl\nFEATURE(`check_cert_altnames')dnl\nFEATURE(`notsticky')dnl\n" + MAILERS
    + "LOCAL_TLS_CLIENT\nRFAIL $| $*\t$#error $@ 5.7.1 $: \"550 client \" $1\nR$*\t$: other\nLOCAL_TLS_SERVER\n"
    "RNONE\t$#error $@ 4.7.1 $: \"450 server\"\nRTRUSTED\t$# ok\nR$*\t$@ other\nLOCAL_TLS_RCPT\n"
    "R$* @ cn.test\t$#error $@ 5.7.1 $: \"550 rcpt \" $1\nLOCAL_TRY_TLS\n"
    "R$*\t$: $&{server_name}\nRtls.test\t$#error $@ 5.7.1 $: \"550 try\"\nLOCAL_SRV_FEATURES\n"
    "R$*\t$: $&{client_addr}\nR10.3.$*\t$# V $1\nLOCAL_CLT_FEATURES\nR$*\t$: $&{server_addr}\nR10.4.$*\t$# D\n"
    "LOCAL_DNSBL\nR$*\t$: $&{client_addr}\nR10.66.$*\t$#error $@ 5.7.1 $: \"550 listed here\"\n",
    "plainsession": "FEATURE(`use_cw_file')dnl\n" + MAILERS
    + "LOCAL_TLS_CLIENT\nRFAIL $| $*\t$#error $@ 5.7.1 $: \"550 client \" $1\nLOCAL_TLS_SERVER\n"
    "RNONE\t$#error $@ 4.7.1 $: \"450 server\"\nLOCAL_TLS_RCPT\nR$* @ cn.test\t$#error $@ 5.7.1 $: \"550 rcpt\"\n"
    "LOCAL_TRY_TLS\nR$*\t$: $&{server_name}\nRtls.test\t$#error $@ 5.7.1 $: \"550 try\"\nLOCAL_SRV_FEATURES\n"
    "R$*\t$: $&{client_addr}\nR10.3.$*\t$# V $1\nLOCAL_CLT_FEATURES\nR$*\t$: $&{server_addr}\nR10.4.$*\t$# D\n",
    "decnet": "FEATURE(`use_cw_file')dnl\n" + ACCESS + "define(`DECNET_RELAY', `smtp:dec.test')dnl\n"
    "define(`FAX_RELAY', `fax.test')dnl\ndefine(`UUCP_RELAY', `uu.test')dnl\n"
    "FEATURE(`mailertable', `hash -o @/mailertable')dnl\nFEATURE(`bestmx_is_local')dnl\n"
    "MASQUERADE_AS(`masq.test')dnl\n" + MAILERS + "MAILER(`uucp')dnl\nLOCAL_UUCP\n"
    "R$* < @ $* .x.UUCP. > $*\t$#error $@ 5.7.1 $: \"550 by LOCAL_UUCP \" $2\nLOCAL_CONFIG\nCUneigh1 neigh2\n",
    "sections": "FEATURE(`use_cw_file')dnl\n" + ACCESS + MAILERS + "LOCAL_CONFIG\nKnumbers regex -a@MATCH ^[0-9]+$\n"
    "C{Reject}evil.test bad.example.test\nLOCAL_RULE_0\n"
    "R$* < @ special.test. > $*\t$#error $@ 5.7.1 $: \"550 special\"\n"
    "R$- < @ star.test . >\t$#esmtp $@ [ 10.1.1.1 ] $: $1 < @ star.test . >\nLOCAL_RULE_1\n"
    "R$* < @ s1.test > $*\t$: $1 < @ one.s1.test > $2\nLOCAL_RULE_3\nR$* < @ $* .OTHER > $*\t$1 < @ $2 .test > $3\n"
    "LOCAL_NET_CONFIG\nR$* < @ $* .net.test. > $*\t$#smtp $@ net.test $: $1 < @ $2 .net.test . > $3\nLOCAL_RULESETS\n"
    "SLocal_check_relay\nR$* $| 10.66.$*\t$#error $@ 4.7.1 $: \"450 4.7.1 try later\"\nSLocal_check_mail\n"
    "R$*\t$: < $(numbers $1 $) > $1\nR< @MATCH > $*\t$#error $@ 5.7.1 $: \"553 5.7.1 digits\"\n"
    "R< $* > $*\t$: $>canonify $2\nR$* < @ $={Reject} > $*\t$#error $: 553 reject $2\nSLocal_check_rcpt\n"
    "R$*\t$: $>3 $1\nR$* < @ odd.test > $*\t$#error $@ quarantine $: odd\n",
}  # fmt: skip


def make(top: Path, name: str, middle: str) -> Path:
    """Write one site; its folder."""
    folder = top / name
    (folder / "queue").mkdir(parents=True)
    (folder / "queue").chmod(0o700)
    for file, text in FILES.items():
        (folder / file).write_text(text)
    for table, entries in TABLES.items():
        text = "".join(f"{key}\t{value}\n" for key, value in entries.items())
        (folder / table).write_text(text)
        subprocess.run(
            [MAKEMAP, "-C", "/dev/null", "hash", folder / table], input=text.encode(), check=True, capture_output=True
        )
    head = HEAD.replace("OSTYPE(`linux')dnl\n", "") if "OSTYPE(" in middle else HEAD
    if head != HEAD:  # these come after what sets names itself
        system = "".join(line for line in middle.splitlines(True) if line.startswith(("OSTYPE(", "DOMAIN(")))
        head = head.replace("define(`MAIL", f"{system}define(`MAIL", 1)
        middle = middle.replace(system, "")
    (folder / "sendmail.mc").write_text((head + middle + END).replace("@/", f"{folder}/"))
    return folder


# Parts of a .mc that can stand together, in the order in which the library wants them; of a group no more than one.
_PARTS: list[tuple[str, ...]] = [
    ("FEATURE(`always_add_domain')",),
    ("FEATURE(`redirect')",),
    ("FEATURE(`nocanonify')", "FEATURE(`nocanonify', `canonify_hosts')"),
    ("FEATURE(`nouucp', `reject')", "FEATURE(`nouucp', `nospecial')"),
    ("FEATURE(`nopercenthack', `reject')", "FEATURE(`nopercenthack', `nospecial')"),
    ("FEATURE(`stickyhost')",),
    ("FEATURE(`accept_unresolvable_domains')",),
    ("FEATURE(`accept_unqualified_senders')",),
    ("FEATURE(`relay_entire_domain')",),
    ("FEATURE(`relay_hosts_only')",),
    ("FEATURE(`relay_based_on_MX')",),
    ("FEATURE(`relay_local_from')",),
    ("FEATURE(`loose_relay_check')",),
    (
        "define(`LOCAL_RELAY', `lrelay.test')",
        "define(`LUSER_RELAY', `error:5.1.1:550 no such user')",
        "define(`LUSER_RELAY', `luser.test')\nFEATURE(`preserve_luser_host')",
    ),
    ("FEATURE(`preserve_local_plus_detail')",),
    ("FEATURE(`mailertable', `hash -o @/mailertable')",),
    ("FEATURE(`domaintable', `hash -o @/domaintable')",),
    ("FEATURE(`bitdomain', `hash -o @/bitdomain')",),
    ("FEATURE(`uucpdomain', `hash -o @/uudomain')",),
    (
        "FEATURE(`virtusertable', `hash -o @/virtusertable')\nVIRTUSER_DOMAIN_FILE(`@/virtuser-domains')",
        "FEATURE(`virtusertable', `hash -o @/virtusertable')",
        "FEATURE(`virtusertable', `hash -o @/virtusertable')\nVIRTUSER_DOMAIN(`virt.test')\n"
        "FEATURE(`virtuser_entire_domain')",
    ),
    (
        "FEATURE(`genericstable', `hash -o @/genericstable')\nGENERICS_DOMAIN(`corp.test gen.test')",
        "FEATURE(`genericstable', `hash -o @/genericstable')\nGENERICS_DOMAIN(`corp.test gen2.test')\n"
        "FEATURE(`generics_entire_domain')",
    ),
    ("MASQUERADE_AS(`masq.test')", "MASQUERADE_AS(`corp.test')"),
    ("MASQUERADE_DOMAIN(`lan.test')",),
    ("MASQUERADE_EXCEPTION(`not.lan.test second.test')",),
    ("FEATURE(`masquerade_entire_domain')",),
    ("FEATURE(`masquerade_envelope')",),
    ("FEATURE(`allmasquerade')",),
    ("FEATURE(`limited_masquerade')",),
    ("FEATURE(`local_no_masquerade')",),
    ("EXPOSED_USER(`root')",),
    ("RELAY_DOMAIN(`partner.test 10.8')", "RELAY_DOMAIN_FILE(`@/relay-domains')"),
    ("LOCAL_USER(`bob root')",),
    ("FEATURE(`smrsh')", "FEATURE(`local_lmtp')"),
    ("FEATURE(`bestmx_is_local')", "FEATURE(`bestmx_is_local', `corp.test mxtous.test')"),
    ("FEATURE(`badmx')",),
    ("FEATURE(`require_rdns')",),
    ("FEATURE(`use_client_ptr')",),
    ("FEATURE(`block_bad_helo')",),
    ("FEATURE(`check_other')",),
    ("FEATURE(`greet_pause', `2000')",),
    ("FEATURE(`dnsbl', `list.test')", "FEATURE(`enhdnsbl', `list.test', `\"554 listed\"', `t', `127.0.0.2.')"),
    ("define(`SMART_HOST', `relay.test')", "define(`SMART_HOST', `smtp:[relay.test]')"),
    ("define(`MAIL_HUB', `hub.test')", "define(`MAIL_HUB', `esmtp:[hub.test]')"),
    ("define(`UUCP_RELAY', `uu.test')",),
    ("define(`BITNET_RELAY', `bit.test')",),
    ("TRUST_AUTH_MECH(`PLAIN LOGIN')",),
]  # fmt: skip
_PARTS_WITH_ACCESS: list[tuple[str, ...]] = [
    ("FEATURE(`blocklist_recipients')",),
    ("FEATURE(`delay_checks')", "FEATURE(`delay_checks', `friend')", "FEATURE(`delay_checks', `hater')"),
    ("FEATURE(`compat_check')",),
    ("FEATURE(`relay_mail_from')", "FEATURE(`relay_mail_from', `domain')"),
    ("FEATURE(`lookupdotdomain')",),
    ("FEATURE(`queuegroup')", "FEATURE(`queuegroup', `slow')"),
    ("FEATURE(`authinfo', `hash -o @/access')",),
    ("FEATURE(`tls_session_features')",),
    ("FEATURE(`ratecontrol')",),
    ("FEATURE(`conncontrol', `', `terminate')",),
]


def generated(count: int, seed: int) -> dict[str, str]:
    """Sites of parts that are chosen at random, a third of them each."""
    chosen = random.Random(seed)

    def some(parts: list[tuple[str, ...]]) -> list[str]:
        return [f"{chosen.choice(group)}dnl\n".replace(")\n", ")dnl\n") for group in parts if chosen.random() < 0.35]

    found = {}
    for number in range(count):
        parts = some(_PARTS)
        if chosen.random() < 0.75:
            parts = [ACCESS, *parts, *some(_PARTS_WITH_ACCESS)]
        mailers = MAILERS + "".join(f"MAILER(`{name}')dnl\n" for name in ("uucp", "procmail") if chosen.random() < 0.3)
        found[f"mixed{number:02}"] = "FEATURE(`use_cw_file')dnl\n" + "".join(parts) + mailers
    return found


def make_all(top: Path, names: list[str], mixed: int = 0, seed: int = 1) -> list[Path]:
    """Write the sites of these names, or all, and ``mixed`` generated ones."""
    sites = {**SITES, **generated(mixed, seed)}
    return [make(top, name, text) for name, text in sites.items() if not names or name in names]
