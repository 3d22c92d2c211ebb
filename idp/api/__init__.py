"""The management API, in the shapes of Logto's: docs/management-api.md."""

from idp.api.application import create_api

__all__ = ["create_api"]
