"""The OpenID Provider: one file per endpoint, one small check per rule of the specifications.

authlib holds the protocol rules and does no I/O: an endpoint reads rows in one unit of work, lets
authlib decide over them, and writes what was decided in one more.
"""

from idp.oidc.logout_tokens import LogoutChannel
from idp.oidc.provider import Provider
from idp.oidc.routes import direct_calls, routes

__all__ = ["LogoutChannel", "Provider", "direct_calls", "routes"]
