"""What all parts of the configuration have in common: how blanks and single items are read."""

from collections.abc import Mapping

from pydantic import model_validator

from idp.connector_kit import ConnectorConfig


class SmtpSettings(ConnectorConfig):
    """A part of the configuration in which a blank optional value means that the key is absent."""

    @model_validator(mode="before")
    @classmethod
    def _drop_blanks(cls, raw: object) -> object:
        if not isinstance(raw, Mapping):
            return raw
        optional = {field.alias for field in cls.model_fields.values() if not field.is_required()}
        return {
            key: value
            for key, value in raw.items()
            if key not in optional or (value is not None and value != "")
        }


def as_list(value: object) -> object:
    """Let one item stand for a list of one."""
    return [value] if isinstance(value, str | Mapping) else value
