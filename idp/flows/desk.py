"""What every step of a flow has at hand, and the few things all of them do."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import bindparam
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from idp.accounts.current_experience import CurrentExperience
from idp.accounts.devices import is_known_device, is_new_device
from idp.accounts.passwords import Passwords
from idp.accounts.sessions import SignedIn, Visit, load_session, start_session
from idp.accounts.sign_in_experience import SignInExperience
from idp.accounts.users import create_user, verify_address
from idp.flows import texts
from idp.flows.notices import Origin, notice_mail
from idp.outbox import Outbox
from idp.outbox.notices import Notice, notice_template
from idp.settings import Settings
from idp.storage import Database
from idp.storage.secrets import fingerprint, new_secret
from idp.storage.statements import Rows, Statement
from idp.storage.tables import Client, Flow, FlowKind, Interaction, User, now
from idp.verification import Gate, LimitReached, Problem, Proofs
from idp.verification.form_fields import FormFields
from idp.web.cookies import browser_cookie, device_cookie, session_cookie
from idp.web.pages import Pages

PATHS = {
    FlowKind.REGISTER: "/register",
    FlowKind.SIGN_IN: "/sign-in",
    FlowKind.FORGOT_PASSWORD: "/forgot-password",
}

FLOWS = Rows(Flow)
LOCKED_FLOW = Statement[Flow](select(Flow).where(col(Flow.id) == bindparam("id")).with_for_update())
APPLICATION = Statement[tuple[Interaction, Client | None]](
    select(Interaction, Client)
    .join(Client, col(Client.id) == col(Interaction.client_id), isouter=True)
    .where(col(Interaction.id) == bindparam("id"))
)


class Step(StrEnum):
    """The steps a flow can stand at; the values end their addresses."""

    CODE = "code"
    RESEND = "resend"
    MAIL = "mail"
    CONFIRM = "confirm"
    NEW_PASSWORD = "new-password"
    DONE = "done"


@dataclass(frozen=True)
class SignIn:
    """Who has proven what, and where they go next."""

    user_id: str
    amr: list[str]
    location: str
    remembered: bool = True


@dataclass(frozen=True)
class Finished:
    """A flow that ended signed in: the new cookies and where the person goes next."""

    session_cookie: str
    device_cookie: str
    location: str
    remembered: bool = True


@dataclass(frozen=True)
class Desk:
    """Where the steps of all flows find what they need."""

    settings: Settings
    database: Database
    proofs: Proofs
    pages: Pages
    outbox: Outbox
    passwords: Passwords
    gate: Gate
    current: CurrentExperience

    @property
    def experience(self) -> SignInExperience:
        """Return how people may sign up and in."""
        return self.current.value

    def browser(self, request: Request) -> str:
        """Return the name of this browser, a new one for a browser not seen before."""
        return browser_cookie(self.settings).read(request) or new_secret()

    def signed_in_cookie(self, request: Request) -> str | None:
        return session_cookie(self.settings).read(request)

    def signed_in_person(self, session: Session, request: Request) -> SignedIn | None:
        """Return who is signed in with this browser."""
        return load_session(session, self.signed_in_cookie(request), self.settings)

    def known_browser(self, session: Session, request: Request, email_key: str) -> str | None:
        """Return a name for this browser if the account with this address was used in it."""
        device = device_cookie(self.settings).read(request)
        is_known = device and is_known_device(session, email_key, device)
        return fingerprint(device) if device and is_known else None

    def is_remembered(self, form: Mapping[str, str]) -> bool:
        """Tell whether a session outlives the browser: as the person ticked, if they are asked."""
        rule = self.settings.remember_me
        return "remember" in form if rule == "ask" else rule == "always"

    def lock_flow(self, session: Session, request: Request, kind: FlowKind) -> Flow | None:
        """Return the flow of this page, if this very browser began it and it is not too old.

        Locked, so that a form sent twice at once finds its flow finished the second time.
        """
        flow = LOCKED_FLOW.first(session, id=request.path_params["flow"])
        return flow if flow and self.is_open(request, flow, kind) else None

    def load_flow(
        self, session: Session, request: Request, kind: FlowKind, flow_id: str | None = None
    ) -> Flow | None:
        """Return the same, or the flow with this id, to read it only."""
        flow = FLOWS.get(session, id=flow_id or request.path_params["flow"])
        return flow if flow and self.is_open(request, flow, kind) else None

    def is_open(self, request: Request, flow: Flow, kind: FlowKind) -> bool:
        """Tell whether this very browser began a flow and may go on with it."""
        if flow.kind != kind or flow.finished_at or flow.expires_at <= now():
            return False
        return self.began(request, flow)

    def began(self, request: Request, flow: Flow) -> bool:
        """Tell whether this is the browser in which a flow was begun."""
        browser = browser_cookie(self.settings).read(request)
        return browser is not None and fingerprint(browser) == flow.browser

    def next_step(self, flow: Flow, user: User | None) -> Step:
        """Say where a flow goes once its address is proven."""
        if flow.kind is FlowKind.FORGOT_PASSWORD:
            return Step.NEW_PASSWORD
        if (flow.kind is FlowKind.REGISTER) == (user is not None):
            return Step.CONFIRM
        return Step.NEW_PASSWORD if user is None and self.experience.sign_up.password else Step.DONE

    def finish(
        self, session: Session, request: Request, flow: Flow, owner: User | None, **account: Any
    ) -> Finished:
        """Sign the owner of the address in, with a new account if there is none; the flow is over.

        `account` holds fields for a new account.
        """
        user = owner or create_user(session, flow.email, locale=flow.locale, **account)
        verify_address(session, user)
        end_flow(session, flow)
        location = authorization(flow.interaction_id)
        signed_in = SignIn(user.id, ["otp"], location, flow.remembered)
        return self.sign_in(session, request, signed_in)

    def sign_in(self, session: Session, request: Request, sign_in: SignIn) -> Finished:
        """Start a browser session in place of the one this browser had.

        A browser not seen before is told of by mail, unless it is the first of the account.
        """
        origin = Origin.of(request)
        visit = Visit(
            replaces=self.signed_in_cookie(request),
            remembered=sign_in.remembered,
            ip=origin.ip,
            device=origin.device,
        )
        cookie = start_session(
            session, self.outbox, sign_in.user_id, sign_in.amr, self.settings, visit
        )
        device = device_cookie(self.settings).read(request) or new_secret()
        if is_new_device(session, sign_in.user_id, device):
            user = session.get_one(User, sign_in.user_id)
            self.notify(session, request, Notice.NEW_DEVICE, user)
        return Finished(cookie, device, sign_in.location, sign_in.remembered)

    def notify(
        self, session: Session, request: Request, notice: Notice, user: User, **mail: str
    ) -> None:
        """Tell a person by mail what was done to their account, in their language.

        `mail` may say another address (`to`) and another `link` to object by.
        """
        locale = user.locale or self.pages.locale(request)
        template = notice_template(session, notice, locale, self.settings.default_locale)
        objection = "/forgot-password" if self.experience.allows_forgotten_password else "/account"
        told = {"to": user.email, "link": f"{self.settings.issuer}{objection}"} | mail
        self.outbox.promise(session, notice_mail(template, locale, Origin.of(request), **told))

    async def form(self, request: Request) -> dict[str, str]:
        """Return the fields of a form; files, which no page asks for, are left out."""
        form = await request.form()
        return {name: value for name, value in form.items() if isinstance(value, str)}

    async def refusal_of(self, request: Request, form: Mapping[str, str]) -> texts.Explained | None:
        """Return what a plugin has against a form, before anything is looked up for it."""
        if not self.experience.captcha_policy.enabled:
            return None
        locale = self.pages.locale(request)
        reason = await self.gate.refusal_of(form, ip=client_ip(request), locale=locale)
        return texts.Explained(Problem.CAPTCHA_FAILED, reason) if reason else None

    def too_many(self, response: Response, reached: LimitReached) -> Response:
        """Make a page the answer to somebody who asks too often (RFC 6585 §4)."""
        self.gate.report(reached)
        return too_many(response, reached.retry_after)

    def page(
        self, request: Request, template: str, *, status_code: int = 200, **context: Any
    ) -> HTMLResponse:
        return self.pages.render(request, f"flows/{template}", status_code=status_code, **context)

    def checked_form_page(
        self, request: Request, template: str, *, locale: str, **context: Any
    ) -> HTMLResponse:
        """Return a page with a form plugins check, with what they add to it."""
        is_checked = self.experience.captcha_policy.enabled
        fields = self.gate.form_fields(locale) if is_checked else FormFields()
        context |= {"added_fields": fields.html, "sources": fields.sources}
        return self.page(request, template, locale=locale, **context)

    def signed_in(self, finished: Finished) -> Response:
        response = see_other(finished.location)
        session = session_cookie(self.settings, lasting=finished.remembered)
        session.write(response, finished.session_cookie)
        device_cookie(self.settings).write(response, finished.device_cookie)
        return response

    async def start_over(self, request: Request) -> Response:
        """Answer a page whose flow is gone or belongs to another browser.

        A form sent twice finds its flow finished, and goes where the first sending led.
        """
        location = await self.database.run(self._after_finish, request)
        if location:
            return see_other(location)
        title, advice = texts.START_OVER, texts.START_OVER_ADVICE
        return self.pages.error(request, title, advice, status_code=410)

    def _after_finish(self, session: Session, request: Request) -> str | None:
        flow = FLOWS.get(session, id=request.path_params["flow"])
        if flow is None or flow.finished_at is None or not self.began(request, flow):
            return None
        return authorization(flow.interaction_id)


def end_flow(session: Session, flow: Flow) -> None:
    """Let nobody go on with a flow."""
    FLOWS.update(session, {"id": flow.id}, finished_at=now())


def see_other(location: str) -> Response:
    """Send the browser on with GET (RFC 9110 §15.4.4)."""
    return RedirectResponse(location, status_code=303)


def too_many(response: Response, retry_after: int) -> Response:
    """Make a page the answer to somebody who asks too often (RFC 6585 §4)."""
    response.status_code = 429
    response.headers["Retry-After"] = str(retry_after)
    return response


def client_ip(request: Request) -> str | None:
    """Return where a request came from, as trusted proxies say."""
    return request.client.host if request.client else None


def step(flow: Flow, name: Step) -> str:
    """Return the address of one step of a flow."""
    return f"{PATHS[flow.kind]}/{flow.id}/{name}"


def start(kind: FlowKind, interaction_id: str | None, **query: str) -> str:
    """Return the address where a flow starts."""
    return _with_query(PATHS[kind], interaction_id, query)


def password_page(interaction_id: str | None, **query: str) -> str:
    """Return the address where a person signs in with a password."""
    return _with_query(f"{PATHS[FlowKind.SIGN_IN]}/password", interaction_id, query)


def _with_query(path: str, interaction_id: str | None, query: dict[str, str]) -> str:
    if interaction_id:
        query["interaction"] = interaction_id
    return f"{path}?{urlencode(query)}" if query else path


def authorization(interaction_id: str | None) -> str:
    """Return where a signed-in person belongs: the waiting application, or the account."""
    return f"/oidc/authorize?interaction={interaction_id}" if interaction_id else "/account"


def application(session: Session, interaction_id: str | None) -> Mapping[str, object] | None:
    """Return the application a person wants to use, as templates see it."""
    found = APPLICATION.first(session, id=interaction_id) if interaction_id else None
    return describe(found[1]) if found else None


def describe(client: Client | None) -> Mapping[str, object] | None:
    """Return an application as templates see it."""
    return {"id": client.id, "name": client.name} if client else None
