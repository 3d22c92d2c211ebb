"""How fast the page after "send code" comes, however the mail server is doing."""
