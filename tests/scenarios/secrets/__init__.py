"""No secret turns up where it does not belong."""
