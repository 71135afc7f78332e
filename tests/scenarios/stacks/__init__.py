"""Stopped means stopped, and data is never deleted by an update."""
