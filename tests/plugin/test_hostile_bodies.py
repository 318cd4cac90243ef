"""Bodies that turn the interpreter against the check: a clear outcome each, and the next test unharmed."""

from __future__ import annotations

import pytest

from tests.guarded_project import GuardedProject, Run

HOSTILE: dict[str, tuple[str, str]] = {
    "switches the collector off": ("import gc; gc.disable(); a = []; a.append(a)", "no-baseline"),
    "sets a profiler": ("import sys; sys.setprofile(lambda *given: None)", "no-baseline"),
    "sets a tracer": ("import sys; sys.settrace(lambda *given: None)", "no-baseline"),
    "starts tracemalloc": ("import tracemalloc; tracemalloc.start()", "any"),
    "forks": ("import os; pid = os.fork()\n    if pid: os.waitpid(pid, 0)", "no-baseline"),
    "forks a child that raises": (
        "import os; pid = os.fork()\n    if not pid: raise ValueError\n    os.waitpid(pid, 0)",
        "no-baseline",
    ),
    "replaces stdout": ("import sys, io; sys.stdout = io.StringIO()", "no-baseline"),
    "closes stdout": ("import sys; sys.stdout = None", "no-baseline"),
    "replaces for good what memguard writes with": (
        "import builtins, json, pathlib; json.dumps = pathlib.Path.open = builtins.open = None",
        "no-baseline",
    ),
    "deletes its module": ("import sys; sys.modules.pop(__name__, None)", "no-baseline"),
    "deletes its globals": ("globals().pop('kept', None)", "no-baseline"),
    "changes the directory": ("import os; os.chdir('/')", "no-baseline"),
    "fails the second time": ("kept.append(1); assert len(kept) < 2", "not-measured"),
    "exits the second time": (
        "import sys; kept.append(1)\n    if len(kept) > 1: sys.exit(3)",
        "not-measured",
    ),
    "interrupts the second time": (
        "kept.append(1)\n    if len(kept) > 1: raise KeyboardInterrupt",
        "not-measured",
    ),
    "skips the second time": (
        "kept.append(1)\n    if len(kept) > 1: pytest.skip('once')",
        "not-measured",
    ),
}


def _run(project: GuardedProject, body: str) -> Run:
    project.write(
        {
            "test_it.py": f"import pytest\nkept = []\n\n"
            f"@pytest.mark.memguard(leaks=True, leak_budget=0.1)\ndef test_hostile():\n    {body}\n",
        },
        test_next="""
            import pytest
            kept = []

            @pytest.mark.memguard
            def test_peak():
                bytearray(3_000_000)

            @pytest.mark.memguard(leaks=True, leak_budget=0.1)
            def test_leak():
                kept.append(bytes(1000))
        """,
    )
    return project.spawn("-p", "no:randomly")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_body_ends_in_a_clear_outcome(project: GuardedProject, name: str) -> None:
    body, outcome = HOSTILE[name]
    run = _run(project, body)
    outcomes = run.outcomes()
    assert outcome in ("any", outcomes["test_hostile"]), run.text
    assert outcomes["test_peak"] == "no-baseline"
    assert 3_000_000 <= run.measured("test_peak") < 3_010_000
    assert outcomes["test_leak"] == "leaked"
    assert 1_000 <= run.results()["test_leak"]["leak"]["bytes_per_call"] <= 1_300  # the list too
    assert len(outcomes) == 3


@pytest.mark.parametrize("body", ["import sys; sys.exit(3)", "raise KeyboardInterrupt"])
def test_body_that_ends_the_run_at_its_first_call_ends_as_without_memguard(
    project: GuardedProject, body: str
) -> None:
    run = _run(project, body)
    without = project.spawn(guard=False)
    assert run.code == without.code
    assert "test_hostile" not in run.outcomes() or run.outcomes()["test_hostile"] != "ok"
