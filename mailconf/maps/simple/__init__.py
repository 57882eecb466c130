"""Tables without a file of their own, and those whose text is read when they are opened."""
