"""Codes asked for and typed, each in a transaction of its own; the mails are never sent."""

from datetime import timedelta

from sqlmodel import Session, col, select

from idp.connector_kit import UsageType
from idp.storage import Database, Secrets
from idp.storage.tables import Message, Verification, VerificationCode
from idp.verification import Checked, CodeRequest, Proofs

REQUEST = CodeRequest(
    email="Alice@example.com",
    email_key="alice@example.com",
    usage_type=UsageType.SIGN_IN,
    locale="en",
    ip="192.0.2.7",
)


class CodeDesk:
    """Begins, resends and checks, each in a transaction of its own."""

    def __init__(self, database: Database, secrets: Secrets, proofs: Proofs) -> None:
        self.database, self.secrets, self.proofs = database, secrets, proofs

    async def begin(self, request: CodeRequest = REQUEST) -> str:
        return (await self.database.run(self.proofs.begin, request)).id

    async def resend(self, verification_id: str, request: CodeRequest = REQUEST) -> None:
        await self.database.run(self.proofs.resend, verification_id, request)

    async def check(self, verification_id: str, typed: str, **options: str) -> Checked:
        return await self.database.run(self.proofs.check, verification_id, typed, **options)

    async def messages(self) -> list[Message]:
        newest_last = select(Message).order_by(col(Message.created_at))
        return list(await self.database.run(lambda session: session.exec(newest_last).all()))

    async def codes(self) -> list[str]:
        """Return the mailed codes, oldest first."""
        sealed = [message.payload for message in await self.messages() if message.payload]
        return [self.secrets.open_json(payload)["payload"]["code"] for payload in sealed]

    async def verification(self, verification_id: str) -> Verification | None:
        return await self.database.run(lambda session: session.get(Verification, verification_id))

    async def age(self, verification_id: str, by: timedelta) -> None:
        """Let time pass for a verification and its codes."""

        def shift(session: Session) -> None:
            verification = session.get_one(Verification, verification_id)
            codes = select(VerificationCode).where(
                VerificationCode.verification_id == verification_id
            )
            for row in (verification, *session.exec(codes)):
                row.expires_at -= by

        await self.database.run(shift)


def wrong(*right: str) -> str:
    """Return a code that is none of these."""
    return next(code for code in (f"{n:06}" for n in range(100)) if code not in right)
