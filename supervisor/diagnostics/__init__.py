"""Whether Supervisor itself is well: what /up tells, and alarms in the log."""
