from __future__ import annotations

from pathlib import Path

import pytest

from pytest_memguard.core.errors import BaselineError
from pytest_memguard.storage import bounded_reading
from pytest_memguard.storage.baseline import BaselineStore
from tests.storage.bad_baselines import BAD_BASELINES, END
from tests.storage.generated_values import ENVIRONMENT


def write_bad(directory: Path, content: str | bytes) -> tuple[BaselineStore, Path]:
    store = BaselineStore(directory, ENVIRONMENT)
    path = store.path_of("tests/test_x.py")
    path.parent.mkdir(parents=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return store, path


@pytest.mark.parametrize("name", BAD_BASELINES)
def test_a_bad_baseline_is_refused_with_file_line_and_key(tmp_path: Path, name: str) -> None:
    content, message = BAD_BASELINES[name]
    store, path = write_bad(tmp_path, content)
    with pytest.raises(BaselineError) as caught:
        store.load("tests/test_x.py")
    assert str(caught.value) == (message + END).format(file=path)
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize("name", BAD_BASELINES)
def test_a_bad_baseline_is_not_overwritten_by_an_update(tmp_path: Path, name: str) -> None:
    content, _ = BAD_BASELINES[name]
    store, path = write_bad(tmp_path, content)
    with pytest.raises(BaselineError), store.locked():
        store.update({"tests/test_x.py::test_a": None})
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode())


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_reading, "LARGEST_FILE_BYTES", 100)
    store, path = write_bad(tmp_path, "x" * 101)
    with pytest.raises(BaselineError) as caught:
        store.load("tests/test_x.py")
    assert str(caught.value) == f"{path}:1: is larger than 100 B.{END}".format(file=path)


def test_a_folder_in_place_of_a_file_is_an_error(tmp_path: Path) -> None:
    store = BaselineStore(tmp_path, ENVIRONMENT)
    store.path_of("t.py").mkdir(parents=True)
    with pytest.raises(BaselineError, match="cannot be read: Is a directory"):
        store.load("t.py")
