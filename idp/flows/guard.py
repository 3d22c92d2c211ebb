"""What guards the flows obeys the sign-in experience while the server runs."""

from dataclasses import replace

from idp.accounts.sign_in_experience import SignInExperience
from idp.verification import Gate, Limits, Proofs


def guard(
    proofs: Proofs, gate: Gate, experience: SignInExperience, *, keep_limits: bool = False
) -> None:
    """Apply what holds now to codes sent, compared, and addresses named from now on."""
    blocklist = experience.email_blocklist_policy
    gate.addresses.blocked = blocklist.custom_blocklist
    gate.addresses.allows_subaddressing = not blocklist.block_subaddressing
    proofs.code_seconds = experience.verification_code_policy.expiration_duration
    if not keep_limits:
        proofs.limits = _limited(proofs.limits, experience)


def _limited(limits: Limits, experience: SignInExperience) -> Limits:
    sentinel = experience.sentinel_policy
    return replace(
        limits,
        attempts=experience.verification_code_policy.max_retry_attempts,
        failures=sentinel.max_attempts,
        waits=sentinel.waits,
    )
