"""The administrator's console: pages drawn by the server, an OIDC client of this very server."""
