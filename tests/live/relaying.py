"""What an open relay would let pass: recipients on roundabout ways, to five sites, from three clients.

A recipient is an address (of each class that the example site has, and of the outside), written in a form, on a route
through a host of the site or of the outside. `SITES` are the example site with further settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

Form = Callable[[str, str], tuple[str, str]]

# user and domain, by the class of the address
ADDRESSES = {
    "local": ("alice", "example.com"),
    "aliased": ("info", "example.org"),
    "mailbox": ("hosted", "example.net"),
    "relayed": ("anyone", "partner.example"),
    "outside": ("erin", "elsewhere.example"),
}
HOSTS = ("example.com", "mail.example.com", "[127.0.0.1]", "partner.example", "elsewhere.example")

ROUTES: dict[str, Callable[[str, str, str], str]] = {
    "none": lambda user, domain, host: f"{user}@{domain}",
    "percent": lambda user, domain, host: f"{user}%{domain}@{host}",
    "bang": lambda user, domain, host: f"{domain}!{user}@{host}",
    "source route": lambda user, domain, host: f"@{host}:{user}@{domain}",
    "two at signs": lambda user, domain, host: f"{user}@{domain}@{host}",
    "quoted": lambda user, domain, host: f'"{user}@{domain}"@{host}',
    "quoted percent": lambda user, domain, host: f'"{user}%{domain}"@{host}',
    "bang through two": lambda user, domain, host: f"{host}!{domain}!{user}",
    "percent, no domain": lambda user, domain, host: f"{user}%{domain}",
    "percent twice": lambda user, domain, host: f"{user}%{domain}%{host}@example.com",
    "bang and percent": lambda user, domain, host: f"{host}!{user}%{domain}@example.com",
}
FORMS: dict[str, Form] = {
    "as it is": lambda user, domain: (user, domain),
    "capitals": lambda user, domain: (user.upper(), domain.upper()),
    "a dot at the end": lambda user, domain: (user, f"{domain}."),
    "an extension": lambda user, domain: (f"{user}+x", domain),
    "a subdomain": lambda user, domain: (user, f"sub.{domain}"),
    "nobody": lambda user, domain: ("", domain),
    "a blank": lambda user, domain: (f'"{user} x"', domain),
}

CLIENTS = [("[UNAVAILABLE]", "203.0.113.5"), ("[UNAVAILABLE]", "192.0.2.9"), ("mx.example.edu", "IPV6:2001:db8::1")]

SITES: Mapping[str, Mapping[str, str]] = {
    "the example": {},
    "of old": {
        "smtpd_relay_restrictions": "",
        "smtpd_recipient_restrictions": "permit_mynetworks, check_recipient_access hash:/etc/postfix/recipient_access,"
        " reject_unauth_destination",
        "relay_domains": "$mydestination, partner.example",
        "parent_domain_matches_subdomains": "relay_domains, permit_mx_backup_networks, smtpd_access_maps",
    },
    "without routes": {
        "swap_bangpath": "no",
        "allow_percent_hack": "no",
        "resolve_dequoted_address": "no",
        "recipient_delimiter": "-",
    },
    "with routes": {"allow_untrusted_routing": "yes", "resolve_dequoted_address": "yes"},
    "a null client's": {
        "mydestination": "",
        "append_at_myorigin": "no",
        "append_dot_mydomain": "no",
        "relayhost": "[relay.example.net]",
        "local_transport": "error:no local mail",
        "smtpd_relay_restrictions": "permit_mynetworks, permit_auth_destination, reject",
    },
}


def recipients() -> dict[str, str]:
    """Each address once, by the first name that it has: class, form, route, host."""
    found: dict[str, str] = {}
    for class_name, (user, domain) in ADDRESSES.items():
        for form_name, form in FORMS.items():
            for route_name, route in ROUTES.items():
                for host in HOSTS:
                    address = route(*form(user, domain), host)
                    found.setdefault(address, f"{class_name}, {form_name}, {route_name} through {host}")
    return {name: address for address, name in found.items()}
