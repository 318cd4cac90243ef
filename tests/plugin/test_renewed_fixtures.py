"""A leak is judged across renewals of the fixtures: what dies with them is none, whatever recorded it."""

from __future__ import annotations

import pytest

from tests.guarded_project import GuardedProject

RECORDING = {
    "mocks": (
        ("pytest_mock",),
        """
        @pytest.fixture
        def client(): return unittest.mock.MagicMock()

        @pytest.fixture(scope="module")
        def of_module(): return unittest.mock.MagicMock()

        @pytest.fixture
        def patched(mocker): return mocker.patch("os.getcwd")

        @pytest.fixture
        def patched_by_hand():
            with unittest.mock.patch("os.getcwd") as getcwd:
                yield getcwd

        @pytest.fixture(scope="module")
        def patched_for_module():
            with unittest.mock.patch.object(Mailer, "send", autospec=True):
                yield

        class Mailer:
            def send(self, text): ...

        MAILER = Mailer()
        MOCK = unittest.mock.Mock()

        class TestClass(unittest.TestCase):
            @classmethod
            def setUpClass(cls): cls.client = unittest.mock.Mock()
            def test_mock_of_class(self): self.client.get("/x")

        def test_global_mock(): MOCK.get("/x")
        def test_patched_for_module(patched_for_module): MAILER.send("x")
        def test_mock(client): client.get("/x")
        def test_module_mock(of_module): of_module.get("/x").json()
        def test_module_mock_leak(of_module): of_module.get("/x"); leak()
        def test_mock_leak(client): client.get("/x"); leak()
        def test_patched(patched): os.getcwd()
        def test_patched_by_hand(patched_by_hand): os.getcwd()
        """,
    ),
    "pytest's own": (
        (),
        """
        def test_property(record_property): record_property("a", 1)
        def test_suite_property(record_testsuite_property): record_testsuite_property("a", 1)
        def test_marker(request): request.node.add_marker("slow")
        def test_warning_leak(): warnings.warn(f"{next(NUMBERS)}" + 1900 * "x")
        def test_finalizer(request): request.addfinalizer(lambda: None)
        def test_log(caplog): caplog.handler.records.append(bytes(500))

        class TestClass(unittest.TestCase):
            def test_cleanup(self): self.addClassCleanup(lambda: None)
            def test_cleanup_leak(self): self.addClassCleanup(lambda: None); leak()

        class TestInstance:
            kept = None
            def setup_method(self): self.kept = []
            def test_instance(self): self.kept.append(bytes(500))
            def test_instance_leak(self): self.kept.append(bytes(500)); leak()
        """,
    ),
    "messages of a log": (
        (),
        """
        def test_messages(caplog):
            logging.getLogger("shop").warning("sold out")
            assert caplog.messages == ["sold out"]
        """,
    ),
    "a fixture that refers to itself": (
        (),
        """
        class Store:
            def __init__(self): self.me, self.rows = self, []

        @pytest.fixture
        def store(): return Store()

        def test_store(store): store.rows.append(bytes(500))
        def test_store_leak(store): store.rows.append(bytes(500)); leak()
        """,
    ),
    "async fixtures": (
        ("pytest_asyncio.plugin", "anyio.pytest_plugin"),
        """
        @pytest.fixture
        def anyio_backend(): return "asyncio"

        @pytest.fixture
        async def of_anyio(anyio_backend): yield []

        @pytest.mark.anyio
        async def test_anyio_timer_leak(of_anyio):
            of_anyio.append(bytes(500))
            asyncio.get_running_loop().call_later(3600, bytes(1750).count)

        @pytest_asyncio.fixture
        async def seen():
            seen = []
            yield seen
            seen.clear()

        @pytest_asyncio.fixture
        async def watched():
            watched = []
            async def watch(): await asyncio.sleep(3600, watched)
            asyncio.ensure_future(watch())
            await asyncio.sleep(0)
            yield watched

        @pytest.mark.asyncio
        async def test_async(seen): seen.append(bytes(500))

        @pytest.mark.asyncio
        async def test_async_leak(seen): seen.append(bytes(500)); leak()

        @pytest.mark.asyncio
        async def test_left_task_of_a_fixture(watched): watched.append(bytes(500))

        @pytest.mark.asyncio
        async def test_timer_leak(seen):
            seen.append(bytes(500))
            asyncio.get_running_loop().call_later(3600, bytes(1750).count)
        """,
    ),
    "trio": (
        ("pytest_trio.plugin",),
        """
        @pytest.fixture
        async def nursery_user():
            await trio.sleep(0)
            yield

        @pytest.mark.trio
        async def test_trio(nursery_user): await trio.sleep(0)

        @pytest.mark.trio
        async def test_trio_leak(nursery_user): leak()
        """,
    ),
    "respx": (
        ("respx.plugin",),
        """
        def test_request(respx_mock):
            respx_mock.get("https://shop/").mock(return_value=httpx.Response(204))
            respx_mock.handler(httpx.Request("GET", "https://shop/"))
        """,
    ),
}
HEAD = """
        import itertools, logging, os, unittest, unittest.mock, warnings, pytest
        {imports}
        pytestmark = pytest.mark.memguard(leaks=True, leak_budget=0.1)
        KEPT, NUMBERS = [], itertools.count()
        def leak(): KEPT.append(bytes(2000))
"""
IMPORTS = {
    "async fixtures": "import asyncio, pytest_asyncio",
    "trio": "import trio",
    "respx": "import httpx, respx",
}


