"""The codes of what is wrong in the text of main.cf and master.cf, and in the values of parameters."""

from __future__ import annotations

from mailconf.diagnostics import error, warning

PF001 = error("PF001", "main.cf cannot be read")
"""Why: every program of Postfix reads main.cf when it starts, and stops where it cannot.

Example:
    $ yes '# a file that is no main.cf' | head -40000 > /etc/postfix/main.cf

Remedy: put a main.cf there that everybody can read; mailconf reads at most 1,000,000 bytes.

Source: postconf(5); observed with Postfix 3.7.11.
"""

PF002 = error("PF002", "a line of main.cf has no =")
"""Why: the programs of Postfix stop at such a line: "fatal: missing '=' after attribute name".

Example:
    # main.cf
    biff

Remedy: write name = value; a line that continues a value begins with a blank.

Source: postconf(5), "The general format of the main.cf file"; observed with Postfix 3.7.11.
"""

PF003 = error("PF003", "a line of main.cf has no parameter name")
"""Why: the programs of Postfix stop at such a line: "fatal: missing attribute name".

Example:
    # main.cf
    = no

Remedy: write the name of the parameter before the =.

Source: postconf(5), "The general format of the main.cf file"; observed with Postfix 3.7.11.
"""

PF004 = warning("PF004", "a file's first line begins with a blank and is ignored")
"""Why: a line that begins with a blank continues the one before it. At the beginning of the file no line precedes it,
and Postfix ignores the line with a warning: the setting keeps its default.

Example:
    # /etc/postfix/main.cf
     biff = no
    compatibility_level = 3.6

Remedy: begin the line in the first column.

Source: postconf(5), "The general format of the main.cf file"; observed with Postfix 3.7.11.
"""

PF005 = warning("PF005", "a parameter is set again")
"""Why: the last of several lines counts, and postconf warns of it ("overriding earlier entry"). Who changes the first
one sees no effect.

Example:
    # main.cf
    biff = no
    biff = yes

Remedy: remove all but one.

Source: postconf(5), "The general format of the main.cf file"; observed with Postfix 3.7.11.
"""

PF006 = error("PF006", "a value's $-expression cannot be expanded")
"""Why: Postfix stops where a value that it needs has an expression that is not closed or not valid.

Example:
    # main.cf
    smtpd_banner = ${myhostname ESMTP

Remedy: close the brace; write $$ for a dollar sign.

Source: postconf(5), "The general format of the main.cf file"; observed with Postfix 3.7.11.
"""

PF007 = error("PF007", "a value is not yes or no")
"""Why: a program of Postfix stops: "fatal: bad boolean configuration: smtpd_delay_reject = on". No client gets an
answer.

Example:
    # main.cf
    smtpd_delay_reject = on

Remedy: write yes or no.

Source: postconf(5), the parameter; observed with Postfix 3.7.11.
"""

PF008 = error("PF008", "a value is not a number")
"""Why: a program of Postfix stops: "fatal: bad numerical configuration". The mail that needs it waits.

Example:
    # main.cf
    hopcount_limit = many

Remedy: write a whole number.

Source: postconf(5), the parameter; observed with Postfix 3.7.11.
"""

PF009 = error("PF009", "a value is not a time")
"""Why: a program of Postfix stops: "fatal: parameter smtpd_timeout: bad time value or unit: 5 minutes". No client gets
an answer.

Example:
    # main.cf
    smtpd_timeout = 5 minutes

Remedy: write a whole number and, without a blank, s, m, h, d or w.

Source: postconf(5), the parameter; observed with Postfix 3.7.11.
"""

PF010 = error("PF010", "master.cf cannot be read")
"""Why: master(8) runs the services that master.cf defines. It does not start without the file.

Example:
    $ rm /etc/postfix/master.cf
    $ mailconf check /etc/postfix

Remedy: put a master.cf there that everybody can read, such as the one that comes with Postfix.

Source: master(5); observed with Postfix 3.7.11.
"""

PF011 = error("PF011", "a line of master.cf is wrong")
"""Why: master(8) stops at a line that it cannot read, and no service runs.

Example:
    # master.cf
    smtps inet n - n - smtpd

Remedy: write the eight fields: service, type, private, unprivileged, chroot, wakeup, maxproc, command.

Source: master(5), "SYNTAX"; observed with Postfix 3.7.11.
"""

PF012 = warning("PF012", "the first line of master.cf begins with a blank and is ignored")
"""Why: a line that begins with a blank continues the one before it. At the beginning of the file no line precedes it,
and Postfix ignores the line with a warning: the service does not exist.

Example:
    # /etc/postfix/master.cf
     smtp inet n - n - - smtpd

Remedy: begin the line in the first column.

Source: master(5), "SYNTAX"; observed with Postfix 3.7.11.
"""

PF013 = error("PF013", "mynetworks cannot be computed")
"""Why: Postfix computes mynetworks from the addresses of inet_interfaces. It stops where these are not addresses of
the machine.

Example:
    # main.cf
    inet_interfaces = 192.0.2.9x

Remedy: name addresses or host names of the machine, all, or loopback-only; or set mynetworks.

Source: postconf(5) mynetworks, mynetworks_style, inet_interfaces; observed with Postfix 3.7.11.
"""

PF017 = warning("PF017", "a service is defined again")
"""Why: master(8) runs the last of two services with the same name and type. Who changes the first one sees no effect.

Example:
    # master.cf
    scan unix - - n - - smtp
    scan unix - - n - 5 smtp

Remedy: remove one of the two.

Source: master(5), "Service name" and "Service type"; observed with Postfix 3.7.11.
"""

PF018 = error("PF018", "a service is given a parameter in a form that stops it")
"""Why: the program of the service stops where -o has a parameter without "=", or with a blank around it: "fatal:
missing '=' after attribute name". The service does not run.

Example:
    # master.cf
    2525 inet n - n - - smtpd -o biff = no

Remedy: write -o name=value without blanks, or -o { name = value }.

Source: master(5), "Command name + arguments"; observed with the programs of Postfix 3.7.11.
"""

PF233 = error("PF233", "the braces of an argument in master.cf do not hold it together")
"""Why: an argument in braces ends at the brace that closes the first one. Where it is missing, or something follows it
without a blank, master(8) stops and no service runs.

Example:
    # master.cf
    2525 inet n - n - - smtpd -o { smtpd_banner = a b

Remedy: close the brace, and write a blank after it.

Source: master(5), "Command name + arguments"; observed with Postfix 3.7.11.
"""

PF228 = error("PF228", "myorigin is not one domain, or its file cannot be read")
"""Why: Postfix appends the domain of myorigin to addresses without one. Its programs stop where the value is more than
one word, or a file that cannot be read.

Example:
    # main.cf
    myorigin = /etc/mailname

Remedy: write one domain, or create the file with one domain in its first line.

Source: postconf(5) myorigin; observed with Postfix 3.7.11.
"""
