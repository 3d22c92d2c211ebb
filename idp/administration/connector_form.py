"""The form for a connector's settings, drawn from its model."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from idp.administration.connector_secrets import secret_names
from idp.plugins import ConnectorClass

Widget = Literal["Text", "Number", "Switch", "Select", "Json"]
_WIDGETS: Mapping[str, Widget] = {
    "string": "Text",
    "integer": "Number",
    "number": "Number",
    "boolean": "Switch",
}


@dataclass(frozen=True, kw_only=True)
class FormItem:
    """One key of the settings as a form shows it; the words are Logto's."""

    key: str
    widget: Widget
    label: str
    required: bool = False
    description: str | None = None
    options: tuple[str, ...] = ()
    default: Any = None
    example: Any = None
    is_confidential: bool = False


def form_items(connector: ConnectorClass) -> list[FormItem]:
    """Return the keys of a connector's settings in the order of its model."""
    schema = connector.config_model.model_json_schema()
    secret = secret_names(connector.config_model)
    required = schema.get("required", ())
    example = connector.metadata.example_config
    return [
        replace(
            _item(schema, key, described),
            required=key in required,
            example=example.get(key),
            is_confidential=key in secret,
        )
        for key, described in schema.get("properties", {}).items()
    ]


def _item(schema: Mapping[str, Any], key: str, described: Mapping[str, Any]) -> FormItem:
    shape = _shape(schema, described)
    options = tuple(str(option) for option in shape.get("enum", ()))
    return FormItem(
        key=key,
        widget="Select" if options else _WIDGETS.get(shape.get("type", ""), "Json"),
        label=described.get("title") or key,
        description=described.get("description"),
        options=options,
        default=described.get("default"),
    )


def _shape(schema: Mapping[str, Any], described: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a value is when it is there at all; an empty shape if it may be several."""
    if reference := described.get("$ref"):
        return _shape(schema, schema["$defs"][reference.rpartition("/")[2]])
    alternatives = [each for each in described.get("anyOf", ()) if each.get("type") != "null"]
    if alternatives:
        return _shape(schema, alternatives[0]) if len(alternatives) == 1 else {}
    return described
