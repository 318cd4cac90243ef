from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from prices import LIST_BYTES, AsyncPriceLists, PriceLists, write


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prices")
    write(folder, "de")
    return folder


@pytest.fixture
def lists(folder: Path) -> PriceLists:
    return PriceLists(folder)


@pytest.mark.memguard(threads=8)
def test_threads_share_a_list(lists: PriceLists) -> None:
    assert len(lists.get("de")) == LIST_BYTES


@pytest.mark.memguard
def test_tasks_share_a_list(folder: Path) -> None:
    async def sizes() -> set[int]:
        lists = AsyncPriceLists(folder)

        async def size() -> int:
            return len(await lists.fetch("de"))

        return set(await asyncio.gather(*(size() for _ in range(8))))

    assert asyncio.run(sizes()) == {LIST_BYTES}
