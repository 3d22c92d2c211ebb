"""The `service` key: mail providers by name, with the server each of them publishes."""

import re
from difflib import get_close_matches
from typing import Annotated, NamedTuple

from pydantic import AfterValidator


class Server(NamedTuple):
    """Where a provider takes mail; a port without `secure` expects STARTTLS."""

    host: str
    port: int
    secure: bool


def _tls(host: str) -> Server:
    return Server(host, 465, secure=True)


def _starttls(host: str) -> Server:
    return Server(host, 587, secure=False)


_SES_REGIONS = (
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "us-gov-east-1", "us-gov-west-1",
    "ca-central-1", "sa-east-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1",
    "eu-west-1", "eu-west-2", "eu-west-3", "af-south-1", "il-central-1", "me-south-1",
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1",
    "ap-southeast-2", "ap-southeast-3",
)  # fmt: skip

SERVICES = {
    "126": _tls("smtp.126.com"),
    "163": _tls("smtp.163.com"),
    "Aliyun": _tls("smtpdm.aliyun.com"),
    "Aliyun-ap-southeast-1": _tls("smtpdm-ap-southeast-1.aliyuncs.com"),
    "Aliyun-ap-southeast-2": _tls("smtpdm-ap-southeast-2.aliyun.com"),
    "Aliyun-eu-central-1": _tls("smtpdm-eu-central-1.aliyuncs.com"),
    "Aliyun-us-east-1": _tls("smtpdm-us-east-1.aliyuncs.com"),
    "AliyunQiye": _tls("smtp.qiye.aliyun.com"),
    "AOL": _starttls("smtp.aol.com"),
    "Brevo": _starttls("smtp-relay.brevo.com"),
    "Elastic Email": _tls("smtp.elasticemail.com"),
    "Fastmail": _tls("smtp.fastmail.com"),
    "Feishu Mail": _tls("smtp.feishu.cn"),
    "Forward Email": _tls("smtp.forwardemail.net"),
    "Gandi": _starttls("mail.gandi.net"),
    "Gmail": _tls("smtp.gmail.com"),
    "GMX": _starttls("mail.gmx.com"),
    "Google Workspace Relay": _tls("smtp-relay.gmail.com"),
    "Hotmail": _starttls("smtp-mail.outlook.com"),
    "iCloud": _starttls("smtp.mail.me.com"),
    "Infomaniak": _starttls("mail.infomaniak.com"),
    "IONOS": _tls("smtp.ionos.com"),
    "Mail.ru": _tls("smtp.mail.ru"),
    "MailerSend": _starttls("smtp.mailersend.net"),
    "Mailgun": _tls("smtp.mailgun.org"),
    "Mailgun-EU": _tls("smtp.eu.mailgun.org"),
    "Mailjet": _starttls("in-v3.mailjet.com"),
    "Mailtrap": _starttls("live.smtp.mailtrap.io"),
    "Mandrill": _starttls("smtp.mandrillapp.com"),
    "Naver": _starttls("smtp.naver.com"),
    "Outlook365": _starttls("smtp.office365.com"),
    "OVHcloud": _tls("ssl0.ovh.net"),
    "Postmark": _starttls("smtp.postmarkapp.com"),
    "Proton": _starttls("smtp.protonmail.ch"),
    "QQ": _tls("smtp.qq.com"),
    "QQex": _tls("smtp.exmail.qq.com"),
    "Resend": _tls("smtp.resend.com"),
    "SendGrid": _starttls("smtp.sendgrid.net"),
    "SES": _tls("email-smtp.us-east-1.amazonaws.com"),
    **{f"SES-{region}": _tls(f"email-smtp.{region}.amazonaws.com") for region in _SES_REGIONS},
    "Seznam": _tls("smtp.seznam.cz"),
    "SMTP2GO": _tls("mail.smtp2go.com"),
    "SparkPost": _starttls("smtp.sparkpostmail.com"),
    "SparkPost-EU": _starttls("smtp.eu.sparkpostmail.com"),
    "Yahoo": _tls("smtp.mail.yahoo.com"),
    "Yandex": _tls("smtp.yandex.ru"),
    "Zoho": _tls("smtp.zoho.com"),
    "Zoho-EU": _tls("smtp.zoho.eu"),
}

_ALIASES = {
    "Aliyun Direct Mail": "Aliyun",
    "Aliyun-CN": "Aliyun",
    "Aliyun-cn-hangzhou": "Aliyun",
    "Aliyun-Frankfurt": "Aliyun-eu-central-1",
    "Aliyun-Hangzhou": "Aliyun",
    "Aliyun-Singapore": "Aliyun-ap-southeast-1",
    "Aliyun-Sydney": "Aliyun-ap-southeast-2",
    "Aliyun-Virginia": "Aliyun-us-east-1",
    "Amazon SES": "SES",
    "AWS SES": "SES",
    "Apple": "iCloud",
    "Exmail": "QQex",
    "Feishu": "Feishu Mail",
    "Gandi Mail": "Gandi",
    "Gmail Workspace": "Google Workspace Relay",
    "Google Mail": "Gmail",
    "Google Workspace Mail": "Google Workspace Relay",
    "Microsoft 365": "Outlook365",
    "NetEase": "163",
    "Office365": "Outlook365",
    "Outlook": "Hotmail",
    "Outlook.com": "Hotmail",
    "Postmark App": "Postmark",
    "QQ Enterprise": "QQex",
    "Sendinblue": "Brevo",
}


def _plain(name: str) -> str:
    """Compare names without case, blanks and punctuation."""
    return re.sub(r"[\W_]", "", name).casefold()


_KNOWN = {_plain(name): name for name in SERVICES}
_KNOWN |= {_plain(alias): name for alias, name in _ALIASES.items()}


def _service(name: str) -> str:
    known = _KNOWN.get(_plain(name))
    if known is None:
        nearest = get_close_matches(_plain(name), _KNOWN, n=1, cutoff=0.5)
        hint = f"did you mean {_KNOWN[nearest[0]]}?" if nearest else "give host and port instead"
        raise ValueError(f"is not a known service; {hint}")
    return known


ServiceName = Annotated[str, AfterValidator(_service)]
