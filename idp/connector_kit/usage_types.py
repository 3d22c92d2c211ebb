"""Why a mail is sent: the key by which templates are chosen."""

from enum import StrEnum


class UsageType(StrEnum):
    """The occasions the server sends a mail for; the values are Logto's spelling."""

    REGISTER = "Register"
    SIGN_IN = "SignIn"
    FORGOT_PASSWORD = "ForgotPassword"
    GENERIC = "Generic"
    ORGANIZATION_INVITATION = "OrganizationInvitation"
    USER_PERMISSION_VALIDATION = "UserPermissionValidation"
    BIND_NEW_IDENTIFIER = "BindNewIdentifier"
    MFA_VERIFICATION = "MfaVerification"
    BIND_MFA = "BindMfa"


REQUIRED_USAGE_TYPES = (
    UsageType.REGISTER,
    UsageType.SIGN_IN,
    UsageType.FORGOT_PASSWORD,
    UsageType.GENERIC,
)
"""A connector that keeps its own templates must hold at least one for each of these."""
