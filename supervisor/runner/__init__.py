"""Carries runs out: a pool of threads, one attempt at a time for each stack; plans too."""
