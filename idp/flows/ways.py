"""Which ways in and on the sign-in experience leaves open."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.sign_in_experience import SignInExperience
from idp.flows import texts
from idp.flows.desk import PATHS, Desk, password_page, see_other, start
from idp.storage.tables import FlowKind

BY_CODE = "code"
"""Value of `by` with which a person asks for the code where the password comes first."""


def closed(desk: Desk, kind: FlowKind, request: Request) -> Response | None:
    """Answer for a flow nobody may begin, or that begins elsewhere; None while it is open."""
    experience = desk.experience
    if kind is FlowKind.REGISTER and not experience.allows_sign_up:
        title, advice = texts.NO_SIGN_UP, texts.NO_SIGN_UP_ADVICE
        sign_in = (texts.SIGN_IN, start(FlowKind.SIGN_IN, request.query_params.get("interaction")))
        return desk.pages.error(request, title, advice, status_code=403, links=[sign_in])
    if kind is FlowKind.SIGN_IN and not experience.allows_sign_in:
        return _elsewhere(request, PATHS[FlowKind.REGISTER])
    if kind is FlowKind.FORGOT_PASSWORD and not experience.allows_forgotten_password:
        return _elsewhere(request, PATHS[FlowKind.SIGN_IN])
    if kind is FlowKind.SIGN_IN and not _begins_with_code(experience, request):
        return _elsewhere(request, password_page(None))
    return None


def closed_password(desk: Desk, request: Request) -> Response | None:
    """Answer for the page that asks for a password, where passwords open nothing."""
    experience = desk.experience
    if experience.allows_sign_in and experience.email.password:
        return None
    return _elsewhere(request, PATHS[FlowKind.SIGN_IN])


def must_tick(experience: SignInExperience, kind: FlowKind) -> bool:
    """Tell whether a flow begins only once its terms are agreed to."""
    registers = kind is FlowKind.REGISTER
    return kind is not FlowKind.FORGOT_PASSWORD and experience.must_tick_terms(registers=registers)


def other_ways(
    experience: SignInExperience, kind: FlowKind, interaction_id: str | None, locale: str
) -> list[tuple[str, str]]:
    """Return the links under the page that asks for an address."""
    ways = {
        texts.USE_PASSWORD: (
            kind is FlowKind.SIGN_IN and experience.email.password,
            password_page(interaction_id),
        ),
        texts.CREATE_ACCOUNT: (
            kind is FlowKind.SIGN_IN and experience.allows_sign_up,
            start(FlowKind.REGISTER, interaction_id),
        ),
        texts.SIGN_IN: (
            kind is not FlowKind.SIGN_IN and experience.allows_sign_in,
            start(FlowKind.SIGN_IN, interaction_id),
        ),
    }
    return [(texts.say(locale, way), path) for way, (is_open, path) in ways.items() if is_open]


def ways_past_password(
    experience: SignInExperience, interaction_id: str | None, locale: str
) -> list[tuple[str, str]]:
    """Return the links under the page that asks for a password."""
    by_code = {"by": BY_CODE} if experience.is_password_first else {}
    ways = {
        texts.USE_CODE: (
            experience.email.verification_code,
            start(FlowKind.SIGN_IN, interaction_id, **by_code),
        ),
        texts.FORGOT_PASSWORD: (
            experience.allows_forgotten_password,
            start(FlowKind.FORGOT_PASSWORD, interaction_id),
        ),
        texts.CREATE_ACCOUNT: (
            experience.is_password_first and experience.allows_sign_up,
            start(FlowKind.REGISTER, interaction_id),
        ),
    }
    return [(texts.say(locale, way), path) for way, (is_open, path) in ways.items() if is_open]


def _begins_with_code(experience: SignInExperience, request: Request) -> bool:
    if not experience.email.verification_code:
        return False
    asks_for_code = request.query_params.get("by") == BY_CODE or request.method == "POST"
    return asks_for_code or not experience.is_password_first


def _elsewhere(request: Request, path: str) -> Response:
    """Send a person on, with the application that waits and the notice they came for."""
    query = urlencode(request.query_params.multi_items())
    return see_other(f"{path}?{query}" if query else path)
