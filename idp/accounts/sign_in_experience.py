"""How people may sign up and in, and how the pages look: settings, and what is stored over them.

Names, shapes and error codes are Logto's, as far as this server has the feature.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints
from sqlmodel import Session

from idp.accounts.policies import (
    EmailBlocklistPolicy,
    Section,
    SentinelPolicy,
    VerificationCodePolicy,
)
from idp.settings import Settings
from idp.storage.tables import StoredExperience, now

DEFAULT_COLOR, DEFAULT_DARK_COLOR = "#3451b2", "#9db1ff"
"""Those of the server's own style sheet."""


def _is_web_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("must be an address such as https://example.com/terms")
    return url


Url = Annotated[str, StringConstraints(max_length=2048), AfterValidator(_is_web_address)]
HexColor = Annotated[str, StringConstraints(pattern="^#[0-9a-fA-F]{6}$")]
LanguageTag = Annotated[str, StringConstraints(max_length=35)]


class SignInMode(StrEnum):
    """What people may come to do."""

    SIGN_IN = "SignIn"
    REGISTER = "Register"
    SIGN_IN_AND_REGISTER = "SignInAndRegister"


class SignInMethod(Section):
    """How the holder of one kind of identifier signs in."""

    identifier: Literal["email"] = "email"
    password: bool = True
    verification_code: bool = True
    is_password_primary: bool = False
    """The password is asked for first, where both are possible."""


class SignIn(Section):
    """How people sign in."""

    methods: tuple[SignInMethod] = (SignInMethod(),)


class SignUp(Section):
    """What a new account needs."""

    identifiers: tuple[Literal["email"], ...] = ("email",)
    password: bool = False
    verify: bool = True


class AgreeToTerms(StrEnum):
    """Whether going on means to agree, or a box must be ticked: to register, or to sign in too."""

    AUTOMATIC = "Automatic"
    MANUAL_REGISTRATION_ONLY = "ManualRegistrationOnly"
    MANUAL = "Manual"


class Branding(Section):
    """Pictures by their addresses."""

    logo_url: Url | None = None
    dark_logo_url: Url | None = None
    favicon: Url | None = None
    dark_favicon: Url | None = None


class Color(Section):
    """The colour of buttons."""

    primary_color: HexColor = DEFAULT_COLOR
    is_dark_mode_enabled: bool = True
    dark_primary_color: HexColor | None = None
    """None: `primary_color`, as much lighter as needed."""


class LanguageInfo(Section):
    """Which language people are addressed in."""

    auto_detect: bool = True
    """Believe the browser's Accept-Language."""
    fallback_language: LanguageTag = "en"


class MfaPolicy(StrEnum):
    """Whether a second step is everybody's duty or each person's choice."""

    MANDATORY = "Mandatory"
    NO_PROMPT = "NoPrompt"


class Mfa(Section):
    """The second step after a password."""

    factors: tuple[Literal["EmailVerificationCode"], ...] = ("EmailVerificationCode",)
    policy: MfaPolicy = MfaPolicy.NO_PROMPT


class CaptchaPolicy(Section):
    """Whether the forms carry what plugins add against machines, and plugins are asked."""

    enabled: bool = True


