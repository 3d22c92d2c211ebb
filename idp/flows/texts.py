"""The sentences flows say, as msgids of the catalogue."""

from dataclasses import dataclass, replace

from idp.outbox.progress import Progress
from idp.storage.tables import FlowKind, LinkPurpose
from idp.verification import LimitReached, Problem
from idp.web.i18n import catalogue, mark, mark_plural

START_OVER = mark("This page is no longer valid")
START_OVER_ADVICE = mark(
    "It was open too long, or it was begun in another browser. "
    "Go back to the application and start again."
)
NOT_WAITING = mark("This sign-in request is unknown or has expired")
NOT_WAITING_ADVICE = mark(
    "Go back to the application and start again, so that it gets its answer. "
    "You can also sign in to your account here."
)
SIGN_IN_WITHOUT = mark("Sign in to your account")
BAD_ADDRESS = mark("Please type one email address, such as name@example.com.")
TOO_MANY_CODES = mark("Please wait %(wait)s before you ask for another code.")
SECONDS = mark_plural("%(number)s second", "%(number)s seconds")
MINUTES = mark_plural("%(number)s minute", "%(number)s minutes")
HOURS = mark_plural("%(number)s hour", "%(number)s hours")
CODE_SENT = mark("Another code is on its way. Earlier codes still work.")
CODE_MALFORMED = mark("The code is %(length)s digits. Please look at the mail again.")
CODE_WRONG = mark("That is not the code we sent. Tries left: %(left)s.")
CODE_EXPIRED = mark("That code is too old. Please ask for another one.")
CODE_EXHAUSTED = mark("Too many wrong codes. Please start again with your address.")
TOO_MANY_ATTEMPTS = mark("Too many wrong tries with this address. Please wait %(wait)s.")
SUSPENDED = mark("This account is suspended.")
SIGN_IN_CLOSED = mark("Nobody can sign in here at the moment.")
NO_SUCH_USER = mark("There is no account with this address, and none can be created here.")
NO_SIGN_UP = mark("New accounts cannot be created here")
NO_SIGN_UP_ADVICE = mark("If you have an account, sign in. If not, ask for an invitation.")
MUST_AGREE = mark("Please agree to the terms of use first.")
NOT_ALLOWED = mark("This address cannot have an account here. Please use another one.")
NO_SUBADDRESSING = mark("Please use your address without the + and what follows it.")
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
BAD_PASSWORD = mark("That is not the password you have now.")
OTHER_ADDRESS = mark("That is not the address of this account.")
LINK_GONE = mark("This link no longer works")
LINK_GONE_ADVICE = mark("It was used already, or it is too old. Ask for another one.")

_NOTICES = {
    "password-changed": mark("Your password was changed. Please sign in with it."),
    "password-saved": mark("Your password is saved. You are signed out everywhere else."),
    "address-changed": mark("Your email address was changed."),
    "address-taken": mark("Another account has that address, so nothing was changed."),
    "address-restored": mark("Your account has its address back. Please set a new password."),
    "saved": mark("Your changes are saved."),
    "signed-out": mark("Signed out."),
    "revoked": mark("The application can no longer use your account."),
    "deleted": mark("Your account and everything in it is deleted."),
}


@dataclass(frozen=True)
class AddressTexts:
    """The words of a page that asks for an address."""

    title: str
    submit: str
    hint: str
    agrees: bool = False
    """Whether going on means to agree to the terms of use."""
    signs_in: bool = True
    """Whether the flow ends signed in."""


_ADDRESS = {
    FlowKind.REGISTER: AddressTexts(
        mark("Create an account"),
        mark("Continue"),
        mark("We send a code to this address, to see that it is yours."),
        agrees=True,
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
        signs_in=False,
    ),
}


@dataclass(frozen=True)
class ConfirmTexts:
    """The words of a page that tells, once the address is proven, what is true."""

    title: str
    message: str
    submit: str
    agrees: bool = False
    """Whether going on means to agree to the terms of use."""


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
        agrees=True,
    ),
}


@dataclass(frozen=True)
class LinkTexts:
    """The words of a page that asks whether a mailed link shall do what it is for."""

    title: str
    message: str
    submit: str


