"""A form drawn from the settings model of a connector, and the settings read from it again."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from idp.administration.connector_secrets import UNCHANGED
from idp.plugins import ConnectorClass

Kind = Literal["text", "lines", "number", "choice", "secret", "secret_lines", "json", "group"]

_YES_OR_NO = (("true", "yes"), ("false", "no"))
_PREFIX = "config."


@dataclass(frozen=True)
class Field:
    """One setting, or a group of them."""

    path: tuple[str, ...]
    kind: Kind
    required: bool
    help: str
    default: str = ""
    options: tuple[tuple[str, str], ...] = ()
    fields: tuple["Field", ...] = ()

    @property
    def name(self) -> str:
        """Name of the control in the form."""
        return _PREFIX + ".".join(self.path)

    @property
    def label(self) -> str:
        return self.path[-1]


@dataclass
class Draft:
    """Settings as far as they are typed, with `UNCHANGED` for secrets that are saved."""

    config: dict[str, Any]
    problems: dict[str, str] = field(default_factory=dict)
    """What is wrong, by key path."""
    text: str = ""
    """What was typed as JSON, if it is none."""

    def value(self, field: Field) -> Any:
        found: Any = self.config
        for key in field.path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def shown(self, field: Field) -> str:
        """Return what stands in the control; a saved secret never does, nor an open <value>."""
        value = self.value(field)
        if value is None or value == UNCHANGED or is_open(value):
            return ""
        if field.kind == "json":
            return "" if value in ([], {}) else as_json(value)
        return str(value).lower() if isinstance(value, bool) else _text(value)

    def placeholder(self, field: Field) -> str:
        value = self.value(field)
        if value == UNCHANGED:
            return "saved; leave blank to keep it"
        return value if is_open(value) else field.default

    def is_kept(self, field: Field) -> bool:
        value = self.value(field)
        return value == UNCHANGED or (isinstance(value, list) and UNCHANGED in value)

    def problem(self, field: Field) -> str | None:
        path = ".".join(field.path)
        inner = (
            f"{key.removeprefix(path).lstrip('.')} {text}".strip()
            for key, text in self.problems.items()
            if key == path or (field.kind == "json" and key.startswith(f"{path}."))
        )
        return next(inner, None)

    def has_problem(self, fields: Iterable[Field]) -> bool:
        paths = tuple(".".join(each.path) for each in fields)
        return any(key.startswith(paths) for key in self.problems)

    def is_used(self, group: Field) -> bool:
        """Tell whether a group says something, or is wrong."""
        return bool(self.value(group)) or self.has_problem([group])


def is_open(value: Any) -> bool:
    """Tell whether a value of an example is one to fill in, such as <host>."""
    return isinstance(value, str) and value.startswith("<") and value.endswith(">")


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def draw(connector: ConnectorClass) -> tuple[Field, ...]:
    """Return the fields of a connector's settings, in the order of its model."""
    schema = connector.config_model.model_json_schema(by_alias=True)
    return _fields([schema], (), schema.get("$defs", {}))


def read(fields: tuple[Field, ...], form: Mapping[str, Any], known: Mapping[str, Any]) -> Draft:
    """Read what was typed; blank means absent, for a secret in `known` it means as it is."""
    draft = Draft({})
    before = Draft(dict(known))
    for each in _leaves(fields):
        typed = str(form.get(each.name, "")).replace("\r\n", "\n")
        value = _read_one(each, typed, draft)
        if value is None and each.kind in {"secret", "secret_lines"} and before.is_kept(each):
            value = before.value(each)
        if value is not None:
            _put(draft.config, each.path, value)
    return draft


def _read_one(field: Field, typed: str, draft: Draft) -> Any:
    if not typed.strip():
        return None
    if field.kind == "json":
        return _read_json(field, typed, draft)
    if field.kind == "number":
        return int(typed) if typed.strip().isascii() and typed.strip().isdigit() else typed
    if field.options == _YES_OR_NO:
        return typed == "true"
    return typed


def _read_json(field: Field, typed: str, draft: Draft) -> Any:
    try:
        return json.loads(typed)
    except ValueError as error:
        draft.problems[".".join(field.path)] = f"is not JSON: {error}"
        return None


def _put(config: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        config = config.setdefault(key, {})
    config[path[-1]] = value


def _leaves(fields: tuple[Field, ...]) -> Iterator[Field]:
    for each in fields:
        if each.kind == "group":
            yield from _leaves(each.fields)
        else:
            yield each


def _fields(
    models: list[Any], path: tuple[str, ...], definitions: Mapping[str, Any]
) -> tuple[Field, ...]:
    """Draw the members of a union as one form: what belongs to none of them stays blank."""
    named: dict[str, list[Any]] = {}
    for model in models:
        for key, schema in model.get("properties", {}).items():
            named.setdefault(key, []).append(schema)
    drawn = [
        _field(schemas, (*path, key), definitions, required=_is_required(key, models))
        for key, schemas in named.items()
    ]
    return tuple(drawn)


def _is_required(key: str, models: list[Any]) -> bool:
    return all(key in model.get("required", ()) for model in models)


def _field(
    schemas: list[Any], path: tuple[str, ...], definitions: Mapping[str, Any], *, required: bool
) -> Field:
    members = [each for schema in schemas for each in _members(schema, definitions)]
    described = (each.get("description") for each in (*schemas, *members))
    explained = next((text for text in described if text), "").replace("`", "")
    default = next((_text(each["default"]) for each in schemas if each.get("default")), "")
    models = [each for each in members if "properties" in each]
    if models and not any(each.get("type") == "array" for each in members):
        return Field(path, "group", required, explained, fields=_fields(models, path, definitions))
    kind = _kind(members, is_long="PEM" in explained)
    options = _options(members)
    return Field(path, "choice" if options else kind, required, explained, default, options)


def _members(schema: Any, definitions: Mapping[str, Any]) -> Iterator[Any]:
    """Yield what a value may be, without null."""
    if "$ref" in schema:
        yield from _members(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    elif union := schema.get("anyOf") or schema.get("oneOf"):
        for member in union:
            yield from _members(member, definitions)
    elif schema.get("type") != "null":
        yield schema


def _kind(members: list[Any], *, is_long: bool) -> Kind:
    types = {each.get("type") for each in members}
    secret = any(
        each.get("writeOnly") or each.get("items", {}).get("writeOnly") for each in members
    )
    if secret:
        return "secret_lines" if is_long else "secret"
    if types & {"array", "object"} or None in types:
        return "json"
    if types <= {"integer", "number"}:
        return "number"
    return "lines" if is_long else "text"


def _options(members: list[Any]) -> tuple[tuple[str, str], ...]:
    if any(each.get("type") == "boolean" for each in members):
        return _YES_OR_NO
    named = [value for each in members for value in each.get("enum", ())]
    named += [each["const"] for each in members if "const" in each]
    return tuple((str(value), str(value)) for value in dict.fromkeys(named))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return as_json(value) if isinstance(value, (dict, list)) else str(value)
