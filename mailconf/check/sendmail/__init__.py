"""Rules for an /etc/mail: its .mc files, its tables, its class files."""
