"""Supervisor behind a reverse proxy, and the example set-ups."""