class SignInExperience(Section):
    """How people may sign up and in, and how the pages look."""

    sign_in_mode: SignInMode = SignInMode.SIGN_IN_AND_REGISTER
    sign_in: SignIn = SignIn()
    sign_up: SignUp = SignUp()
    forgot_password_methods: tuple[Literal["EmailVerificationCode"], ...] | None = None
    """None, as with Logto, stands for whatever is possible."""
    terms_of_use_url: Url | None = None
    privacy_policy_url: Url | None = None
    agree_to_terms_policy: AgreeToTerms = AgreeToTerms.AUTOMATIC
    branding: Branding = Branding()
    color: Color = Color()
    language_info: LanguageInfo = LanguageInfo()
    custom_css: Annotated[str, StringConstraints(max_length=256 * 1024)] | None = None
    """None: the file of `IDP_CUSTOM_CSS`, if there is one."""
    mfa: Mfa = Mfa()
    captcha_policy: CaptchaPolicy = CaptchaPolicy()
    verification_code_policy: VerificationCodePolicy = VerificationCodePolicy()
    sentinel_policy: SentinelPolicy = SentinelPolicy()
    email_blocklist_policy: EmailBlocklistPolicy = EmailBlocklistPolicy()
    version: int = Field(default=0, exclude=True)
    """Grows with every change, for ETag; 0 as long as nothing is stored."""

    @property
    def email(self) -> SignInMethod:
        """Return how the holder of an address signs in."""
        return self.sign_in.methods[0]

    @property
    def allows_sign_up(self) -> bool:
        """Tell whether a stranger may create an account."""
        return self.sign_in_mode is not SignInMode.SIGN_IN

    @property
    def allows_sign_in(self) -> bool:
        """Tell whether the holder of an account may sign in."""
        return self.sign_in_mode is not SignInMode.REGISTER

    @property
    def allows_forgotten_password(self) -> bool:
        """Tell whether a forgotten password can be replaced."""
        methods = self.forgot_password_methods
        return self.email.password and (methods is None or bool(methods))

    def must_tick_terms(self, *, registers: bool) -> bool:
        """Tell whether a box must be ticked to go on, where an account is made or elsewhere."""
        policy = self.agree_to_terms_policy
        return policy is AgreeToTerms.MANUAL or (
            registers and policy is AgreeToTerms.MANUAL_REGISTRATION_ONLY
        )

    @property
    def is_password_first(self) -> bool:
        """Tell whether signing in begins with the password."""
        method = self.email
        return method.password and (method.is_password_primary or not method.verification_code)

    @property
    def offers_second_step(self) -> bool:
        """Tell whether a code by mail may follow a password."""
        return bool(self.mfa.factors)

    @property
    def demands_second_step(self) -> bool:
        """Tell whether it must."""
        return self.offers_second_step and self.mfa.policy is MfaPolicy.MANDATORY

    @property
    def needs_mail(self) -> bool:
        """Tell whether people could not get on without a code by mail."""
        return (
            self.allows_sign_up
            or self.email.verification_code
            or bool(self.forgot_password_methods)
            or self.demands_second_step
        )


