"""Stacks: every query and write on them, and what is kept secret of them."""
