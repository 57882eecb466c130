"""Postfix: main.cf, master.cf, parameters, expansion, postconf's operations, and Postfix's Policy."""
