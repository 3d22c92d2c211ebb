"""Prepares a deployment for the OpenID conformance suite and prints the suite's configuration.

Clients and a person with every standard claim are added once. Their secrets follow from the secret
keys of the deployment, so that they can be printed again.
"""

import argparse
import json
from typing import Any

import typer
from sqlmodel import Session

from idp.accounts.passwords import Passwords
from idp.accounts.users import create_user, find_user
from idp.cli.workspace import Workspace, work
from idp.oidc.client_metadata import ClientMetadata
from idp.oidc.clients import add_client, load_client
from idp.storage.tables import User

LOCAL_SUITE = "https://localhost.emobix.co.uk:8443"
EMAIL = "conformance@example.com"
CLIENTS = {"client": "Conformance", "client_secret_post": "By form", "client2": "Second"}
CLAIMS: dict[str, Any] = {
    "name": "Conny Formance",
    "family_name": "Formance",
    "given_name": "Conny",
    "middle_name": "Open",
    "nickname": "conny",
    "preferred_username": "conny",
    "profile": "https://example.com/conny",
    "picture": "https://example.com/conny.png",
    "website": "https://example.com/",
    "gender": "unknown",
    "birthdate": "2000-02-29",
    "zoneinfo": "Europe/Berlin",
    "address": {
        "formatted": "1 Main Street\n10115 Berlin\nGermany",
        "street_address": "1 Main Street",
        "locality": "Berlin",
        "postal_code": "10115",
        "country": "DE",
    },
    "phone_number": "+49 30 1234567",
    "phone_number_verified": True,
}


async def prepare(workspace: Workspace, suite: str, alias: str) -> dict[str, Any]:
    """Add what is missing and return the configuration of a test plan with static clients."""
    password = _secret(workspace, "password")
    password_hash = await Passwords(workspace.settings).hash(password)
    await workspace.database.run(_add, workspace, f"{suite}/test/a/{alias}", password_hash)
    issuer = workspace.settings.issuer
    return {
        "alias": alias,
        "description": "idp",
        "server": {"discoveryUrl": f"{issuer}/.well-known/openid-configuration"},
        **{role: _credentials(workspace, role) for role in CLIENTS},
        "browser": [_signs_in(issuer, password), _signs_out(issuer)],
        "override": {"oidcc-ensure-registered-redirect-uri": {"browser": [_sees_error(issuer)]}},
    }


def _add(session: Session, workspace: Workspace, at_suite: str, password_hash: str) -> None:
    callback = f"{at_suite}/callback"
    for role, name in CLIENTS.items():
        credentials = _credentials(workspace, role)
        if load_client(session, credentials["client_id"]) is None:
            add_client(
                session,
                ClientMetadata(
                    name=name,
                    redirect_uris=[callback, f"{callback}?dummy1=lorem&dummy2=ipsum"],
                    post_logout_redirect_uris=[f"{at_suite}/post_logout_redirect"],
                    backchannel_logout_uri=f"{at_suite}/backchannel_logout",
                    require_pkce=False,  # most modules of the Basic plan do without
                ),
                client_id=credentials["client_id"],
                secret=credentials["client_secret"],
            )
    known = find_user(session, EMAIL) or create_user(session, EMAIL, locale="en")
    user = session.get_one(User, known.id)
    user.password_hash = password_hash
    user.claims = CLAIMS


def _credentials(workspace: Workspace, role: str) -> dict[str, str]:
    client_id = f"conformance-{role.replace('_', '-')}"
    return {"client_id": client_id, "client_secret": _secret(workspace, client_id)}


def _secret(workspace: Workspace, name: str) -> str:
    return workspace.secrets.keyed_hash("conformance", name)


def _signs_in(issuer: str, password: str) -> dict[str, Any]:
    by_password = [
        ["text", "id", "email", EMAIL],
        ["text", "id", "password", password],
        ["click", "css", "main form button"],
    ]
    return {
        "match": f"{issuer}/oidc/authorize*",
        "tasks": [
            _task("Use a password", f"{issuer}/sign-in?*", ["click", "css", "main nav a"]),
            _task("Sign in", f"{issuer}/sign-in/password*", *by_password),
            _task("Allow", f"{issuer}/oidc/consent*", ["click", "css", "main form button"]),
            _task("Go back", f"{issuer}/oidc/authorize*", ["click", "css", "#form-post button"]),
            {
                "task": "Be back",
                "match": "*/test/*/callback*",
                "commands": [["wait", "id", "submission_complete", 10]],
            },
        ],
    }


def _signs_out(issuer: str) -> dict[str, Any]:
    at_logout = f"{issuer}/oidc/logout*"
    return {
        "match": at_logout,
        "tasks": [
            _task("Confirm", at_logout, ["click", "css", "main form button"]),
            _task("See that it is done", at_logout, _picture("css", "main h1", ".*")),
        ],
    }


def _sees_error(issuer: str) -> dict[str, Any]:
    match = f"{issuer}/oidc/authorize*"
    seen = _picture("css", "main h1", "Unknown return address")
    return {
        "match": match,
        "tasks": [{"task": "See the error", "match": match, "commands": [seen]}],
    }


def _task(name: str, match: str, *commands: list[Any]) -> dict[str, Any]:
    return {"task": name, "match": match, "optional": True, "commands": list(commands)}


def _picture(how: str, where: str, text: str) -> list[Any]:
    return ["wait", how, where, 10, text, "update-image-placeholder"]


def main() -> None:
    """Print the configuration."""
    parser = argparse.ArgumentParser(description="Configure the OpenID conformance suite.")
    parser.add_argument("--suite", default=LOCAL_SUITE, help="where the suite is")
    parser.add_argument("--alias", default="idp", help="the alias of the test plan")
    options = parser.parse_args()

    async def prepared(workspace: Workspace) -> dict[str, Any]:
        return await prepare(workspace, options.suite, options.alias)

    typer.echo(json.dumps(work(prepared), indent=2))


if __name__ == "__main__":
    main()
