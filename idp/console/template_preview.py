"""What a wording looks like in a mail: a document for a frame, in which nothing can run.

The answer has a policy of its own. It is a sandbox without any right, so it has no origin, runs no
script and sends no form; it may have the styles every mail has, and pictures from elsewhere.
"""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from idp.administration.email_templates import Key, read_wording
from idp.administration.problems import Problem
from idp.administration.template_lint import costly
from idp.administration.template_preview import View, in_scheme, rendered
from idp.connector_kit import RenderedEmail
from idp.console.console import Console, Visitor, environment
from idp.console.template_draft import Draft, key_of, problems_of, starting_draft

_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)


async def show_preview(console: Console, request: Request, _: Visitor) -> Response:
    """Show what the editor begins with."""
    key, query = key_of(request), dict(request.query_params)
    draft = await console.database.run(starting_draft, console, key, query)
    return _preview(key, draft, View.DESKTOP)


async def submit_preview(_: Console, request: Request, __: Visitor) -> Response:
    """Show what is typed, which nothing saves."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    wanted = form.get("view", "")
    view = View(wanted) if wanted in {*View} else View.DESKTOP
    return _preview(key_of(request), Draft.read(form), view)


def _preview(key: Key, draft: Draft, view: View) -> Response:
    mail, problems = _rendered(key, draft)
    page = environment().get_template("preview.html")
    body = page.render(
        mail=mail,
        problems=problems,
        markup=mail and mail.html and in_scheme(mail.html, _scheme(view)),
        view=view.value,
        scheme=_scheme(view),
        language=key.language_tag,
    )
    return HTMLResponse(body, headers={"Content-Security-Policy": _POLICY})


def _rendered(key: Key, draft: Draft) -> tuple[RenderedEmail | None, Mapping[str, str]]:
    """Return the mail, or what keeps it from being one."""
    try:
        wording = read_wording(key, draft.details)
        if found := costly(wording):
            return None, {each.field: each.problem for each in found}
        return rendered(key, wording), {}
    except Problem as problem:
        return None, problems_of(problem)


def _scheme(view: View) -> str:
    return "dark" if view is View.DARK else "light"
