"""What the pages call a connector instance."""

from sqlmodel import Session

from idp.connectors import list_connectors
from idp.console.console import Console


def instance_names(session: Session, console: Console) -> dict[str, str]:
    """Return the names by id: the class, and which one in the order of failover."""
    known = console.office.plugins.connectors
    return {
        instance.id: f"{place}. {known[instance.connector_id].metadata.name['en']}"
        if instance.connector_id in known
        else f"{place}. {instance.connector_id}"
        for place, instance in enumerate(list_connectors(session), 1)
    }
