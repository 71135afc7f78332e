"""A follower misses no line; what ran is told, and in the log."""
