"""Event loops and what drives tests on them."""

from __future__ import annotations

from tests.ecosystem.neighbour import Answer, Neighbour, Stage

ASYNCIO = """
    import asyncio
    import pytest
    from work import work

    @pytest.fixture
    async def ready():
        await asyncio.sleep(0)
        yield 1

    async def test_plain(ready):
        assert work()

    async def test_task():
        await asyncio.create_task(job())

    async def job():
        await asyncio.sleep(0)
        assert work()
"""

NEIGHBOURS = (
    Neighbour(
        name="pytest-asyncio, auto mode",
        requirements=("pytest-asyncio",),
        ini='asyncio_mode = "auto"',
        test=ASYNCIO,
        is_core=True,
    ),
    Neighbour(
        name="pytest-asyncio, loop of the session",
        requirements=("pytest-asyncio",),
        ini="""
            asyncio_mode = "auto"
            asyncio_default_fixture_loop_scope = "session"
            asyncio_default_test_loop_scope = "session"
            filterwarnings = ["error"]
        """,
        test=ASYNCIO,
    ),
    Neighbour(
        name="anyio, on asyncio and trio",
        requirements=("anyio", "trio"),
        test="""
            import anyio
            import pytest
            from work import work

            pytestmark = pytest.mark.anyio

            @pytest.fixture(params=["asyncio", "trio"], scope="module")
            def anyio_backend(request):
                return request.param

            @pytest.fixture(scope="module")
            async def ready(anyio_backend):
                await anyio.sleep(0)
                yield 1

            async def test_group(ready):
                async with anyio.create_task_group() as group:
                    group.start_soon(job)

            async def job():
                await anyio.sleep(0)
                assert work()
        """,
        is_core=True,
    ),
    Neighbour(
        name="pytest-trio",
        requirements=("pytest-trio",),
        ini="trio_mode = true",
        test="""
            import pytest
            import trio
            from work import work

            @pytest.fixture
            async def ready():
                await trio.sleep(0)
                yield 1

            async def test_plain():
                await trio.sleep(0)
                assert work()

            async def test_fixture(ready):
                await trio.sleep(0)
                assert work()
        """,
    ),
    Neighbour(
        name="pytest-twisted",
        requirements=("pytest-twisted", "twisted"),
        options=("--reactor=default",),
        test="""
            import pytest_twisted
            from twisted.internet import reactor, task
            from work import work

            @pytest_twisted.inlineCallbacks
            def test_inline():
                yield task.deferLater(reactor, 0, lambda: None)
                assert work()

            @pytest_twisted.ensureDeferred
            async def test_coroutine():
                await task.deferLater(reactor, 0, lambda: None)
                assert work()
        """,
        is_core=True,
    ),
    Neighbour(
        name="twisted.trial",
        requirements=("twisted",),
        test="""
            from twisted.internet import reactor, task
            from twisted.trial import unittest
            from work import work

            class TestTrial(unittest.TestCase):
                def test_deferred(self):
                    waiting = task.deferLater(reactor, 0, work)
                    return waiting.addCallback(self.assertTrue)

                def test_plain(self):
                    self.assertTrue(work())
        """,
    ),
    Neighbour(
        name="uvloop",
        requirements=("pytest-asyncio", "uvloop"),
        ini='asyncio_mode = "auto"',
        files={
            "conftest.py": """
                import pytest
                import uvloop

                @pytest.fixture(scope="session")
                def event_loop_policy():
                    return uvloop.EventLoopPolicy()
            """,
            "test_loop.py": ASYNCIO,
        },
    ),
    Neighbour(
        name="gevent",
        requirements=("gevent",),
        files={
            "conftest.py": """
                from gevent import monkey
                monkey.patch_all()
            """,
            "test_gevent.py": """
                import gevent
                from work import work

                def test_greenlet():
                    assert gevent.spawn(work).get()
            """,
        },
    ),
    Neighbour(
        name="pytest-tornasync",
        requirements=("pytest-tornasync", "tornado"),
        is_alone=True,
        test="""
            import pytest
            import tornado.web
            from work import work

            class Main(tornado.web.RequestHandler):
                def get(self):
                    work()
                    self.write("hello")

            @pytest.fixture
            def app():
                return tornado.web.Application([(r"/", Main)])

            async def test_request(http_server_client):
                assert (await http_server_client.fetch("/")).code == 200
        """,
    ),
    Neighbour(
        name="pytest-asyncio-cooperative",
        requirements=("pytest-asyncio-cooperative",),
        is_alone=True,
        test="""
            import asyncio
            import pytest
            from work import work

            @pytest.mark.asyncio_cooperative
            async def test_one():
                await asyncio.sleep(0.01)
                assert work()

            @pytest.mark.asyncio_cooperative
            async def test_two():
                await asyncio.sleep(0.01)
                assert work()
        """,
        answers={
            stage: (Answer("not-measured", "its call only tells how it ended"),)
            for stage in (Stage.ACCEPT, Stage.SAME, Stage.GROW, Stage.CLEAN, Stage.LEAK)
        },
    ),
    Neighbour(
        name="eventlet",
        requirements=("eventlet",),
        is_alone=True,
        files={
            "conftest.py": """
                import eventlet
                eventlet.monkey_patch()
            """,
            "test_eventlet.py": """
                import threading
                import time
                import eventlet
                from work import work

                def test_pool():
                    assert all(eventlet.GreenPool().imap(lambda number: work(), range(3)))

                def test_sleep():
                    spawned = eventlet.spawn(work)
                    time.sleep(0.001)
                    assert spawned.wait()

                def test_thread():
                    done = []
                    thread = threading.Thread(target=lambda: done.append(work()))
                    thread.start()
                    thread.join()
                    assert done == [True]
            """,
        },
    ),
)
