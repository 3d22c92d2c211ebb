"""The base of connector settings: strict, camelCase on the wire, silent about secrets."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Self, cast, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from idp.connector_kit.errors import InvalidConfig

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_TAG_ERRORS = {"union_tag_invalid", "union_tag_not_found"}


class ConnectorConfig(BaseModel):
    """Validated settings of a connector instance; also the base for their nested objects.

    Unknown keys are errors, secrets are `SecretStr`, and no error repeats what was typed in.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=False,
        validate_by_alias=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    @classmethod
    def parse(cls, raw: Mapping[str, object]) -> Self:
        """Validate settings as an administrator wrote them.

        Raises InvalidConfig whose `problems` name every wrong key path, and for an unknown key the
        nearest known one.
        """
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            problems = _problems(cls, raw, error)
        summary = "; ".join(f"{path}: {problem}" for path, problem in problems.items())
        raise InvalidConfig(f"The configuration is not valid: {summary}", problems=problems)


class FormConfig(ConnectorConfig):
    """Settings in which a blank optional value means that the key is absent, as a form sends it."""

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


def _problems(model: type[BaseModel], raw: object, error: ValidationError) -> dict[str, str]:
    problems: dict[str, str] = {}
    misplaced: dict[str, str] = {}
    for detail in error.errors(include_url=False, include_input=False):
        keys = _key_path(raw, detail)
        path = ".".join(keys) or "config"
        if (problem := _problem(model, keys, detail)) is not None:
            problems.setdefault(path, problem)
        else:
            misplaced[path] = "does not go together with the other keys there"
    return problems or misplaced


def _key_path(raw: object, detail: "ErrorDetails") -> list[str]:
    """Keep the keys an administrator typed, not the names pydantic gives to union members."""
    path: list[str] = []
    for part in detail["loc"]:
        is_typed = part in raw if isinstance(raw, Mapping) else isinstance(part, int)
        if is_typed:
            path.append(str(part))
            raw = cast("Any", raw)[part]
    if detail["type"] == "missing" and path[-1:] != [detail["loc"][-1]]:
        path.append(str(detail["loc"][-1]))
    elif detail["type"] in _TAG_ERRORS:
        path.append(detail["ctx"]["discriminator"].strip("'"))
    return path


def _problem(model: type[BaseModel], keys: list[str], detail: "ErrorDetails") -> str | None:
    match detail["type"]:
        case "extra_forbidden":
            return _unknown_key(model, keys)
        case "missing" | "union_tag_not_found":
            return "is required"
        case "union_tag_invalid":
            return f"must be one of {detail['ctx']['expected_tags']}"
        case "model_type" | "dict_type":
            return "must be an object"
    message = detail["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _unknown_key(model: type[BaseModel], keys: list[str]) -> str | None:
    """Name the nearest known key; None if another member of the same union knows this one."""
    current = [model]
    for key in keys[:-1]:
        current = [inner for known in current for inner in _fields(known).get(key, [])] or current
    candidates = {key for known in current for key in _fields(known)}
    if keys[-1] in candidates:
        return None
    nearest = get_close_matches(keys[-1], candidates, n=1, cutoff=0.5)
    return f"is not a known key; did you mean {nearest[0]}?" if nearest else "is not a known key"


def _fields(model: type[BaseModel]) -> dict[str, list[type[BaseModel]]]:
    return {
        field.alias or name: list(_models_in(field.annotation))
        for name, field in model.model_fields.items()
    }


def _models_in(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
