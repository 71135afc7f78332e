"""What a run does, step by step. Knows neither the database nor HTTP."""
