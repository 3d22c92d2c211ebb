"""What a client may learn about a person: claims by scope, and claims asked for one by one."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

CLAIMS_BY_SCOPE = {
    "openid": ("sub",),
    "profile": (
        "name",
        "family_name",
        "given_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "updated_at",
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}
"""OIDC Core §5.4."""
SCOPES = (*CLAIMS_BY_SCOPE, "offline_access")
_SCOPE_OF = {claim: scope for scope, claims in CLAIMS_BY_SCOPE.items() for claim in claims}


class Person(Protocol):
    """What is known about a person, by the names of the table."""

    @property
    def id(self) -> str: ...
    @property
    def email(self) -> str | None: ...
    @property
    def email_verified(self) -> bool: ...
    @property
    def locale(self) -> str | None: ...
    @property
    def updated_at(self) -> datetime: ...
    @property
    def claims(self) -> Mapping[str, Any]: ...


def claims_of(person: Person, scope: str, names: Iterable[str] = ()) -> dict[str, Any]:
    """Return the claims of a person that a scope covers or that were asked for by name.

    What nobody has told us is left out.
    """
    known = {
        **person.claims,
        "sub": person.id,
        "email": person.email,
        "email_verified": person.email_verified,
        "locale": person.locale,
        "updated_at": int(person.updated_at.timestamp()),
    }
    wanted = [claim for name in scope.split() for claim in CLAIMS_BY_SCOPE.get(name, ())]
    return {claim: known[claim] for claim in [*wanted, *names] if known.get(claim) is not None}


@dataclass(frozen=True)
class ClaimsRequest:
    """The `claims` parameter (OIDC Core §5.5): what is asked of whom, by the name of the claim."""

    userinfo: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    id_token: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> "ClaimsRequest":
        """Read the parameter; raises ValueError. Members that are unknown are ignored."""
        try:
            asked = json.loads(text)
        except RecursionError as error:
            raise ValueError("claims is nested too deeply") from error
        if not isinstance(asked, dict):
            raise ValueError("claims is no JSON object")  # noqa: TRY004 (the value is)
        return cls(_section(asked, "userinfo"), _section(asked, "id_token"))

    def names(self, scope: str) -> dict[str, list[str]]:
        """Return the claims to give beyond those of the scopes, as far as `scope` allows them."""
        allowed = scope.split()
        asked = {"userinfo": self.userinfo, "id_token": self.id_token}
        return {
            place: [name for name in claims if _SCOPE_OF.get(name) in allowed]
            for place, claims in asked.items()
        }

    def scopes(self, scope: str) -> set[str]:
        """Return the scopes whose claims are asked for: what the person must agree to."""
        names = self.names(scope)
        return {_SCOPE_OF[name] for name in (*names["userinfo"], *names["id_token"])}

    def wanted_values(self, claim: str) -> list[str]:
        """Return the values an id token must hold one of; none if anything will do."""
        wanted = self.id_token.get(claim, {})
        values = wanted.get("values", [wanted["value"]] if "value" in wanted else [])
        return [str(value) for value in values] if isinstance(values, list) else []

    def is_essential(self, claim: str) -> bool:
        """Tell whether the id token is of no use to the client without this claim."""
        return self.id_token.get(claim, {}).get("essential") is True


def _section(asked: Mapping[str, Any], place: str) -> dict[str, Mapping[str, Any]]:
    section = {} if asked.get(place) is None else asked[place]
    if not isinstance(section, dict):
        raise ValueError(f"{place} is no JSON object")  # noqa: TRY004 (the value is)
    if not all(wanted is None or isinstance(wanted, dict) for wanted in section.values()):
        raise ValueError(f"{place} asks for a claim in an unknown way")
    return {name: wanted or {} for name, wanted in section.items()}
