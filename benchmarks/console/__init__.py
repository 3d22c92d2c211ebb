"""How fast the console answers when there is much to show."""
