"""What a demo prints when it is ready."""

import io
import json

from idp.demo.announcement import Announcement
from idp.demo.seed import PASSWORD, Surroundings


def announcement(*, has_accounts: bool = True) -> Announcement:
    return Announcement(
        issuer="http://localhost:8000",
        directory="/tmp/[x]",
        has_accounts=has_accounts,
        admin_link="http://localhost:8000/console/administrator/x",
        api_token="token",
        surroundings=Surroundings(
            sample_app="http://localhost:9000",
            client_secret="secret",
            smtp_host="127.0.0.1",
            smtp_port=1025,
        ),
    )


def printed(announcement: Announcement, *, as_json: bool) -> str:
    output = io.StringIO()
    announcement.print(output, as_json=as_json)
    return output.getvalue()


def test_a_program_reads_one_json_line() -> None:
    line = printed(announcement(), as_json=True)
    assert line.count("\n") == 1
    assert json.loads(line) == {
        "issuer": "http://localhost:8000",
        "sample_app": "http://localhost:9000",
        "mailbox": "http://localhost:8000/dev/mail",
        "smtp": {"host": "127.0.0.1", "port": 1025},
        "admin_link": "http://localhost:8000/console/administrator/x",
        "api_token": "token",
        "client_id": "sample-app",
        "client_secret": "secret",
        "redirect_uri": "http://localhost:9000/callback",
    }


def test_a_person_reads_where_to_start() -> None:
    text = printed(announcement(), as_json=False)
    assert "http://localhost:9000   <- start here" in text
    assert "http://localhost:8000/dev/mail   codes arrive here (SMTP 127.0.0.1:1025)" in text
    assert "http://localhost:8000/console/administrator/x   works once" in text
    assert "/tmp/[x]" in text
    assert PASSWORD in text


def test_text_that_is_no_terminal_has_no_colours() -> None:
    assert "\x1b" not in printed(announcement(), as_json=False)


def test_accounts_are_named_only_when_there_are_some() -> None:
    assert PASSWORD not in printed(announcement(has_accounts=False), as_json=False)
