"""The settings, and the keys that the first start makes."""
