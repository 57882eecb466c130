"""mailconf: a configuration compiler for mail servers.

It reads what administrators of sendmail and Postfix have, understands it as one model, reports what is wrong with
it, builds every file the servers need, and runs the result in a reference MTA. docs/architecture.md shows the rooms.
"""

__version__ = "0.1.0"
