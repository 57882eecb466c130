"""Tables of rules that are tried in their order: regexp, pcre and cidr."""
