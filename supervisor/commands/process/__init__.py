"""The one door to command lines: limits of time and memory, process groups, output."""
