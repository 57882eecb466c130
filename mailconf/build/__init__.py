"""From sources to everything the servers need: plan, compile, apply."""
