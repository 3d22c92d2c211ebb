"""What pages share: templates, language, cookies, security headers."""
