"""Secrets in connector settings are written, never read back: a sentinel stands for them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from idp.administration.problems import Invalid
from idp.connector_kit import ConnectorConfig, InvalidConfig
from idp.plugins import ConnectorClass

UNCHANGED = "••••••••"
"""Comes back in place of a secret, and means "as it is saved" where it is sent."""

_NOT_WHERE_TO = frozenset(
    {"contentType", "customHeaders", "fromEmail", "fromName", "replyTo", "templates", "user"}
    | {"connectionTimeout", "dnsTimeout", "greetingTimeout", "pool", "socketTimeout", "timeout"}
)
"""Settings that cannot lead a secret elsewhere; of one that is not here nobody knows, so it may."""


def masked(connector: ConnectorClass | None, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without their secrets.

    A value is secret when its key is one in the connector's model, or when it equals such a value.
    Without the connector nobody knows which are, so every text is.
    """
    if connector is None:
        return {key: _mask(value, _everything) for key, value in config.items()}
    names = secret_names(connector.config_model)
    values = _secret_values(connector.config_model, config)

    def is_secret(key: str, text: str) -> bool:
        return key in names or text.strip() in values

    return {key: _mask(value, is_secret, key) for key, value in config.items()}


def restored(
    connector: ConnectorClass, sent: Mapping[str, Any], saved: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return whole settings with the saved secrets in place of the sentinels.

    Raises Invalid where nothing is saved that could stay as it is, and where what is saved would go
    to a place it was not given for: whoever may change settings could read it there.
    """
    saved = saved or {}
    whole = {key: _restore(value, saved.get(key), (key,)) for key, value in sent.items()}
    kept = list(_kept(sent))
    moved = sorted(set(_moved(masked(connector, saved), sent))) if kept else []
    if moved:
        raise Invalid(
            "connector.invalid_config",
            f"{', '.join(moved)} changed: the saved {', '.join(kept)} could go to where it was "
            "not meant to; send it again.",
            data={"problems": dict.fromkeys(kept, f"must be given again, as {moved[0]} changed")},
        )
    return whole


def _kept(sent: Any, path: str = "") -> Iterator[str]:
    """Name the secrets that shall stay as they are saved."""
    if sent == UNCHANGED:
        yield path
    for key, value in _items(sent):
        yield from _kept(value, f"{path}.{key}" if path else key)


def _moved(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Name the settings that differ and may say where secrets go.

    A new secret in place of an old one says nothing of the sort, unless it is an address itself.
    """
    inner_before, inner_after = dict(_items(before)), dict(_items(after))
    if inner_before or inner_after:
        for key in sorted((inner_before.keys() | inner_after.keys()) - _NOT_WHERE_TO):
            inner = f"{path}.{key}" if path else key
            yield from _moved(inner_before.get(key), inner_after.get(key), inner)
    elif UNCHANGED in (before, after):
        if "://" in str(after):
            yield path
    elif before != after and not (_is_blank(before) and _is_blank(after)):
        yield path


def _is_blank(value: Any) -> bool:
    return value is None or value == "" or value == [] or value == {}


def _items(value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [(str(key), each) for key, each in value.items()]
    if isinstance(value, list):
        return [(str(number), each) for number, each in enumerate(value)]
    return ()


def _everything(_key: str, _text: str) -> bool:
    return True


def _mask(value: Any, is_secret: Any, key: str = "", *, within: bool = False) -> Any:
    within = within or (bool(key) and is_secret(key, ""))
    if isinstance(value, Mapping):
        return {
            inner: _mask(each, is_secret, inner, within=within) for inner, each in value.items()
        }
    if isinstance(value, list):
        return [_mask(each, is_secret, key, within=within) for each in value]
    if isinstance(value, str) and value and (within or is_secret(key, value)):
        return UNCHANGED
    return value


def _restore(sent: Any, saved: Any, path: tuple[str, ...]) -> Any:
    if isinstance(sent, Mapping):
        known = saved if isinstance(saved, Mapping) else {}
        return {key: _restore(value, known.get(key), (*path, key)) for key, value in sent.items()}
    if isinstance(sent, list):
        kept = saved if isinstance(saved, list) else []
        pairs = zip(sent, [*kept, *[None] * len(sent)], strict=False)
        return [_restore(*pair, (*path, str(number))) for number, pair in enumerate(pairs)]
    if sent != UNCHANGED:
        return sent
    if saved is None:
        where = ".".join(path)
        raise Invalid(
            "connector.invalid_config",
            f"{where}: nothing is saved here that could stay as it is; send the value.",
            data={"problems": {where: "is required"}},
        )
    return saved


def secret_names(model: type[ConnectorConfig]) -> set[str]:
    """Return the keys of the model, at any depth, whose schema says that they are secret."""
    return set(_named_secrets(model.model_json_schema()))


def _named_secrets(schema: Any, name: str = "") -> Iterator[str]:
    if isinstance(schema, list):
        for each in schema:
            yield from _named_secrets(each, name)
    elif isinstance(schema, Mapping):
        if schema.get("writeOnly") and name:
            yield name
        for key, each in schema.items():
            if key in {"properties", "$defs"}:
                for inner, described in each.items():
                    yield from _named_secrets(described, inner if key == "properties" else "")
            elif key in {"anyOf", "oneOf", "allOf", "items", "additionalProperties"}:
                yield from _named_secrets(each, name)


def _secret_values(model: type[ConnectorConfig], config: Mapping[str, Any]) -> set[str]:
    """Return the secrets as the model reads them; none when the settings are not valid any more."""
    try:
        parsed = model.parse(config)
    except InvalidConfig:
        return set()
    return {secret for secret in _secrets_in(parsed) if secret}


def _secrets_in(value: object) -> Iterable[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value().strip()
    elif isinstance(value, BaseModel):
        for _, inner in value:
            yield from _secrets_in(inner)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _secrets_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _secrets_in(inner)
