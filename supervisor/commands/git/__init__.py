"""git: mirrors of repositories, whom they are fetched from, and what git says."""
