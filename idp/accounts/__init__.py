"""People: their accounts, passwords and browser sessions."""
