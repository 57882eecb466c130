"""What postconf(1) does with a configuration: shows, explains and edits it, and prints bounce templates.

Command lines and exit status are `mailconf.cli.postfix.postconf`'s.
"""
