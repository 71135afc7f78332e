"""The `supervisor` command; a module for each group of commands."""
