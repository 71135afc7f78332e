"""The rows of the fault plan: which tests prove them, and a crash loop and a soak of their own."""
