"""What a distribution says of itself tells whether it is a library of test doubles."""

from __future__ import annotations

from importlib.metadata import distributions
from pathlib import Path

import pytest

from pytest_memguard.meters.mock_libraries import is_for_doubles
from tests.made_distributions import install


@pytest.mark.parametrize(
    ("said", "is_double"),
    [
        ("Summary: Spying framework", True),
        ("Summary: Mocks the requests of a client", True),
        ("Keywords: http,spies", True),
        ("Classifier: Topic :: Software Development :: Testing :: Mocking", True),
        ("Summary: Inspects what a shop sells", False),
        ("Keywords: http,client", False),
    ],
)
def test_it_says_so_by_summary_keyword_or_classifier(tmp_path: Path, said: str, is_double: bool) -> None:
    install(tmp_path, "some-library", {"some_library.py": ""}, head=(said,))
    (found,) = distributions(path=[str(tmp_path)])
    assert is_for_doubles(found) == is_double
