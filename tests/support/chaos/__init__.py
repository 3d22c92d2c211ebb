"""Kill everything at random moments, then count what became of every promised mail."""
