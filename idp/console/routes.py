"""The pages of the console and the addresses they have."""

from functools import partial
from pathlib import Path

from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from idp.administration.administrators import LINK_PATH
from idp.console import (
    applications,
    audit_log,
    connector_editor,
    connector_pages,
    deliveries,
    experience_pages,
    keys,
    overview,
    plugins,
    sessions,
    template_editor,
    template_pages,
    template_preview,
    users,
)
from idp.console.administrator_link import show_link, submit_link
from idp.console.console import PATH, Console, Guarded, Page, for_administrators
from idp.console.sign_in import finish_sign_in, sign_out, start_sign_in

_TEMPLATE = "/templates/{language_tag}/{usage_type}"

OPEN: tuple[tuple[str, str, Guarded], ...] = (
    ("GET", f"{PATH}/sign-in", start_sign_in),
    ("GET", f"{PATH}/callback", finish_sign_in),
    ("POST", f"{PATH}/sign-out", sign_out),
    ("GET", f"{LINK_PATH}/{{link_token}}", show_link),
    ("POST", f"{LINK_PATH}/{{link_token}}", submit_link),
)
"""What anybody may open."""

PAGES: tuple[tuple[str, str, Page], ...] = (
    ("GET", "", overview.show_overview),
    ("GET", "/connectors", connector_pages.show_connectors),
    ("POST", "/connectors/experience", connector_pages.submit_experience),
    ("GET", "/connectors/new/{connector_id}", connector_editor.show_new),
    ("POST", "/connectors/new/{connector_id}", connector_editor.submit_new),
    ("GET", "/connectors/{instance_id}", connector_editor.show_instance),
    ("POST", "/connectors/{instance_id}", connector_editor.submit_instance),
    ("POST", "/connectors/{instance_id}/move", connector_pages.submit_move),
    ("POST", "/connectors/{instance_id}/remove", connector_pages.submit_removal),
    ("GET", "/logos/{connector_id}", connector_pages.show_logo),
    ("GET", "/templates", template_pages.show_templates),
    ("GET", _TEMPLATE, template_editor.show_template),
    ("POST", _TEMPLATE, template_editor.submit_template),
    ("POST", f"{_TEMPLATE}/restore", template_editor.submit_restoration),
    ("POST", f"{_TEMPLATE}/delete", template_editor.submit_deletion),
    ("GET", f"{_TEMPLATE}/preview", template_preview.show_preview),
    ("POST", f"{_TEMPLATE}/preview", template_preview.submit_preview),
    ("GET", "/sign-in-experience", experience_pages.show_experience),
    ("POST", "/sign-in-experience", experience_pages.submit_experience),
    ("GET", "/security", experience_pages.show_security),
    ("POST", "/security", experience_pages.submit_security),
    ("GET", "/deliveries", deliveries.show_deliveries),
    ("GET", "/deliveries/{message_id}", deliveries.show_delivery),
    ("POST", "/deliveries/{message_id}/retry", deliveries.submit_retry),
    ("POST", "/deliveries/{message_id}/cancel", deliveries.submit_cancellation),
    ("GET", "/applications", applications.show_applications),
    ("GET", "/applications/new", applications.show_new),
    ("POST", "/applications/new", applications.submit_new),
    ("GET", "/applications/{client_id}", applications.show_application),
    ("POST", "/applications/{client_id}", applications.submit_application),
    ("POST", "/applications/{client_id}/secrets", applications.submit_secret),
    ("POST", "/applications/{client_id}/secrets/{secret_id}/end", applications.submit_secret_end),
    ("POST", "/applications/{client_id}/remove", applications.submit_removal),
    ("GET", "/users", users.show_users),
    ("GET", "/users/new", users.show_new),
    ("POST", "/users/new", users.submit_new),
    ("POST", "/users/invite", users.submit_invitation),
    ("GET", "/users/{user_id}", users.show_user),
    ("POST", "/users/{user_id}", users.submit_user),
    ("POST", "/users/{user_id}/{action}", users.submit_action),
    ("GET", "/sessions", sessions.show_sessions),
    ("POST", "/sessions/{session_id}/end", sessions.submit_end),
    ("GET", "/keys", keys.show_keys),
    ("POST", "/keys/rotate", keys.submit_rotation),
    ("GET", "/plugins", plugins.show_plugins),
    ("GET", "/audit", audit_log.show_audit_log),
)
"""What administrators open: method, path below the console."""


def routes(console: Console) -> list[Route | Mount]:
    """Return the routes of the console, with its style sheet and script."""
    return [
        Mount("/static/console", StaticFiles(directory=Path(__file__).parent / "static")),
        *(Route(path, partial(page, console), methods=[method]) for method, path, page in OPEN),
        *(
            Route(PATH + path, partial(for_administrators(page), console), methods=[method])
            for method, path, page in PAGES
        ),
    ]
