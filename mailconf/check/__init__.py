"""The rules that find mistakes across files, one module a subject."""
