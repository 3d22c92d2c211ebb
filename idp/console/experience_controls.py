"""Which values of the sign-in experience a page shows, and as what kind of control."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from idp.web.i18n import LANGUAGES

Kind = Literal["text", "lines", "number", "list", "switch", "choice"]
Option = tuple[str, str, Any]
"""What the form sends, what it says, and the value."""


@dataclass(frozen=True)
class Control:
    """One value; its name is the path to it, as the management API has it."""

    name: str
    label: str
    kind: Kind = "text"
    help: str = ""
    options: tuple[Option, ...] = ()

    @property
    def path(self) -> list[str]:
        return self.name.split(".")


@dataclass(frozen=True)
class Group:
    """Controls under one heading."""

    title: str
    controls: tuple[Control, ...]


def _named(values: Mapping[str, str]) -> tuple[Option, ...]:
    return tuple((value, label, value) for value, label in values.items())


_METHOD = "signIn.methods.0"
EXPERIENCE = (
    Group(
        "Ways in",
        (
            Control(
                "signInMode",
                "People come to",
                "choice",
                options=_named(
                    {
                        "SignInAndRegister": "sign in and sign up",
                        "SignIn": "sign in only",
                        "Register": "sign up only",
                    }
                ),
            ),
            Control(f"{_METHOD}.verificationCode", "A code by email signs in", "switch"),
            Control(f"{_METHOD}.password", "A password signs in", "switch"),
            Control(f"{_METHOD}.isPasswordPrimary", "The password is asked for first", "switch"),
            Control("signUp.password", "A new account chooses a password", "switch"),
            Control(
                "forgotPasswordMethods",
                "A forgotten password is replaced",
                "choice",
                options=(
                    ("possible", "by a code by email, while passwords sign in", None),
                    ("code", "by a code by email, always", ["EmailVerificationCode"]),
                    ("never", "never", []),
                ),
            ),
        ),
    ),
    Group(
        "Terms",
        (
            Control("termsOfUseUrl", "Terms of use", help="Address of a page, linked below all."),
            Control("privacyPolicyUrl", "Privacy policy"),
            Control(
                "agreeToTermsPolicy",
                "People agree",
                "choice",
                options=_named(
                    {
                        "Automatic": "by going on, as a sentence says",
                        "ManualRegistrationOnly": "by ticking a box where an account is made",
                        "Manual": "by ticking a box, to sign in too",
                    }
                ),
            ),
        ),
    ),
    Group(
        "Languages",
        (
            Control(
                "languageInfo.fallbackLanguage",
                "For readers of other languages",
                "choice",
                options=_named(LANGUAGES),
            ),
            Control("languageInfo.autoDetect", "Follow the language of the browser", "switch"),
        ),
    ),
    Group(
        "Look",
        (
            Control("branding.logoUrl", "Logo", help="Address of a picture."),
            Control("branding.darkLogoUrl", "Logo in the dark", help="Blank: the same."),
            Control("branding.favicon", "Icon of the tab"),
            Control("branding.darkFavicon", "Icon in the dark", help="Blank: the same."),
            Control(
                "color.primaryColor",
                "Colour",
                help="Of buttons, such as #0b6e4f; text is tinted so that it can be read.",
            ),
            Control("color.isDarkModeEnabled", "Dark where the device is", "switch"),
            Control("color.darkPrimaryColor", "Colour in the dark", help="Blank: a lighter tint."),
            Control("customCss", "Style sheet", "lines", help="Loaded last. Blank: IDP_CUSTOM_CSS"),
        ),
    ),
)
SECURITY = (
    Group(
        "Codes by email",
        (
            Control(
                "verificationCodePolicy.expirationDuration",
                "A code works for",
                "number",
                help="Seconds. One that signs in never works longer than IDP_SIGN_IN_CODE_MINUTES.",
            ),
            Control(
                "verificationCodePolicy.maxRetryAttempts",
                "Codes compared in one flow",
                "number",
                help="However many were sent.",
            ),
        ),
    ),
    Group(
        "Guessing",
        (
            Control(
                "sentinelPolicy.maxAttempts",
                "Wrong codes or passwords of an address in a day",
                "number",
                help="Each further one has to wait, ever longer; nobody is locked out for good.",
            ),
            Control(
                "sentinelPolicy.lockoutDuration", "The longest wait", "number", help="Minutes."
            ),
        ),
    ),
    Group(
        "Addresses that get no account",
        (
            Control(
                "emailBlocklistPolicy.customBlocklist",
                "These",
                "list",
                help="One a line: name@example.com, @example.com, or * for anything.",
            ),
            Control(
                "emailBlocklistPolicy.blockSubaddressing",
                "Those such as name+tag@example.com",
                "switch",
            ),
        ),
    ),
    Group(
        "Second step",
        (
            Control(
                "mfa.factors",
                "A code by email after the password",
                "choice",
                help="NIST does not count mail as a factor.",
                options=(
                    ("offered", "is offered", ["EmailVerificationCode"]),
                    ("off", "is not offered", []),
                ),
            ),
            Control(
                "mfa.policy",
                "Where it is offered, it is",
                "choice",
                options=_named(
                    {"NoPrompt": "each person’s choice", "Mandatory": "everybody’s duty"}
                ),
            ),
        ),
    ),
    Group(
        "Machines",
        (
            Control(
                "captchaPolicy.enabled", "Ask plugins whether a form comes from a person", "switch"
            ),
        ),
    ),
)
