"""The page on which a person lets an application of somebody else have what it asks for."""

import hmac
from dataclasses import dataclass

from authlib.oauth2.rfc6749 import AccessDeniedError
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.sessions import SignedIn
from idp.oidc.authorization_request import AuthorizationRequest
from idp.oidc.authorize import UnprovenError, engine_for, read_request, respond, see_other
from idp.oidc.consents import remember_consent
from idp.oidc.interactions import end_interaction, interaction_only, resumption
from idp.oidc.parameters import Parameters, form_parameters, query_parameters
from idp.oidc.provider import Provider
from idp.storage import Secrets
from idp.storage.tables import Interaction
from idp.web.i18n import mark

WORDS = {
    "profile": mark("see your profile, such as your name and picture"),
    "email": mark("see your email address"),
    "address": mark("see your postal address"),
    "phone": mark("see your phone number"),
    "offline_access": mark("keep this access while you are away"),
}
"""What a scope means to a person; every other client learns who you are, which is `openid`."""


@dataclass(frozen=True)
class Question:
    """What one person is asked because of one request."""

    asked: AuthorizationRequest
    interaction: Interaction
    signed_in: SignedIn

    @classmethod
    def of(cls, asked: AuthorizationRequest) -> "Question | None":
        """Return the question, if there is anything to ask."""
        if asked.interaction is None or asked.signed_in is None or asked.needs_sign_in:
            return None
        return cls(asked, asked.interaction, asked.signed_in) if asked.needs_consent else None

    def confirmation(self, secrets: Secrets) -> str:
        """Return what only our own page for this person and these scopes can send."""
        about = (self.interaction.id, self.signed_in.session.id, *self.asked.consent_scopes)
        return secrets.keyed_hash("consent", *about)


async def consent_page(provider: Provider, request: Request) -> Response:
    """Ask; on POST, remember the answer or tell the client that there is none."""
    is_form = request.method == "POST"
    sent = await form_parameters(request) if is_form else query_parameters(request)
    named = interaction_only(sent)
    try:
        asked = await provider.database.run(read_request, provider, request, named)
    except UnprovenError as error:
        return provider.pages.error(request, error.title, error.message)
    question = Question.of(asked)
    if question is None:
        return see_other(resumption(named))
    decision = sent.get("decision") if is_form and _is_own(provider, question, sent) else None
    if decision == "allow":
        await provider.database.run(_remember, question)
        return see_other(resumption(named))
    if decision == "deny":
        await provider.database.run(end_interaction, question.interaction)
        refusal = engine_for(provider, asked).refuse(AccessDeniedError())
        return respond(provider, request, asked, refusal.location)
    return _show(provider, request, question)


def _is_own(provider: Provider, question: Question, sent: Parameters) -> bool:
    """Tell whether a form is the one this very person was shown (against forged forms)."""
    expected = question.confirmation(provider.secrets)
    return hmac.compare_digest((sent.get("confirmation") or "").encode(), expected.encode())


def _show(provider: Provider, request: Request, question: Question) -> Response:
    asked = question.asked
    return provider.pages.render(
        request,
        "oidc/consent.html",
        application=asked.client.row.name,
        email=question.signed_in.user.email,
        wants=[WORDS.get(scope, scope) for scope in asked.consent_scopes if scope != "openid"],
        interaction=question.interaction.id,
        confirmation=question.confirmation(provider.secrets),
    )


def _remember(session: Session, question: Question) -> None:
    client_id, scopes = question.asked.client.row.id, question.asked.consent_scopes
    remember_consent(session, question.signed_in.user.id, client_id, scopes)
