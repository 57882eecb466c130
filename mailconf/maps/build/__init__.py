"""Maps written, whole or not at all: from entries one by one, and from a million of them packed in arrays."""
