"""The page that describes the API tells all of it and loads nothing from elsewhere."""

import re

from starlette.testclient import TestClient

from idp.api import create_api


def test_every_operation_is_described(site: TestClient) -> None:
    page = site.get("/api/docs")
    assert page.status_code == 200
    document = site.get("/api/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert f'id="{operation["operationId"]}"' in page.text
            assert f"</span> /api{path}" in page.text
            assert f"{method.upper()}</span>" in page.text
    for name in document["components"]["schemas"]:
        assert f'id="shape-{name}"' in page.text


def test_the_page_loads_nothing_from_elsewhere(site: TestClient) -> None:
    page = site.get("/api/docs")
    assert "<script" not in page.text
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    assert all(address.startswith("/") for address in loaded)
    assert all(site.get(address).status_code == 200 for address in loaded)
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none';")


def test_the_page_is_no_part_of_what_it_describes() -> None:
    assert not any(path.startswith("/docs") for path in create_api().openapi()["paths"])
