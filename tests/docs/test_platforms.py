"""Each line of what a platform cannot see is one that a test takes away."""

from __future__ import annotations

from pathlib import Path

from tests.docs.pages import first_column, text_of
from tests.plugin import test_platforms


def test_every_line_is_tried() -> None:
    tried = Path(test_platforms.__file__).read_text(encoding="utf-8")
    assert first_column(text_of("platforms")) == list(test_platforms.PLATFORMS)
    for name in test_platforms.PLATFORMS:
        assert f'on(project, "{name}")' in tried
