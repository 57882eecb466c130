"""The format of test files: YAML with places, its keys and values, the cases that come of it. docs/testing.md."""
