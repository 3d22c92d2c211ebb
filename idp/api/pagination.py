"""Long lists, page by page, told in headers as Logto does: `Link` (RFC 8288) and `Total-Number`."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request, Response

from idp.administration.paging import Page
from idp.api.bearer import OfficeDesk

_LAST = 1_000_000_000
HEADERS = {
    "Total-Number": {"schema": {"type": "integer"}, "description": "How many there are."},
    "Link": {"schema": {"type": "string"}, "description": "Where other pages are (RFC 8288)."},
}
PAGED = {200: {"headers": HEADERS}}


@dataclass(frozen=True)
class Paginator:
    """The page a request asks for, and what the answer says of the others."""

    page: Page
    request: Request
    response: Response
    address: str

    def tell(self, total: int) -> None:
        """Write the headers."""
        last = max(1, -(-total // self.page.size))
        number = self.page.number
        pages = {"first": 1, "last": last}
        pages |= {"prev": number - 1} if number > 1 else {}
        pages |= {"next": number + 1} if number < last else {}
        links = (f'<{self._link(to)}>; rel="{relation}"' for relation, to in pages.items())
        self.response.headers["Link"] = ", ".join(links)
        self.response.headers["Total-Number"] = str(total)

    def _link(self, number: int) -> str:
        url = self.request.url.include_query_params(page=number, page_size=self.page.size)
        return f"{self.address}{url.path}?{url.query}"


def paginator(
    request: Request,
    response: Response,
    office: OfficeDesk,
    page: Annotated[int, Query(ge=1, le=_LAST)] = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Paginator:
    """Read the page a request asks for."""
    return Paginator(Page(page, page_size), request, response, office.settings.issuer)


Paged = Annotated[Paginator, Depends(paginator)]
