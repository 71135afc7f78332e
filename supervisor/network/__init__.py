"""Clients and servers on the network: their addresses, and how many may keep Supervisor waiting."""
