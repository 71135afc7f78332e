"""A burst costs one run, no trigger is lost, and a payload is only a hint."""
