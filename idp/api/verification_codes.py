"""Codes for purposes of the caller, as Logto's management API has them."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.status import HTTP_204_NO_CONTENT

from idp.administration import verification_codes
from idp.api.bearer import Caller, OfficeDesk
from idp.api.wire import Received

router = APIRouter(prefix="/verification-codes", tags=["verification codes"])

Email = Annotated[str, Field(min_length=1, max_length=320)]


class Wanted(Received):
    """Where a code goes."""

    email: Email
    phone: None = None


class Typed(Wanted):
    """A code somebody typed."""

    verification_code: Annotated[str, Field(min_length=1, max_length=64)]


@router.post("", status_code=HTTP_204_NO_CONTENT)
async def create_verification_code(office: OfficeDesk, caller: Caller, body: Wanted) -> None:
    """Send a code to an address."""
    await office.database.run(verification_codes.send_code, office, caller, body.email)


@router.post("/verify", status_code=HTTP_204_NO_CONTENT)
async def verify_verification_code(office: OfficeDesk, _: Caller, body: Typed) -> None:
    """Compare a code with the last one sent to an address."""
    problem = await office.database.run(
        verification_codes.check_code, office, body.email, body.verification_code
    )
    if problem is not None:
        raise problem
