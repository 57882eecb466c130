"""What every lookup table has and uses, whatever its type: the interface, how it is opened, notations in map names."""
