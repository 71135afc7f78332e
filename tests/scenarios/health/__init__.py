"""A bad commit undoes itself; "succeeded" means healthy; every stage has a limit."""
