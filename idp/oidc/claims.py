"""What a client may learn about a person: the claims each scope asks for (OIDC Core §5.4)."""

from typing import Any

from idp.storage.tables import User

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
}
SCOPES = (*CLAIMS_BY_SCOPE, "offline_access")


def claims_of(user: User, scope: str) -> dict[str, Any]:
    """Return the claims of a person that a scope covers, without those nobody has told us."""
    known = {
        **user.claims,
        "sub": user.id,
        "email": user.email,
        "email_verified": user.email_verified,
        "locale": user.locale,
        "updated_at": int(user.updated_at.timestamp()),
    }
    wanted = [claim for name in scope.split() for claim in CLAIMS_BY_SCOPE.get(name, ())]
    return {claim: known[claim] for claim in wanted if known.get(claim) is not None}
