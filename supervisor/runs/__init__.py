"""The life of a run, as rows and as what followers see."""
