"""A run that replaces Supervisor itself: handed over to a helper container."""
