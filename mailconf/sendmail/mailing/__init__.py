"""Mailers that are programs: what a message is for them, with which arguments they are called, and as whom.

handing.py puts it together; content.py makes the bytes, identity.py finds whose rights count. Nothing is run here.
"""