@pytest.mark.parametrize("kind", RECORDING)
def test_what_a_fixture_records_is_no_leak_and_a_leak_beside_it_is_one(
    project: GuardedProject, kind: str
) -> None:
    plugins, text = RECORDING[kind]
    project.write(test_it=HEAD.format(imports=IMPORTS.get(kind, "")) + text)
    run = project.spawn("-W", "ignore::pytest.PytestDeprecationWarning", plugins=plugins)
    results = run.results()
    assert {name: result["outcome"] for name, result in results.items()} == {
        name: "leaked" if name.endswith("_leak") else "no-baseline" for name in results
    }
    for name, result in results.items():
        if result["outcome"] == "leaked":
            assert 2000 <= result["leak"]["bytes_per_call"] <= 2300
            assert name.endswith("_timer_leak") or result["leak"]["held_by"][0].startswith(
                ("test_it.KEPT (list", "test_it.__warningregistry__ (")
            )


def test_what_dies_with_fixtures_is_a_note_with_the_number_of_renewals(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest
            MADE = []

            @pytest.fixture
            def cache():
                MADE.append(1)
                return []

            @pytest.mark.memguard(leaks=True, leak_budget=0.1)
            def test_cache(cache): cache.append(bytes(2000))

            def test_made(): assert len(MADE) < 30
        """
    )
    run = project.run()
    assert run.counted() == {"passed": 2}
    note = "2.0 KiB a call pile up in its fixtures and are freed with them, as 18 renewals showed"
    assert f"{note}" in run.summary


def test_fixtures_of_a_wider_scope_stay_and_their_growth_is_a_leak(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest
            pytestmark = pytest.mark.memguard(leaks=True, leak_budget=0.1)

            @pytest.fixture(scope="module")
            def wide(): return []

            @pytest.fixture
            def narrow(wide): return []

            def test_wide(wide, narrow):
                wide.append(bytes(500))
                narrow.append(bytes(1500))
        """
    )
    run = project.run()
    assert run.outcomes() == {"test_wide": "leaked"}
    assert 530 <= run.results()["test_wide"]["leak"]["bytes_per_call"] <= 600


def test_a_fixture_that_cannot_be_made_anew_leaves_the_finding_and_says_so(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest
            MADE = []

            @pytest.fixture
            def once():
                MADE.append(1)
                assert len(MADE) < 4, "only so often"
                return []

            @pytest.mark.memguard(leaks=True, leak_budget=0.1)
            def test_once(once): once.append(bytes(500))
        """
    )
    run = project.run()
    assert run.outcomes() == {"test_once": "leaked"}
    assert (
        "it is not known whether the memory is freed with its fixtures: its second set-up failed with "
        in run.text
    )


def test_a_test_from_threads_is_renewed_too(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest
            pytestmark = pytest.mark.memguard(leaks=True, leak_budget=0.1, threads=2)
            KEPT = []

            @pytest.fixture
            def seen(): return []

            def test_seen(seen): seen.append(bytes(500))
            def test_kept(seen): KEPT.append(bytes(2000)); seen.append(bytes(500))
        """
    )
    assert project.run().outcomes() == {"test_kept": "leaked", "test_seen": "no-baseline"}


