"""Beside each neighbour: plain tests pass, unchanged is ok, growth and leaks are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.ecosystem.neighbour import Neighbour, Stage
from tests.ecosystem.neighbours import ALL, TRIED
from tests.ecosystem.trial import Trial

ON_EVERY_CHANGE = (Stage.ACCEPT, Stage.GROW, Stage.CLEAN, Stage.LEAK)
"""Enough to find a fault: what is unchanged is compared with what was accepted in `clean` too."""


def stages() -> Iterator[object]:
    for neighbour in TRIED:
        for stage in Stage if ALL else ON_EVERY_CHANGE:
            name = f"{neighbour.slug}-{stage.value}"
            yield pytest.param(neighbour, stage, id=name, marks=[*marks(neighbour, stage)])


def marks(neighbour: Neighbour, stage: Stage) -> Iterator[pytest.MarkDecorator]:
    yield pytest.mark.xdist_group(neighbour.slug)
    if stage in neighbour.wrong:
        yield pytest.mark.xfail(strict=True, reason=neighbour.wrong[stage])
    if stage in neighbour.doubtful:
        yield pytest.mark.xfail(strict=False, reason=neighbour.doubtful[stage])


@pytest.mark.parametrize(("neighbour", "stage"), [*stages()])
def test_beside_a_neighbour(
    trial_of: Callable[[Neighbour], Trial],
    neighbour: Neighbour,
    stage: Stage,
    record_property: Callable[[str, object], None],
) -> None:
    trial = trial_of(neighbour)
    record_property("name", neighbour.name)
    record_property("stage", stage.value)
    record_property("versions", ", ".join(f"{name} {version}" for name, version in trial.versions().items()))
    differences = trial.differences(stage)
    assert not differences, "\n".join(differences)
