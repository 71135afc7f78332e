"""Docker and Docker Compose: what is asked of an engine, and what it says."""
