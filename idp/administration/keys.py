"""The keys that sign tokens, as an administrator keeps them."""

from collections.abc import Sequence
from datetime import timedelta

from sqlmodel import Session

from idp.administration import audit
from idp.administration.audit import Actor
from idp.administration.problems import Refused
from idp.oidc.keys import list_keys, rotate_keys
from idp.storage import Secrets
from idp.storage.tables import SigningKey, SigningKeyState, now

TOKENS_LIVE = timedelta(hours=1)
"""What a previous key signed has run out by then, so that nobody misses the key."""


def rotated_lately(keys: Sequence[SigningKey]) -> bool:
    """Tell whether tokens of the previous keys may still be in use."""
    made = [key.created_at for key in keys if key.state is SigningKeyState.NEXT]
    has_previous = any(key.state is SigningKeyState.PREVIOUS for key in keys)
    return has_previous and max(made) > now() - TOKENS_LIVE


def rotate(session: Session, actor: Actor, secrets: Secrets, *, early: bool = False) -> None:
    """Let the next keys sign; what the previous ones signed is worth nothing from now on.

    Raises Refused when that may still be in use, unless it shall be so: a key was stolen.
    """
    is_early = rotated_lately(list_keys(session))
    if is_early and not early:
        message = "The last rotation was within the hour: tokens of the previous keys still live."
        raise Refused("key.rotated_lately", message)
    rotate_keys(session, secrets)
    audit.record(session, actor, "key.rotate", details={"early": is_early})
