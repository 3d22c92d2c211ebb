"""An OpenID Connect identity server whose email leaves through plugins."""

import pluggy

__version__ = "0.1.0a1"

hookimpl = pluggy.HookimplMarker("idp")
"""Mark a function of a plugin as the implementation of the hook with the same name."""
