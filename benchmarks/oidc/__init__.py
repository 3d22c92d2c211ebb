"""The protocol endpoints beside node-oidc-provider."""
