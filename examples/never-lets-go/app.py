"""The shop: a page for each product, and a cookie for each visitor."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import cache
import catalogue
from flask import Flask, Response, abort, make_response, render_template_string, request

PAGE = """<!doctype html>
<title>{{ name }}</title>
<h1>{{ name }}, {{ price }}</h1>
<ul class="related">
{%- for number, name, price in related %}
  <li class="product"><a href="/product/{{ number }}" title="Show {{ name }}">{{ name }}</a>
    <span class="price">{{ price }}</span> <button name="basket" value="{{ number }}">Buy one</button>
{%- endfor %}
</ul>
"""


def create_app(database: Path) -> Flask:
    """Return the shop over a catalogue."""
    app = Flask(__name__)

    @app.get("/product/<int:number>")
    def show(number: int) -> Response:
        visitor = request.cookies.get("visitor") or uuid4().hex
        found = catalogue.product(database, number)
        if found is None:
            abort(404)
        name, price = found
        page = cache.page_for(
            number,
            lambda: render_template_string(
                PAGE, name=name, price=price, related=catalogue.related(database, number)
            ),
        )
        response = make_response(page)
        response.set_cookie("visitor", visitor)
        return response

    return app
