"""Repeats a test for its leak check: with the same fixtures, in its own event loop, without output."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_memguard.core.errors import described
from pytest_memguard.core.leak_finding import Doubt, LeakFinding
from pytest_memguard.core.policy import Policy
from pytest_memguard.guard.body import has_patches, repeatable_body, run_once
from pytest_memguard.guard.library_leaks import LibraryLeaks
from pytest_memguard.guard.renewed_fixtures import Renewals
from pytest_memguard.guard.rerun import CannotRunAgainError, Rerunner
from pytest_memguard.guard.session import GuardSession
from pytest_memguard.guard.silenced import let_go, quietly
from pytest_memguard.guard.threads import concurrent_body, taking_turns
from pytest_memguard.meters import Meter, SiteNamer

if TYPE_CHECKING:
    from pytest_memguard.leaks.across_renewals import Calling
    from pytest_memguard.leaks.check import LeakCheck

_TRACED_SECONDS = 3.0
_TRACED_BUDGETS = 16
"""How much CPU time a traced pass over the calls of a check may take, in seconds and in budgets of a policy.

The larger one counts; a traced call costs up to ten times as much as another.
"""

_WAY_OUT = "create what it uses up inside the body"
_NEW_FIXTURES = "the body cannot be repeated with the same fixtures, so they were set up for each call"


class CannotRepeatError(Exception):
    """A body that cannot be repeated; the sentence is the reason of `not-measured`."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """How a leak check calls its body again and again."""

    calling: Calling | None = None
    """Opens what calls the body as often as the policy says, for one that runs in threads."""
    between: Callable[[], None] | None = None
    """Called after each window."""
    renewals: Renewals | None = None
    """Renews the fixtures of the test; a leak is judged across that."""
    calls_before: int = 0
    """How often the body ran with the same fixtures before."""


def check_leaks(
    body: Callable[[], object],
    repetition: Repetition | None = None,
    *,
    meter: Meter,
    policy: Policy,
    is_news: Callable[[LeakFinding], bool] = lambda _finding: True,
    is_in_doubt: Callable[[LeakFinding], bool] = lambda _finding: False,
) -> LeakFinding:
    """Repeat `body`, say whether memory keeps growing per call, and explain it where it does.

    A leak whose rate `is_in_doubt` is screened twice, and the lower rate counts; one that `is_news`
    denies is not explained. Raises `BodyFailedError` where a call fails, with the error and the number of
    the call.
    """
    from pytest_memguard.leaks.check import LeakCheck  # noqa: PLC0415 - only leak checks load psutil

    repetition = repetition or Repetition()
    renewals = repetition.renewals
    renew = (lambda: None) if renewals is None else renewals.renew_if_possible
    check = LeakCheck(body, policy, between=repetition.between, calling=repetition.calling, renew=renew)
    finding = check.screen()
    if finding.leaking and renewals is not None:
        across = renewals.across(finding, ceiling_bytes=policy.leak_ceiling_bytes)
        if renewals.is_broken:
            return across
        if across is not finding:
            check = LeakCheck(body, policy, calling=renewals.calling)
            is_in_doubt, finding = lambda _finding: False, across
    if finding.leaking and is_in_doubt(finding):
        finding = _lower(finding, check)
    if finding.leaking:
        return check.explain(finding, meter) if is_news(finding) else finding
    return check.look_closer(finding, meter.namer)


def _lower(first: LeakFinding, check: LeakCheck) -> LeakFinding:
    """Return the lower rate of two readings; a leak that only the first one shows stays as it is."""
    from pytest_memguard.leaks.repeating import BodyFailedError  # noqa: PLC0415 - only leak checks load psutil

    try:
        second = check.screen()
    except BodyFailedError:
        return first
    return second if second.leaking and second.bytes_per_call < first.bytes_per_call else first


def run_check(
    body: Callable[[], object],
    policy: Policy,
    session: GuardSession,
    *,
    test_id: str,
    repetition: Repetition | None = None,
) -> LeakFinding:
    """Run the leak check on a body under a policy; a leak that is accepted is not explained.

    Raises `CannotRepeatError` where a later call of the body fails. With several threads such a failure is
    what the check was asked to shake out, and goes on up as itself.
    """
    from pytest_memguard.leaks.repeating import BodyFailedError  # noqa: PLC0415 - only leak checks load psutil

    repetition = repetition or Repetition(partial(_opened, policy, session.namer, body))
    try:
        finding = check_leaks(
            body,
            repetition,
            policy=policy,
            meter=session.meter(policy),
            is_news=lambda finding: session.is_new_leak(test_id, finding, policy),
            is_in_doubt=lambda finding: session.is_leak_in_doubt(test_id, finding, policy),
        )
    except BodyFailedError as error:
        if policy.at_once > 1:
            raise error.original from error
        number = repetition.calls_before + error.call
        failed = f"call {number} failed with {described(error.original)}"
        raise CannotRepeatError(f"its body cannot be repeated: {failed}; {_WAY_OUT}") from error
    return finding if policy.threads == 1 else replace(finding, orders=policy.orders_repeated)


def check_item(
    item: pytest.Item,
    runtest: Callable[[], None],
    policy: Policy,
    session: GuardSession,
    *,
    rerunner: Rerunner,
) -> LeakFinding:
    """Repeat an item: its body, judged across renewals of its fixtures, or all of it where fixtures count.

    A body that uses up its fixtures is repeated with new ones for each call. The `rerunner` was made before
    the item's first run. Raises `CannotRepeatError`.
    """
    with quietly(item) as drop_output:
        try:
            return _ItemCheck(item, runtest, policy, session, rerunner, drop_output).run()
        except CannotRepeatError as error:
            let_go(error)
            raise


@dataclass(frozen=True, slots=True)
class _ItemCheck:
    """The leak check of one item; `drop_output` drops what its calls have printed and logged."""

    item: pytest.Item
    runtest: Callable[[], None]
    policy: Policy
    session: GuardSession
    rerunner: Rerunner
    drop_output: Callable[[], None]

    def run(self) -> LeakFinding:
        """Repeat the body; one that cannot be repeated with the same fixtures gets new ones for each call.

        Raises what it raised first where it cannot be repeated with new fixtures either, or asks for none.
        """
        if self.policy.fixtures:
            return self._repeated(self._with_fixtures)
        try:
            return self._repeated(self._body_alone)
        except CannotRepeatError as first:
            if not _has_fixtures(self.item):
                raise
            let_go(first)
            try:
                finding = self._repeated(self._with_fixtures)
                self.rerunner.set_up()
            except (CannotRepeatError, CannotRunAgainError) as second:
                let_go(second)
                raise first from None
            return finding.with_note(_NEW_FIXTURES)

    def _repeated(self, check: Callable[[Callable[[], None]], LeakFinding]) -> LeakFinding:
        """Repeat it by a check; what libraries are known to leak is taken away between its windows."""
        libraries = LibraryLeaks()

        def drop() -> None:
            self.drop_output()
            libraries.take_away()

        finding = check(drop)
        return replace(finding, known=(*finding.known, *libraries.known(self.policy.at_once)))

    def _body_alone(self, drop: Callable[[], None]) -> LeakFinding:
        """Repeat the body with the fixtures that it has, or with ones that are renewed now and then."""
        renewals = Renewals(
            self.rerunner,
            self._make_body,
            partial(_opened, self.policy, self.session.namer),
            drop=drop,
            at_once=self.policy.at_once,
        )
        try:
            if has_patches(self.item):
                renewals.renew()
            return self._check(Repetition(renewals.staying, drop, renewals, calls_before=1))
        except CannotRunAgainError as error:
            raise CannotRepeatError(f"its body cannot be repeated: {error}") from error
        finally:
            renewals.close()

    def _with_fixtures(self, drop: Callable[[], None]) -> LeakFinding:
        """Repeat set-up, call and tear-down as one body, and leave the item torn down."""
        self.rerunner.tear_down()
        self.rerunner.let_go()

        def once() -> None:
            self.rerunner.set_up()
            try:
                if self.policy.threads == 1:
                    run_once(self.item, self.runtest)
                else:
                    with _opened(self.policy, self.session.namer, concurrent_body(self.item)) as call:
                        call()
            finally:
                self.rerunner.tear_down()
                self.rerunner.let_go()

        return self._check(Repetition(lambda: nullcontext(once), drop, calls_before=1))

    def _check(self, repetition: Repetition) -> LeakFinding:
        body, test_id = _function(self.item), self.item.nodeid
        return run_check(body, self.policy, self.session, test_id=test_id, repetition=repetition)

    def _make_body(self) -> Callable[[], object]:
        if self.policy.threads == 1:
            return repeatable_body(self.item, self.runtest)
        return concurrent_body(self.item)


def _has_fixtures(item: pytest.Item) -> bool:
    """Say whether a test has function-scoped fixtures, which a body may use only once.

    It need not ask for them by an argument: pytest-django sets up a database for a marker by a fixture that
    every test has, and `setup_method` is such a fixture, too.
    """
    info = getattr(item, "_fixtureinfo", None)
    if info is None:
        return False
    names = info.names_closure
    asked = (info.name2fixturedefs.get(name, ()) for name in names)
    return "request" in names or any(found[-1].scope == "function" for found in asked if found)


def _opened(
    policy: Policy, namer: SiteNamer, body: Callable[[], object]
) -> AbstractContextManager[Callable[[], object]]:
    if policy.threads == 1:
        return nullcontext(body)
    return taking_turns(body, policy, namer, orders=policy.orders_repeated)


def _function(item: Any) -> Callable[[], object]:
    """Return what names the line of an item's body, and holds neither its fixtures nor its instance."""
    test: Any = getattr(item, "obj", None)
    function: Callable[[], object] = getattr(test, "__func__", test) or item.runtest
    return function


def trace_item(
    item: pytest.Item, runtest: Callable[[], None], calls: int, policy: Policy, session: GuardSession
) -> LeakFinding:
    """Find out by the meter what an item's body settles at, and by which lines; nothing else.

    The doubt says that there was no time for all calls.
    """
    from pytest_memguard.leaks.lines import trace_settled  # noqa: PLC0415 - only leak checks load it

    with quietly(item):
        seconds = max(_TRACED_SECONDS, _TRACED_BUDGETS * policy.leak_budget_seconds)
        body = repeatable_body(item, runtest)
        settled = trace_settled(body, calls=calls, seconds=seconds, meter=session.chosen_meter().meter)
    return LeakFinding(
        leaking=False,
        bytes_per_call=0,
        calls=settled.calls,
        settled_bytes=settled.size_bytes,
        sites=settled.sites,
        doubts=() if settled.calls == calls else (Doubt.CUT_SHORT,),
    )
