"""Supervisor in a container, built from the Dockerfile; relative bind mounts work."""
