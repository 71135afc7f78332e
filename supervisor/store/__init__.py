"""The one SQLite file, and the lock on the storage."""
