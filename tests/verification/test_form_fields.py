"""What plugins add to forms, and what no policy lets them load."""

import pytest

from idp.verification.form_fields import FormFields

CAPTCHA = "https://captcha.example"


def test_what_several_plugins_add_stands_in_one_form() -> None:
    parts = [
        FormFields.parse({"html": "<p>a</p>", "frame-src": f"{CAPTCHA} https://b.example:8443"}),
        FormFields.parse({"html": "<p>b</p>", "frame-src": "https://*.c.example"}),
        FormFields.parse({"html": "<p>c</p>"}),
    ]
    assert FormFields.together(parts) == FormFields(
        "<p>a</p><p>b</p><p>c</p>",
        {"frame-src": [CAPTCHA, "https://b.example:8443", "https://*.c.example"]},
    )


@pytest.mark.parametrize(
    "said",
    [
        {"default-src": CAPTCHA},
        {"script-src": "'unsafe-inline'"},
        {"script-src": "*"},
        {"script-src": "http://captcha.example"},
        {"script-src": f"{CAPTCHA}; frame-ancestors *"},
    ],
)
def test_what_would_weaken_the_policy_is_refused(said: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="-src"):
        FormFields.parse({"html": "<p>"} | said)