class ExperienceRefused(Exception):
    """These values cannot work together; `code` is the name Logto has for the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = f"sign_in_experiences.{code}"


class ExperienceChanged(Exception):
    """Somebody else saved since the version that was changed was read."""


_ABOUT_CODES = {"signInMode", "signIn", "signUp", "forgotPasswordMethods", "mfa"}


def load_experience(session: Session, settings: Settings) -> SignInExperience:
    """Return what holds now: what is stored, and for the rest what the settings say."""
    row = session.get(StoredExperience, "default")
    return _over(settings, row) if row else default_experience(settings)


def default_experience(settings: Settings) -> SignInExperience:
    """Return what the settings say."""
    return SignInExperience(
        sign_up=SignUp(password=settings.sign_up_password),
        terms_of_use_url=settings.terms_url,
        privacy_policy_url=settings.privacy_url,
        branding=Branding(
            logo_url=f"{settings.issuer}/branding/logo" if settings.logo else None,
            dark_logo_url=f"{settings.issuer}/branding/logo-dark" if settings.logo_dark else None,
        ),
        color=Color(
            primary_color=settings.primary_color or DEFAULT_COLOR,
            dark_primary_color=settings.primary_color_dark
            or (None if settings.primary_color else DEFAULT_DARK_COLOR),
        ),
        language_info=LanguageInfo(fallback_language=settings.default_locale),
        mfa=Mfa(
            policy=MfaPolicy.MANDATORY if settings.second_step_by_mail else MfaPolicy.NO_PROMPT
        ),
        verification_code_policy=VerificationCodePolicy(
            expiration_duration=settings.verification_code_minutes * 60
        ),
        email_blocklist_policy=EmailBlocklistPolicy(
            block_subaddressing=not settings.allow_subaddressing,
            custom_blocklist=tuple(settings.blocked_addresses),
        ),
    )


def save_experience(
    session: Session,
    settings: Settings,
    change: Mapping[str, Any],
    *,
    can_mail: bool,
    version: int | None = None,
) -> SignInExperience:
    """Merge a change, by Logto's names, over what holds now; return what holds from now on.

    Objects are merged, everything else is replaced. `can_mail` says whether a connector instance
    is usable (`idp.connectors.has_usable_connector`), `version` what the change was made to.
    Raises pydantic's ValidationError for a value that is none, ExperienceRefused when the values
    cannot work together, ExperienceChanged when `version` is not the stored one.
    """
    row = session.get(StoredExperience, "default", with_for_update=True)
    if version is not None and version != (row.version if row else 0):
        raise ExperienceChanged("The sign-in experience was changed meanwhile; load it again.")
    SignInExperience.model_validate(_merged(_values(default_experience(settings)), change))
    changed = StoredExperience(
        values=_merged(row.values if row else {}, change), version=row.version + 1 if row else 1
    )
    experience = _over(settings, changed)
    check_experience(experience, can_mail=can_mail or not change.keys() & _ABOUT_CODES)
    if row is None:
        session.add(changed)
    else:
        row.values, row.version, row.updated_at = changed.values, changed.version, now()
    return experience


def check_experience(experience: SignInExperience, *, can_mail: bool) -> None:
    """Raise ExperienceRefused when people could not get on with these values."""
    method, sign_up = experience.email, experience.sign_up
    refusals = {
        "at_least_one_authentication_factor": (
            not (method.password or method.verification_code),
            "People need a password or a code by email to sign in: turn one of them on.",
        ),
        "missing_sign_up_identifiers": (
            experience.allows_sign_up and not sign_up.identifiers,
            "An account needs an identifier: name email, or turn signing up off (signInMode).",
        ),
        "passwordless_requires_verify": (
            experience.allows_sign_up and not sign_up.verify,
            "The address of a new account is always proven by a code: set signUp.verify.",
        ),
        "password_sign_in_must_be_enabled": (
            experience.allows_sign_up and sign_up.password and not method.password,
            "Signing up asks for a password nobody could sign in with: turn one on or one off.",
        ),
        "code_sign_in_must_be_enabled": (
            experience.allows_sign_up and not (sign_up.password or method.verification_code),
            "Who signs up without a password needs codes by email to sign in.",
        ),
        "empty_content_url_of_terms_of_use": (
            experience.agree_to_terms_policy is not AgreeToTerms.AUTOMATIC
            and experience.terms_of_use_url is None,
            "There is nothing to agree to: set termsOfUseUrl.",
        ),
        "enabled_connector_not_found": (
            experience.needs_mail and not can_mail,
            "Codes by email need a connector that can send them: set one up first.",
        ),
    }
    for code, (is_wrong, message) in refusals.items():
        if is_wrong:
            raise ExperienceRefused(code, message)


def _over(settings: Settings, row: StoredExperience) -> SignInExperience:
    values = _merged(_values(default_experience(settings)), row.values)
    # A value a newer version of the server stored, and an older one does not know, is left out.
    return SignInExperience.model_validate(values | {"version": row.version}, extra="ignore")


def _values(experience: SignInExperience) -> dict[str, Any]:
    return experience.model_dump(mode="json", by_alias=True)


def _merged(current: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(current)
    for name, value in change.items():
        inner = current.get(name)
        both = isinstance(value, Mapping) and isinstance(inner, Mapping)
        merged[name] = _merged(inner or {}, value) if both else value
    return merged
