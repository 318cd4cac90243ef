"""The proposed baseline: what accepting a run would write, as files and as a patch."""

from __future__ import annotations

import shutil
from pathlib import Path

from pytest_memguard.accepting import plan_acceptance
from pytest_memguard.github.patch import patch
from pytest_memguard.run_results import RunResults
from pytest_memguard.storage.baseline import BaselineStore, split_id


def propose(results: RunResults, *, baseline: Path, into: Path, name: str, everything: bool = False) -> str:
    """Write the files that accepting these results would change below `into`; return them as a patch.

    `baseline` is the accepted folder, which stays as it is; `name` is what it is called in
    the repository, for the patch; `everything` proposes what did not change as well.
    Raises `BaselineError` for a baseline that cannot be read.
    """
    current, proposed = BaselineStore(baseline, results.environment), BaselineStore(into, results.environment)
    changes = plan_acceptance(
        results, current.entries_of(test.id for test in results.tests), everything=everything
    )
    before, after = {}, {}
    for module in sorted({split_id(change.test_id)[0] for change in changes}):
        source, target = current.path_of(module), proposed.path_of(module)
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            before[_named(name, source, baseline)] = source.read_text(encoding="utf-8")
    written = {change.test_id: change.new for change in changes}
    for path in proposed.update(written, meter=results.meter, made_with=results.made_with):
        after[_named(name, path, into)] = path.read_text(encoding="utf-8")
    return patch(before, after)


def _named(name: str, path: Path, folder: Path) -> str:
    return f"{name}/{path.relative_to(folder).as_posix()}"
