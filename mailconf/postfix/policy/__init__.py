"""Postfix's decisions: restrictions, rewriting, routing and delivery, put together as the model's Policy.

Nothing here does I/O: what the world knows is asked through `mailconf.model.world.Ask`.
"""
