"""A deployment's own look: what its settings may be, and how pages carry it."""

import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from idp.settings import Settings, SetupError
from idp.web.branding import brand_colors, brand_routes
from idp.web.colors import READABLE, Color
from idp.web.look import Look
from idp.web.pages import Pages

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture
def branded(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "logo.svg").write_text(SVG)
    (tmp_path / "dark.png").write_bytes(b"\x89PNG")
    (tmp_path / "own.css").write_text("main { border: 0 }")
    return Settings.load(
        **settings.model_dump(include={"issuer", "database_url", "secret_keys"}),
        product_name="Acme",
        logo="logo.svg",
        logo_dark="dark.png",
        custom_css="own.css",
        primary_color="#ffcc00",
        terms_url="https://acme.example/terms",
        privacy_url="https://acme.example/privacy",
    )


def site(settings: Settings, look: Look | None = None) -> TestClient:
    pages = Pages(settings, (lambda: look) if look else None)

    async def page(request: Request) -> Response:
        return pages.error(request, "There is no such page", "Sign in")

    return TestClient(Starlette(routes=[Route("/", page), *brand_routes(settings, pages.look)]))


def test_a_page_carries_the_logo_the_colours_the_style_and_the_links(branded: Settings) -> None:
    page = site(branded).get("/").text
    assert '<img class="logo" src="/branding/logo" alt="Acme">' in page
    assert 'srcset="/branding/logo-dark" media="(prefers-color-scheme: dark)"' in page
    styles = re.findall(r'rel="stylesheet" href="(.+?)"', page)
    assert styles == ["/static/pages.css", "/branding/colors.css", "/branding/custom.css"]
    assert 'href="https://acme.example/terms"' in page
    assert 'href="https://acme.example/privacy"' in page


def test_the_files_are_served_and_a_logo_runs_no_script(branded: Settings) -> None:
    client = site(branded)
    logo = client.get("/branding/logo")
    assert (logo.text, logo.headers["Content-Type"]) == (SVG, "image/svg+xml")
    assert "sandbox" in logo.headers["Content-Security-Policy"]
    assert client.get("/branding/logo-dark").headers["Content-Type"] == "image/png"
    assert client.get("/branding/custom.css").text == "main { border: 0 }"
    assert client.get("/branding/colors.css").headers["Content-Type"].startswith("text/css")


def test_without_branding_nothing_of_it_is_there(settings: Settings) -> None:
    assert "/branding/" not in site(settings).get("/").text
    assert site(settings).get("/branding/logo").status_code == 404


def test_a_logo_of_another_site_is_let_in_by_the_policy_of_the_page(settings: Settings) -> None:
    look = Look(logo="https://cdn.example/acme.svg", favicon="https://img.example:8443/i.png")
    response = site(settings, look).get("/")
    assert 'src="https://cdn.example/acme.svg"' in response.text
    assert '<link rel="icon" href="https://img.example:8443/i.png">' in response.text
    policy = response.headers["Content-Security-Policy"]
    assert "img-src 'self' https://cdn.example https://img.example:8443;" in policy
    assert "Content-Security-Policy" not in site(settings).get("/").headers


def test_a_stored_style_sheet_takes_the_place_of_the_file(branded: Settings) -> None:
    client = site(branded, Look(custom_css="main { color: red }"))
    assert '<link rel="stylesheet" href="/branding/custom.css">' in client.get("/").text
    assert client.get("/branding/custom.css").text == "main { color: red }"
    emptied = site(branded, Look(custom_css=""))
    assert "custom.css" not in emptied.get("/").text


def test_without_a_dark_mode_the_pages_stay_light(branded: Settings) -> None:
    client = site(branded, Look(has_dark_mode=False, logo="/a.svg", logo_dark="/b.svg"))
    page = client.get("/").text
    assert '<meta name="color-scheme" content="light">' in page
    assert "/b.svg" not in page
    assert client.get("/branding/colors.css").text == ":root {\n  color-scheme: light;\n}\n"


@pytest.mark.parametrize("color", ["#ffcc00", "#3451b2", "#000000", "#ffffff", "#7f7f7f"])
def test_every_palette_can_be_read(color: str) -> None:
    tokens = dict(
        re.findall(r"--(.+?): light-dark\((.+?)\)", brand_colors(Look(primary_color=color)))
    )
    found = {
        name: [Color.parse(each) for each in pair.split(", ")] for name, pair in tokens.items()
    }
    for accent, text in zip(found["accent"], found["on-accent"], strict=True):
        assert accent.contrast(text) >= READABLE
    assert found["link"][0].contrast(Color.parse("#ffffff")) >= READABLE
    assert found["link"][1].contrast(Color.parse("#1a1c27")) >= READABLE


def test_a_colour_for_the_dark_is_taken_as_it_is() -> None:
    look = Look(primary_color="#3451b2", primary_color_dark="#123456")
    assert "--accent: light-dark(#3451b2, #123456);" in brand_colors(look)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("primary_color", "blue", "must be # and six hexadecimal digits"),
        ("primary_color", "#12345", "must be # and six hexadecimal digits"),
        ("logo", "missing.svg", "must name a file"),
        ("logo", "idp.db", "that ends in .svg or .png or .webp or .jpg"),
        ("custom_css", "large.css", "larger than 256 KB"),
        ("terms_url", "javascript:alert(1)", "must be an address"),
        ("privacy_url", "/privacy", "must be an address"),
    ],
)
def test_what_pages_could_not_show_stops_the_server(
    settings: Settings, tmp_path: Path, name: str, value: str, problem: str
) -> None:
    (tmp_path / "large.css").write_bytes(b" " * (256 * 1024 + 1))
    given = {"secret_keys": settings.secret_keys, name: value}
    with pytest.raises(SetupError, match=f"^IDP_{name.upper()}: .*{problem}"):
        Settings.load(**given)
