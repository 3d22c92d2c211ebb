"""The sign-in experience as controls of a form, and what was typed into them as a change."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

from idp.accounts.sign_in_experience import SignInExperience
from idp.web.i18n import LANGUAGES

Kind = Literal["text", "lines", "switch", "choice"]
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
        "Policy",
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
            Control(
                "captchaPolicy.enabled", "Ask plugins whether a form comes from a person", "switch"
            ),
        ),
    ),
)


@dataclass
class Draft:
    """What stands in the controls, and what is wrong with it."""

    values: dict[str, Any]
    """The whole experience, by the names of the wire."""
    version: int
    problems: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, experience: SignInExperience) -> "Draft":
        return cls(experience.model_dump(mode="json", by_alias=True), experience.version)

    def value(self, control: Control) -> Any:
        found: Any = self.values
        for key in control.path:
            found = found[int(key) if isinstance(found, list) else key]
        return found

    def options(self, control: Control) -> Iterable[tuple[str, str]]:
        """Return what can be chosen; a value set elsewhere that is none of it can stay."""
        known = [(sent, label) for sent, label, _ in control.options]
        if any(value == self.value(control) for *_, value in control.options):
            return known
        return [*known, (str(self.value(control)), str(self.value(control)))]

    def chosen(self, control: Control) -> str:
        value = self.value(control)
        return next((sent for sent, _, each in control.options if each == value), str(value))

    def typed(self, groups: Iterable[Group], form: Mapping[str, str]) -> "Draft":
        """Return what it becomes by a form; what the form does not show stays."""
        draft = Draft(deepcopy(self.values), self.version)
        for control in (each for group in groups for each in group.controls):
            draft._put(control, _read(control, form, self.value(control)))
        return draft

    def _put(self, control: Control, value: Any) -> None:
        *path, last = control.path
        parent = self.value(Control(".".join(path), "")) if path else self.values
        parent[last] = value


def change_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs, so that all else goes on following the settings."""
    change = {}
    for name, value in after.items():
        known = before[name]
        if value != known:
            both = isinstance(value, Mapping) and isinstance(known, Mapping)
            change[name] = change_between(known, value) if both else value
    return change


def _read(control: Control, form: Mapping[str, str], before: Any) -> Any:
    if control.kind == "switch":
        return control.name in form
    sent = form.get(control.name, "")
    if control.kind == "choice":
        return next((value for known, _, value in control.options if known == sent), before)
    text = sent.replace("\r\n", "\n")
    return text if text.strip() else None
