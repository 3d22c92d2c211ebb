"""How single items in the configuration are read."""

from collections.abc import Mapping


def as_list(value: object) -> object:
    """Let one item stand for a list of one."""
    return [value] if isinstance(value, str | Mapping) else value
