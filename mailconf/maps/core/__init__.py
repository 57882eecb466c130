"""What lookup tables of every type have and use: the interface, how it is opened, notations in map names."""
