"""An application that no longer waits is not passed over in silence."""

import pytest
from people import Person


@pytest.mark.parametrize("path", ["/sign-in", "/register", "/forgot-password", "/sign-in/password"])
@pytest.mark.parametrize("interaction", ["bogus", ""])
def test_an_unknown_sign_in_request_is_named_and_the_way_on_offered(
    person: Person, path: str, interaction: str
) -> None:
    page = person.open(f"{path}?interaction={interaction}")
    assert page.status_code == 410
    assert "This sign-in request is unknown or has expired" in page.text
    assert '<a href="/sign-in">Sign in to your account</a>' in page.text


def test_a_form_for_an_unknown_request_begins_nothing(person: Person) -> None:
    answer = person.client.post("/sign-in?interaction=bogus", data={"email": "a@example.test"})
    assert answer.status_code == 410
    assert person.inbox("a@example.test") == []
