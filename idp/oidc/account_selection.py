"""The page of prompt=select_account: a person says whether to be who is signed in here."""

from starlette.requests import Request
from starlette.responses import Response

from idp.oidc.authorize import UnprovenError, read_request, see_other
from idp.oidc.interactions import choose_account, interaction_only, resumption
from idp.oidc.parameters import form_parameters, query_parameters
from idp.oidc.provider import Provider


async def select_account_page(provider: Provider, request: Request) -> Response:
    """Offer the account signed in here, or another one; on POST, go on as that account."""
    is_form = request.method == "POST"
    sent = await form_parameters(request) if is_form else query_parameters(request)
    named = interaction_only(sent)
    try:
        asked = await provider.database.run(read_request, provider, request, named)
    except UnprovenError as error:
        return provider.pages.error(request, error.title, error.message)
    if asked.interaction is None or asked.signed_in is None or not asked.needs_account:
        return see_other(resumption(named))
    user = asked.signed_in.user
    if is_form:
        await provider.database.run(choose_account, asked.interaction, user.id)
        return see_other(resumption(named))
    return provider.pages.render(
        request,
        "oidc/select_account.html",
        application=asked.client.row.name,
        email=user.email,
        interaction=asked.interaction.id,
    )
