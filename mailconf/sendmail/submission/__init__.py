"""A message that a program hands to the sendmail command: how it is read, and what fields it gets.

`reading` takes a message from a stream, field by field and line by line; `fields` adds what the lines H of a
configuration ask for. Neither opens a file nor knows a queue.
"""
