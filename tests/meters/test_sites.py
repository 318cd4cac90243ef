"""Whose memory it is, and how its place is named: by the frames of a stack, innermost first."""

from __future__ import annotations

import json
import sysconfig
from pathlib import Path

import _pytest.python
import pytest

import pytest_memguard.guard.session
from pytest_memguard.meters.site_namer import Owner, SiteNamer
from pytest_memguard.meters.stacks import Frame

ROOT = Path("/srv/shop")
PURE = sysconfig.get_paths()["purelib"]
OWN: Frame = ("put", "/srv/shop/shop/cache.py", 41)
TEST: Frame = ("test_put", "/srv/shop/tests/test_cache.py", 7)
RUNNER: Frame = ("<module>", "/srv/shop/run_tests.py", 3)
DECODER: Frame = ("decode", json.decoder.__file__, 337)
PYTEST: Frame = ("runtest", str(_pytest.python.__file__), 100)
GUARD: Frame = ("judge", pytest_memguard.guard.session.__file__, 9)
INSTALLED: Frame = ("get", f"{PURE}/requests/api.py", 5)
DRAIN: Frame = ("execute", f"{PURE}/werkzeug/serving.py", 359)
SERVING: Frame = ("handle", f"{PURE}/werkzeug/serving.py", 402)
SOCKET: Frame = ("readinto", f"{sysconfig.get_paths()['stdlib']}/socket.py", 718)
COVERAGE: Frame = ("trace", f"{PURE}/coverage/collector.py", 5)


@pytest.fixture
def namer() -> SiteNamer:
    """Return the namer of a project elsewhere."""
    return SiteNamer(ROOT)


@pytest.mark.parametrize(
    ("frame", "owner", "name"),
    [
        (OWN, Owner.PROJECT, "shop/cache.py"),
        (DECODER, Owner.STDLIB, "json/decoder.py"),
        (PYTEST, Owner.HARNESS, "_pytest/python.py"),
        (GUARD, Owner.HARNESS, "pytest_memguard/guard/session.py"),
        (INSTALLED, Owner.INSTALLED, "requests/api.py"),
        (COVERAGE, Owner.HARNESS, "coverage/collector.py"),
        (("plugin", f"{PURE}/pytest_mock/plugin.py", 1), Owner.HARNESS, "pytest_mock/plugin.py"),
        (("importlib", "<frozen importlib._bootstrap>", 1), Owner.STDLIB, "<frozen importlib._bootstrap>"),
    ],
)
def test_files_are_told_apart(namer: SiteNamer, frame: Frame, owner: Owner, name: str) -> None:
    assert namer.classify(frame[1]) == (owner, name)


@pytest.mark.parametrize(
    ("frames", "is_the_tests"),
    [
        ([OWN, TEST, PYTEST], True),
        ([DECODER, TEST, PYTEST], True),
        ([DECODER, PYTEST, TEST], False),
        ([PYTEST, TEST], False),
        ([GUARD, TEST], False),
        ([COVERAGE, OWN, TEST], False),
        ([INSTALLED, TEST, PYTEST], True),
        ([], True),
        ([DECODER], True),
        ([SOCKET, DRAIN, SERVING], False),
        ([OWN, DRAIN, SERVING], True),
        ([SERVING], True),
    ],
)
def test_the_innermost_frame_outside_the_standard_library_decides(
    namer: SiteNamer, frames: list[Frame], is_the_tests: bool
) -> None:
    assert namer.belongs_to_test(frames) is is_the_tests


@pytest.mark.parametrize(
    ("frames", "at", "inner"),
    [
        ([OWN, TEST], "shop/cache.py:put", None),
        ([DECODER, OWN, TEST], "shop/cache.py:put", None),
        ([INSTALLED, OWN, TEST], "shop/cache.py:put", "requests/api.py:get"),
        ([DECODER, INSTALLED, PYTEST], "requests/api.py:get", None),
        ([DECODER, PYTEST], "json/decoder.py:decode", None),
        ([DECODER, PYTEST, RUNNER], "json/decoder.py:decode", None),
        ([DECODER, TEST, PYTEST, RUNNER], "tests/test_cache.py:test_put", None),
        ([], "<native>:unknown", None),
    ],
)
def test_the_site_is_the_projects_where_there_is_one(
    namer: SiteNamer, frames: list[Frame], at: str, inner: str | None
) -> None:
    site, inside = namer.site_of(frames)
    assert site.at == at
    assert (inside.at if inside else None) == inner


def test_packages_can_be_excluded_by_name() -> None:
    assert SiteNamer(ROOT, ["requests"]).belongs_to_test([INSTALLED, TEST]) is False
