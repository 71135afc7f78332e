"""Nothing that runs is touched before all is ready, and then only what changed."""
