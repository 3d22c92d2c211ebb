"""An authorization request (OIDC Core §3.1.2.1), and what its person must do before the answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from idp.accounts.sessions import SignedIn
from idp.oidc.claims import ClaimsRequest
from idp.oidc.clients import RegisteredClient
from idp.oidc.keys import KeyRing
from idp.oidc.parameters import Parameters
from idp.storage.tables import Consent, Interaction, now

ACR = "1"
"""A code sent by mail or a password: level of assurance 1 of ISO/IEC 29115."""


@dataclass(frozen=True)
class AuthorizationRequest:
    """A request whose client and redirect_uri are proven, with all that decides its answer."""

    parameters: Parameters
    client: RegisteredClient
    signed_in: SignedIn | None
    interaction: Interaction | None
    """Set when the person was sent to our pages and has come back."""
    consent: Consent | None
    """What the person who is signed in let the client have before."""
    keys: KeyRing
    apis: frozenset[str] = frozenset()
    """Those of the APIs named as `resource` that are registered here."""

    @cached_property
    def prompts(self) -> set[str]:
        return set((self.parameters.get("prompt") or "").split())

    @cached_property
    def scope(self) -> str:
        """The scopes asked for that this client may ask for."""
        return self.client.get_allowed_scope(self.parameters.get("scope") or "")

    @cached_property
    def claims(self) -> ClaimsRequest:
        """The claims asked for one by one; raises ValueError."""
        text = self.parameters.get("claims")
        return ClaimsRequest.read(text) if text else ClaimsRequest()

    @property
    def claim_names(self) -> dict[str, list[str]]:
        return self.claims.names(self.client.row.scope)

    @property
    def consent_scopes(self) -> list[str]:
        """What the person must agree to, claims asked for one by one under their scope."""
        asked = {*self.scope.split(), *self.claims.scopes(self.client.row.scope)}
        return [scope for scope in self.client.row.scope.split() if scope in asked]

    @cached_property
    def hint(self) -> dict[str, Any] | None:
        """The claims of the id_token_hint, if there is one and it was issued here."""
        id_token = self.parameters.get("id_token_hint")
        return self.keys.read_id_token(id_token) if id_token else None

    @property
    def wanted_subjects(self) -> set[str]:
        """Whom the client will have and nobody else (OIDC Core §3.1.2.2, §5.5.1)."""
        subjects = set(self.claims.wanted_values("sub"))
        return subjects | ({str(self.hint.get("sub"))} if self.hint else set())

    @property
    def acr(self) -> str | None:
        """What to say about the sign-in, if the client asked and knows the word."""
        asked = (self.parameters.get("acr_values") or "").split()
        asked += self.claims.wanted_values("acr")
        wants_any = "acr" in self.claims.id_token and not self.claims.wanted_values("acr")
        return ACR if ACR in asked or wants_any else None

    @cached_property
    def needs_sign_in(self) -> bool:
        """Tell whether the person must sign in before the client gets its answer."""
        if self.signed_in is None:
            return True
        if self._has_signed_in_for_this:
            return False
        return bool(self.prompts & {"login", "create"}) or self.is_too_old or self.is_someone_else

    @property
    def needs_account(self) -> bool:
        """Tell whether the person must say which account is meant."""
        if self.signed_in is None or "select_account" not in self.prompts:
            return False
        chosen = self.interaction.account_id if self.interaction else None
        return not self._has_signed_in_for_this and chosen != self.signed_in.user.id

    @property
    def needs_consent(self) -> bool:
        """Tell whether the person must agree; applications of one's own only ask on purpose."""
        if self.client.row.first_party and "consent" not in self.prompts:
            return False
        if self.consent is None or not set(self.consent_scopes) <= set(self.consent.scope.split()):
            return True
        must_ask = "consent" in self.prompts or not self._is_surely_the_client
        return must_ask and not self._is_of_this(self.consent.granted_at)

    @property
    def is_too_old(self) -> bool:
        """Tell whether the sign-in happened longer ago than max_age allows."""
        max_age = self.parameters.get("max_age")
        if max_age is None or self.signed_in is None:
            return False
        return now() - self.signed_in.auth_time > timedelta(seconds=int(max_age))

    @property
    def is_someone_else(self) -> bool:
        """Tell whether the client wants another person than the one signed in."""
        if not self.wanted_subjects or self.signed_in is None:
            return False
        return self.wanted_subjects != {self.signed_in.user.id}

    @property
    def _has_signed_in_for_this(self) -> bool:
        return self.signed_in is not None and self._is_of_this(self.signed_in.auth_time)

    def _is_of_this(self, moment: datetime) -> bool:
        """Tell whether something happened since the person was asked for this request."""
        return self.interaction is not None and moment >= self.interaction.created_at

    @property
    def _is_surely_the_client(self) -> bool:
        # RFC 8252 §8.6: any app on a device may pose as one without a secret or an https address.
        redirect_uri = self.parameters.get("redirect_uri") or ""
        return not self.client.is_public or redirect_uri.startswith("https://")
