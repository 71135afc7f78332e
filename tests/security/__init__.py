"""Tests of supervisor/security."""
