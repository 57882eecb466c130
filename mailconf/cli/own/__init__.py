"""mailconf's own commands, by click: build, check, explain, makefile, serve."""
