"""What was accepted is done, whatever happens to the service, its engine, its disk."""
