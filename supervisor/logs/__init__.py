"""Supervisor's own log."""
