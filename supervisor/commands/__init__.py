"""The command lines that Supervisor calls, and how they are started."""
