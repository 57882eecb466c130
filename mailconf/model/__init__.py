"""The one question-answering model that every command and the MTA share.

- `Site`: the content of a configuration (`mailconf.model.site`).
- `Policy`: what it decides (`mailconf.model.policy`); answers are `Verdict`, `Route`, `Delivery`.
- `World`: what a Policy may ask of its surroundings (`mailconf.model.world`), always through an `Ask`, which writes
  each question and answer into the `Trace` (`mailconf.model.trace`).

A Policy does no I/O of its own. Its questions are coroutines that await only the World: the MTA drives them with
asyncio, everybody else with `mailconf.model.world.run`, over a World that never suspends.
"""
