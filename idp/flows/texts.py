"""The sentences flows say, as msgids of the catalogue."""

from dataclasses import dataclass

from idp.outbox.progress import Progress
from idp.storage.tables import FlowKind
from idp.web.i18n import catalogue, mark

START_OVER = mark("This page is no longer valid")
START_OVER_ADVICE = mark(
    "It was open too long, or it was begun in another browser. "
    "Go back to the application and start again."
)
BAD_ADDRESS = mark("Please type one email address, such as name@example.com.")
TOO_MANY_CODES = mark("Please wait %(wait)s before you ask for another code.")
SECONDS = mark("%(number)s seconds")
MINUTES = mark("%(number)s minutes")
HOURS = mark("%(number)s hours")
CODE_SENT = mark("Another code is on its way. Earlier codes still work.")
CODE_MALFORMED = mark("The code is %(length)s digits. Please look at the mail again.")
CODE_WRONG = mark("That is not the code we sent. Tries left: %(left)s.")
CODE_EXPIRED = mark("That code is too old. Please ask for another one.")
CODE_EXHAUSTED = mark("Too many wrong codes. Please start again with your address.")
BAD_CREDENTIALS = mark("The address or the password is not right.")
WEAK_PASSWORD = mark("That password is too short or too easy to guess.")
SAME_PASSWORD = mark("That is the password you have now. Please choose another.")
USE_PASSWORD = mark("Use a password instead")
USE_CODE = mark("Get a code by email instead")
CREATE_ACCOUNT = mark("Create an account")
SIGN_IN = mark("Sign in")
FORGOT_PASSWORD = mark("Forgot your password?")

_MAIL = {
    Progress.QUEUED: mark("The mail is on its way."),
    Progress.ACCEPTED: mark("The mail was sent."),
    Progress.DELAYED: mark("Mails are delayed at the moment. We keep trying."),
    Progress.FAILED: mark("The mail could not be delivered. Please check the address."),
}
_NOTICES = {"password-changed": mark("Your password was changed. Please sign in with it.")}


@dataclass(frozen=True)
class AddressTexts:
    """The words of a page that asks for an address."""

    title: str
    submit: str
    hint: str


_ADDRESS = {
    FlowKind.REGISTER: AddressTexts(
        mark("Create an account"),
        mark("Continue"),
        mark("We send a code to this address, to see that it is yours."),
    ),
    FlowKind.SIGN_IN: AddressTexts(
        mark("Sign in"),
        mark("Continue"),
        mark("We send a code to this address. No password needed."),
    ),
    FlowKind.FORGOT_PASSWORD: AddressTexts(
        mark("Set a new password"),
        mark("Continue"),
        mark("If there is an account with this address, we send it a code."),
    ),
}


@dataclass(frozen=True)
class ConfirmTexts:
    """The words of a page that tells, once the address is proven, what is true."""

    title: str
    message: str
    submit: str


_CONFIRM = {
    FlowKind.REGISTER: ConfirmTexts(
        mark("You already have an account"),
        mark("There is an account with the address"),
        mark("Continue to sign in"),
    ),
    FlowKind.SIGN_IN: ConfirmTexts(
        mark("No account yet"),
        mark("There is no account with the address"),
        mark("Create an account"),
    ),
}


def say(locale: str, msgid: str, **values: object) -> str:
    """Return a sentence in the reader's language."""
    return catalogue(locale).gettext(msgid) % values if values else catalogue(locale).gettext(msgid)


def too_many_codes(locale: str, seconds: int) -> str:
    """Say when codes may be sent again."""
    return say(locale, TOO_MANY_CODES, wait=_duration(locale, seconds))


def _duration(locale: str, seconds: int) -> str:
    """Say how long to wait in the unit a person would use."""
    if seconds < 100:
        return say(locale, SECONDS, number=seconds)
    minutes = -(-seconds // 60)
    if minutes < 100:
        return say(locale, MINUTES, number=minutes)
    return say(locale, HOURS, number=-(-minutes // 60))


def address(kind: FlowKind, locale: str) -> AddressTexts:
    words = _ADDRESS[kind]
    return AddressTexts(*(say(locale, text) for text in (words.title, words.submit, words.hint)))


def mail(locale: str, progress: Progress) -> str:
    """Say how far a mail is."""
    return say(locale, _MAIL[progress])


def confirm(kind: FlowKind, locale: str) -> ConfirmTexts:
    words = _CONFIRM[kind]
    return ConfirmTexts(*(say(locale, text) for text in (words.title, words.message, words.submit)))


def notice(locale: str, name: str | None) -> str | None:
    """Return the sentence a redirect asked for by name; unknown names say nothing."""
    msgid = _NOTICES.get(name or "")
    return say(locale, msgid) if msgid else None
