from __future__ import annotations

import catalogue
import pytest
from app import create_app
from flask import Flask

pytestmark = pytest.mark.memguard(leaks=True)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    database = tmp_path_factory.mktemp("shop") / "catalogue.sqlite"
    catalogue.create(database)
    return create_app(database)


def test_page_shows_the_price(shop: Flask) -> None:
    page = shop.test_client().get("/product/7")
    assert "<h1>product 7, 8.9</h1>" in page.text


def test_unknown_product_is_not_found(shop: Flask) -> None:
    assert shop.test_client().get("/product/999999").status_code == 404
