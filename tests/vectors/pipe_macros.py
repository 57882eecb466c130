"""Macros in the command of a pipe(8) service, and what Postfix 3.7.11 logs: tests/live/test_pipe_macros_live.py."""

SENT, DEFERRED = "status=sent", "dsn=4.3.5, status=deferred (mail system configuration error)"
CASES = {
    "${recipient}": SENT,
    "$user@$domain": SENT,
    "$(recipient)": SENT,
    "$$": SENT,
    "a$$b": SENT,
    "${sasl_username} ${client_address} ${client_helo} ${client_hostname} ${client_port} ${client_protocol}": SENT,
    "${extension} ${mailbox} ${nexthop} ${original_recipient} ${queue_id}": SENT,
    "${sasl_method} ${sasl_sender} ${sender} ${size}": SENT,
    "${user?x}": DEFERRED,
    "${user:x}": DEFERRED,
    "${nosuch}": DEFERRED,
    "$nosuch": DEFERRED,
    "${envid}": DEFERRED,
    "${RECIPIENT}": DEFERRED,
    "${recipient": DEFERRED,
    "${nosuch?x}": DEFERRED,
    "${user?{$nosuch}}": DEFERRED,
    "a$": DEFERRED,
    "$ a": DEFERRED,
    "$1": DEFERRED,
}