_LINKS = {
    LinkPurpose.UNDO_ADDRESS: LinkTexts(
        mark("Undo the change of your address"),
        mark("Your account gets this address back, and everybody is signed out of it:"),
        mark("Undo the change"),
    ),
    LinkPurpose.INVITATION: LinkTexts(
        mark("You are invited"),
        mark("Accept, and you have an account with the address"),
        mark("Accept the invitation"),
    ),
    LinkPurpose.PROOF: LinkTexts(
        mark("Go on with this link"),
        mark("You opened the link from our mail to"),
        mark("Continue"),
    ),
}


def say(locale: str, msgid: str, **values: object) -> str:
    """Return a sentence in the reader's language."""
    return catalogue(locale).gettext(msgid) % values if values else catalogue(locale).gettext(msgid)


def too_many_codes(locale: str, seconds: int) -> str:
    """Say when codes may be sent again."""
    return say(locale, TOO_MANY_CODES, wait=_duration(locale, seconds))


@dataclass(frozen=True)
class Explained:
    """A problem in the reader's language; pages carry its name too, for programs."""

    problem: Problem
    text: str

    def __str__(self) -> str:
        return self.text


_PROBLEMS = {
    Problem.INVALID_EMAIL: BAD_ADDRESS,
    Problem.EMAIL_NOT_ALLOWED: NOT_ALLOWED,
    Problem.SUBADDRESSING_NOT_ALLOWED: NO_SUBADDRESSING,
    Problem.INVALID_CREDENTIALS: BAD_CREDENTIALS,
    Problem.TERMS_NOT_AGREED: MUST_AGREE,
    Problem.USER_NOT_FOUND: NO_SUCH_USER,
    Problem.SIGN_IN_CLOSED: SIGN_IN_CLOSED,
    Problem.USER_SUSPENDED: SUSPENDED,
    Problem.INVALID_CODE: CODE_MALFORMED,
    Problem.CODE_MISMATCH: CODE_WRONG,
    Problem.CODE_EXPIRED: CODE_EXPIRED,
    Problem.CODE_EXHAUSTED: CODE_EXHAUSTED,
    Problem.TOO_MANY_SENDS: TOO_MANY_CODES,
    Problem.TOO_MANY_ATTEMPTS: TOO_MANY_ATTEMPTS,
}


def explain(locale: str, problem: Problem, **values: object) -> Explained:
    """Say what is wrong."""
    return Explained(problem, say(locale, _PROBLEMS[problem], **values))


def explain_limit(locale: str, reached: LimitReached) -> Explained:
    """Say how long to wait."""
    return explain(locale, reached.problem, wait=_duration(locale, reached.retry_after))


def _duration(locale: str, seconds: int) -> str:
    """Say how long to wait in the unit a person would use."""
    if seconds < 100:
        return count(locale, SECONDS, seconds)
    minutes = -(-seconds // 60)
    if minutes < 100:
        return count(locale, MINUTES, minutes)
    return count(locale, HOURS, -(-minutes // 60))


def count(locale: str, forms: tuple[str, str], number: int) -> str:
    """Say how many, in the plural form of the reader's language."""
    return catalogue(locale).ngettext(*forms, number) % {"number": number}


def address(kind: FlowKind, locale: str) -> AddressTexts:
    words = _ADDRESS[kind]
    title, submit, hint = (say(locale, text) for text in (words.title, words.submit, words.hint))
    return replace(words, title=title, submit=submit, hint=hint)


def mail(locale: str, progress: Progress) -> str:
    """Say how far a mail is."""
    return say(locale, _MAIL[progress])


def confirm(kind: FlowKind, locale: str) -> ConfirmTexts:
    words = _CONFIRM[kind]
    title, message, submit = (
        say(locale, text) for text in (words.title, words.message, words.submit)
    )
    return replace(words, title=title, message=message, submit=submit)


_LINK_ELSEWHERE = LinkTexts(
    mark("You began in another browser"),
    mark("If it was you, we show you a code to type there. If not, close this page. It is about"),
    mark("Show the code"),
)


def link(purpose: LinkPurpose, locale: str, *, elsewhere: bool) -> LinkTexts:
    words = _LINK_ELSEWHERE if elsewhere else _LINKS[purpose]
    return LinkTexts(*(say(locale, text) for text in (words.title, words.message, words.submit)))


def notice(locale: str, name: str | None) -> str | None:
    """Return the sentence a redirect asked for by name; unknown names say nothing."""
    msgid = _NOTICES.get(name or "")
    return say(locale, msgid) if msgid else None
