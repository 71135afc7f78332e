"""What forges send: pure functions from headers and body to what they mean."""
