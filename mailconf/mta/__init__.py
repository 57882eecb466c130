"""The reference MTA. asyncio lives only here: listeners, queue, scheduler, delivery agents, bounces, resolver.

It is handed a Policy and never reads configuration itself.
"""
