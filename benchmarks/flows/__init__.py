"""How many people per second can register, from the application's first redirect to its tokens."""
