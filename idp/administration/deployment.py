"""What an administrator's work needs besides the database."""

from typing import Protocol

from idp.plugins import Plugins
from idp.settings import Settings
from idp.storage import Secrets


class Deployment(Protocol):
    """The running server has these, and so has the workspace of a command."""

    @property
    def settings(self) -> Settings: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def plugins(self) -> Plugins: ...
