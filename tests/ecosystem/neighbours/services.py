"""Servers, windows, documents and figures that tests make."""

from __future__ import annotations

from tests.ecosystem.neighbour import Neighbour

NEIGHBOURS = (
    Neighbour(
        name="grpcio",
        requirements=("grpcio",),
        test="""
            from concurrent.futures import ThreadPoolExecutor
            import grpc
            import pytest
            from work import work

            def sell(request, context):
                assert work()
                return b"sold " + request

            @pytest.fixture(scope="module")
            def address():
                server = grpc.server(ThreadPoolExecutor(2))
                handlers = {"Sell": grpc.unary_unary_rpc_method_handler(sell)}
                server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("Shop", handlers),))
                port = server.add_insecure_port("127.0.0.1:0")
                server.start()
                yield f"127.0.0.1:{port}"
                server.stop(None).wait()

            @pytest.fixture(scope="module")
            def channel(address):
                with grpc.insecure_channel(address) as channel:
                    yield channel

            def test_call(channel):
                assert channel.unary_unary("/Shop/Sell")(b"tea", timeout=30) == b"sold tea"
        """,
    ),
    Neighbour(
        name="websockets",
        requirements=("websockets", "pytest-asyncio"),
        ini='asyncio_mode = "auto"',
        test="""
            import pytest
            from websockets.asyncio.client import connect
            from websockets.asyncio.server import serve
            from work import work

            async def echo(socket):
                async for said in socket:
                    await socket.send(said)

            @pytest.fixture
            async def address():
                async with serve(echo, "127.0.0.1", 0) as server:
                    yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"

            async def test_echo(address):
                async with connect(address) as socket:
                    await socket.send("tea")
                    assert await socket.recv() == "tea"
                assert work()
        """,
    ),
    Neighbour(
        name="pytest-qt, offscreen",
        requirements=("pytest-qt", "pyqt6"),
        variables={"QT_QPA_PLATFORM": "offscreen", "PYTEST_QT_API": "pyqt6"},
        test="""
            from PyQt6.QtCore import QTimer
            from PyQt6.QtWidgets import QLineEdit
            from work import work

            def test_typed(qtbot):
                typed = []
                line = QLineEdit()
                qtbot.addWidget(line)
                line.textChanged.connect(typed.append)
                qtbot.keyClicks(line, "tea")
                assert typed[-1] == "tea" and work()

            def test_signal(qtbot):
                timer = QTimer()
                timer.setSingleShot(True)
                with qtbot.waitSignal(timer.timeout, timeout=30_000):
                    timer.start(0)
                assert work()
        """,
    ),
    Neighbour(
        name="jinja2, lxml, pillow",
        requirements=("jinja2", "lxml", "pillow"),
        test="""
            import io
            import jinja2
            from lxml import etree
            from PIL import Image
            from work import work

            ENVIRONMENT = jinja2.Environment(autoescape=True)
            NUMBERS = iter(range(1_000_000_000))

            def test_template():
                made = ENVIRONMENT.from_string(f"{{{{ product }}}} {next(NUMBERS)}")
                assert made.render(product="<tea>").startswith("&lt;tea&gt;")
                assert work()

            def test_document():
                shop = etree.fromstring(b"<shop><item price='3'/><item price='4'/></shop>")
                assert shop.xpath("sum(item/@price)") == 7
                assert work()

            def test_picture():
                held = io.BytesIO()
                Image.new("RGB", (100, 100), "red").resize((50, 50)).save(held, "PNG")
                assert Image.open(io.BytesIO(held.getvalue())).size == (50, 50)
                assert work()
        """,
    ),
    Neighbour(
        name="matplotlib, pytest-mpl",
        requirements=("matplotlib", "pytest-mpl"),
        variables={"MPLBACKEND": "agg"},
        test="""
            import matplotlib.pyplot as plt
            import pytest
            from work import work

            @pytest.mark.mpl_image_compare
            def test_compared():
                figure, axes = plt.subplots(figsize=(1, 1))
                axes.plot([1, 2])
                assert work()
                return figure

            def test_closed():
                figure, axes = plt.subplots(figsize=(1, 1))
                axes.plot([1, 2])
                figure.canvas.draw()
                plt.close(figure)
                assert work()
        """,
    ),
    Neighbour(
        name="rq on fakeredis",
        requirements=("rq", "fakeredis"),
        test="""
            import pytest
            from fakeredis import FakeStrictRedis
            from rq import Queue
            from work import work

            @pytest.fixture
            def queue():
                return Queue(is_async=False, connection=FakeStrictRedis())

            def test_job(queue):
                assert queue.enqueue(work).is_finished
        """,
    ),
    Neighbour(
        name="dramatiq",
        requirements=("dramatiq",),
        test="""
            import dramatiq
            import pytest
            from dramatiq.brokers.stub import StubBroker
            from work import work

            broker = StubBroker()
            dramatiq.set_broker(broker)

            @dramatiq.actor
            def brew(number):
                assert work()

            @pytest.fixture
            def worker():
                worker = dramatiq.Worker(broker, worker_timeout=100)
                worker.start()
                yield worker
                worker.stop()

            def test_brewed(worker):
                brew.send(3)
                broker.join(brew.queue_name)
                worker.join()
        """,
    ),
    Neighbour(
        name="APScheduler",
        requirements=("apscheduler",),
        test="""
            import threading
            import pytest
            from apscheduler.schedulers.background import BackgroundScheduler
            from work import work

            @pytest.fixture
            def scheduler():
                scheduler = BackgroundScheduler()
                scheduler.start()
                yield scheduler
                scheduler.shutdown()

            def test_job(scheduler):
                done = threading.Event()
                scheduler.add_job(lambda: (work(), done.set()))
                assert done.wait(30)

            def test_removed(scheduler):
                scheduler.add_job(work, "interval", hours=1).remove()
                assert not scheduler.get_jobs()
                assert work()
        """,
    ),
)
