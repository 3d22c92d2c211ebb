"""An administrator at the console, and the audit log behind it."""

from people import Person, Site

from idp.administration.audit import Filter, entries
from idp.storage.tables import AuditEntry


class Administrator:
    """Somebody who is signed in to the console of a site."""

    def __init__(self, site: Site, person: Person) -> None:
        self.site = site
        self.person = person

    def log(self, action: str) -> list[AuditEntry]:
        """Return what the audit log holds of an action, newest first."""
        return self.site.work(entries, Filter(action=action))