def test_with_fixtures_set_up_and_tear_down_are_repeated_too(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest
            pytestmark = pytest.mark.memguard(leaks=True, leak_budget=0.1, fixtures=True)
            KEPT = []

            @pytest.fixture(scope="module")
            def wide(): return []

            @pytest.fixture
            def clean(wide): return [bytes(500)]

            @pytest.fixture
            def leaking_set_up(wide): KEPT.append(bytes(2000))

            @pytest.fixture
            def leaking_tear_down():
                yield
                KEPT.append(bytes(2000))

            def test_clean(clean): clean.append(bytes(500))
            def test_set_up(clean, leaking_set_up): pass
            def test_tear_down(leaking_tear_down): pass

            @pytest.mark.memguard(fixtures=False)
            def test_body_alone(leaking_set_up, leaking_tear_down): pass
        """
    )
    run = project.spawn()  # in this process pytester would record each hook
    assert run.outcomes() == {
        "test_body_alone": "no-baseline",
        "test_clean": "no-baseline",
        "test_set_up": "leaked",
        "test_tear_down": "leaked",
    }
    for name in ("test_set_up", "test_tear_down"):
        result = run.results()[name]
        assert 2000 <= result["leak"]["bytes_per_call"] <= 2300
        assert result["sites"][0]["function"].startswith("leaking_")
    assert run.counted() == {"passed": 2, "failed": 2}


def test_a_body_that_patches_what_must_not_be_patched_yet_is_repeated(project: GuardedProject) -> None:
    project.write(
        {"shop.py": "PRICE = 1\n\ndef price(key): return PRICE\n"},
        test_it="""
            import pytest, shop
            pytestmark = pytest.mark.memguard(leaks=True, leak_budget=0.1)

            def test_spied(mocker):
                spy = mocker.spy(shop, "price")
                assert shop.price("x") == 1
                assert spy.call_count == 1

            def test_autospec(mocker):
                mocker.patch("shop.price", autospec=True)
                shop.price("x")

            def test_monkeypatch(monkeypatch):
                assert shop.PRICE == 1
                monkeypatch.setattr(shop, "PRICE", 2)
        """,
    )
    run = project.spawn(plugins=("pytest_mock",))
    assert set(run.outcomes().values()) == {"no-baseline"}, run.text
    assert len(run.outcomes()) == 3


DRIVER = """
    import types, pytest

    class Later:
        def __init__(self, steps): self.steps = steps

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(pyfuncitem):
        names = pyfuncitem._fixtureinfo.argnames
        returned = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
        if isinstance(returned, Later):
            for _ in returned.steps: pass
        return True
"""


def test_what_a_plugin_waits_for_is_repeated_as_the_plugin_runs_it(project: GuardedProject) -> None:
    """As inlineCallbacks of twisted are: the function alone returns before its body has run."""
    project.write(
        {"conftest.py": DRIVER},
        test_it="""
            import functools, pytest
            from conftest import Later
            pytestmark = pytest.mark.memguard(leaks=True, leak_budget=0.1)
            KEPT = []

            def later(function):
                @functools.wraps(function)
                def started(*args, **named): return Later(function(*args, **named))
                return started

            @later
            def test_clean():
                yield

            @later
            def test_leak():
                yield
                KEPT.append(bytes(2000))

            def test_plain(): KEPT.append(bytes(500))
        """,
    )
    run = project.spawn()  # in this process pytester would record each hook
    assert run.outcomes() == {"test_clean": "no-baseline", "test_leak": "leaked", "test_plain": "leaked"}
    assert 2000 <= run.results()["test_leak"]["leak"]["bytes_per_call"] <= 2300


def test_a_fixture_of_class_scope_dies_with_a_test_outside_a_class(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest

            @pytest.fixture(scope="class", autouse=True)
            def of_class(): yield

            @pytest.fixture
            def cache(of_class): return []

            @pytest.mark.memguard(leaks=True, leak_budget="100 ms")
            def test_cache(cache): cache.append(bytes(2000))

            def test_after(cache): pass
        """
    )
    run = project.run()
    assert run.counted() == {"passed": 2}
    assert run.outcomes() == {"test_cache": "no-baseline"}


def test_what_pytest_keeps_to_end_fixtures_is_no_leak_and_what_a_test_registers_is_called(
    project: GuardedProject,
) -> None:
    """pytest keeps a call with a wider fixture for each narrower one, those that no test names among them."""
    project.write(
        test_it="""
            import pytest
            pytestmark = pytest.mark.memguard(leaks=True, leak_budget=0.1)
            MADE, CLOSED, SEEN = [0], [0], set()

            @pytest.fixture(scope="session")
            def factory(request):
                def close(): CLOSED[0] += 1
                def make(size):
                    MADE[0] += 1
                    held = bytes(size)
                    request.addfinalizer(lambda: close() or held)
                return make

            @pytest.fixture(scope="session")
            def wide(request):
                yield 1
                assert MADE == CLOSED

            @pytest.fixture
            def narrow(wide, factory): return factory

            @pytest.fixture(autouse=True)
            def unnamed(request): request.getfixturevalue("narrow")

            @pytest.fixture
            def unique(): SEEN.clear()

            def test_renewed(unique):
                assert not SEEN
                SEEN.add(1)

            def test_made(wide, factory): factory(3000)
        """
    )
    run = project.spawn()  # pytester keeps each call of a hook
    assert run.outcomes() == {"test_renewed": "no-baseline", "test_made": "leaked"}
    assert run.code == 1
    assert " error" not in run.text
    assert run.results()["test_made"]["leak"]["held_by"][0].startswith("fixture factory")
