"""Builds one HTML file with its assets and data, and a policy that lets nothing else run or load."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

_AS_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&'"}
"""Characters that could end the element that contains the data, or begin a comment there."""


def document(
    template: str, *, styles: tuple[str, ...], scripts: tuple[str, ...], data: object, **shown: object
) -> str:
    """Render a template with its styles and scripts, and with the data that they show."""
    style, script = assets(*styles), assets(*scripts)
    return _template(template).render(
        policy=_policy(script, style),
        style=Markup(style),  # noqa: S704 - our own files
        script=Markup(script),  # noqa: S704 - as above
        data=Markup(json_in_html(data)),  # noqa: S704 - nothing in it ends its element
        **shown,
    )


def json_in_html(value: object) -> str:
    r"""Return JSON for a script element: ASCII, without characters that have a meaning in HTML.

    >>> json_in_html("</script><!-- é")
    '"\\u003c/script\\u003e\\u003c!-- \\u00e9"'
    """
    return json.dumps(value, allow_nan=False, separators=(",", ":")).translate(_AS_ESCAPES)


@cache
def assets(*names: str) -> str:
    """Return the text of files beside this module, one after the other."""
    folder = files(__package__).joinpath("assets")
    return "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)


@cache
def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(assets(name))


def _policy(script: str, style: str) -> str:
    """Return the content security policy, which allows our script and style by their hashes only."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
