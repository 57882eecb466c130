"""Postfix's parameters as data, by version: which exist, their types, defaults and history, and what values they take.

`catalogue` is what the other rooms ask; `data`, `versions` and `bounce_templates_data` are recorded from the engine.
"""
