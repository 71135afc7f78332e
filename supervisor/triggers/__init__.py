"""What asks for runs by itself: forges, polls, and what falls due."""
