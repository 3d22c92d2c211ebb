"""How fast a promised mail leaves, and what waiting costs."""
