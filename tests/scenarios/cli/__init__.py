"""The `supervisor` command does what the API does, beside a running service."""
