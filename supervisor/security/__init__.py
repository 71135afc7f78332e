"""Secrets: hidden in memory, taken out of text, encrypted at rest."""
