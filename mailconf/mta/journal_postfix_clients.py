"""Postfix's words for what is wrong with a client, or with the proxy that hands it on (recorded from 3.7.11)."""

from __future__ import annotations

from mailconf.model.limits import Activity
from mailconf.smtp.proxy_header import Fault

NOT_INTRODUCED = {
    Fault.NOTHING: "EOF",
    Fault.TIMEOUT: "timeout error",
    Fault.SHORT: "short protocol header",
    Fault.UNKNOWN: "unrecognized protocol header",
    Fault.UNENDED: "missing protocol header terminator",
    Fault.TYPE: "bad or missing protocol type",
    Fault.CLIENT: "bad or missing client address",
    Fault.SERVER: "bad or missing server address",
    Fault.CLIENT_PORT: "bad or missing client port",
    Fault.SERVER_PORT: "bad or missing server port",
    Fault.VERSION: "unrecognized protocol version",
    Fault.SHORT_SECOND: "short version 2 protocol header",
    Fault.COMMAND: "bad command in proxy header",
    Fault.FAMILY: "unsupported network protocol",
    Fault.NO_IPV4: "Postfix IPv4 support is disabled",
    Fault.NO_IPV6: "Postfix IPv6 support is disabled",
    Fault.ADDRESSES: "short address field",
}

OFTEN = {
    Activity.CONNECTION: "Connection",
    Activity.MESSAGE: "Message delivery request",
    Activity.RECIPIENT: "Recipient address",
    Activity.LOGIN: "AUTH command",
    Activity.HANDSHAKE: "New TLS session",
}
