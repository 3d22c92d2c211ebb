"""What bodies have in common: camelCase names, and nothing unknown in what is sent."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

JsonObject = dict[str, Any]


class Received(BaseModel):
    """A body that is sent here; an unknown key is a mistake somebody wants to know of."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", validate_by_alias=True, validate_by_name=False
    )


class Answered(BaseModel):
    """A body that is answered."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)


def milliseconds(moment: datetime) -> int:
    """Return a moment as Logto writes it: milliseconds since 1970."""
    return int(moment.timestamp() * 1000)
