"""Whether Supervisor itself is well."""
