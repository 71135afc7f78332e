"""What needs a real service and a real engine, by what Supervisor promises."""
