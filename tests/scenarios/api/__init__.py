"""Bad input gets a clear answer, everything is bounded, and the published API is enough."""
