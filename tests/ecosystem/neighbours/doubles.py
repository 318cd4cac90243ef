"""Doubles of functions, servers, clocks and file systems."""

from __future__ import annotations

from tests.ecosystem.neighbour import Neighbour

NEIGHBOURS = (
    Neighbour(
        name="unittest.mock",
        requirements=(),
        test="""
            import os
            from unittest.mock import MagicMock, patch
            import pytest
            from work import work

            @pytest.fixture
            def double():
                return MagicMock()

            @pytest.fixture
            def patched():
                with patch("os.getcwd") as patched:
                    yield patched

            def test_double(double):
                double.call(1)
                assert work()

            def test_patched(patched):
                os.getcwd()
                assert work()
        """,
        is_core=True,
    ),
    Neighbour(
        name="pytest-mock",
        requirements=("pytest-mock",),
        test="""
            import os
            import pytest
            from work import work

            @pytest.fixture
            def patched(mocker):
                return mocker.patch("os.getcwd")

            def test_in_the_body(mocker):
                mocker.patch("os.getcwd")
                os.getcwd()
                assert work()

            def test_in_a_fixture(patched):
                os.getcwd()
                assert work()
        """,
    ),
    Neighbour(
        name="the standard library, patched by fixtures",
        requirements=(),
        test="""
            from unittest import mock
            import pytest
            from work import work

            NAMES = ["time.perf_counter", "pathlib.Path.open", "os.stat", "builtins.open", "os.getpid",
                     "time.monotonic", "time.thread_time", "resource.getrusage", "subprocess.run"]

            @pytest.fixture(params=NAMES)
            def patched(request):
                double = mock.mock_open() if request.param == "builtins.open" else mock.MagicMock()
                with mock.patch(request.param, double):
                    yield

            def test_patched(patched):
                assert work()
        """,
    ),
    Neighbour(
        name="mockito",
        requirements=("pytest-mockito", "mockito"),
        test="""
            import shop
            from work import work

            def test_stubbed(when):
                when(shop).price("tea").thenReturn(5)
                assert shop.price("tea") == 5
                assert work()
        """,
        files={"shop.py": "def price(product):\n    return len(product)\n"},
    ),
    Neighbour(
        name="respx",
        requirements=("respx", "httpx"),
        test="""
            import httpx
            import respx
            from work import work

            @respx.mock
            def test_decorated():
                respx.get("https://example.org/").respond(200)
                assert httpx.get("https://example.org/").status_code == 200
                assert work()

            def test_fixture(respx_mock):
                respx_mock.get("https://example.org/").respond(200)
                assert httpx.get("https://example.org/").status_code == 200
                assert work()
        """,
        is_core=True,
    ),
    Neighbour(
        name="pytest-httpx",
        requirements=("pytest-httpx", "httpx"),
        test="""
            import httpx
            import pytest
            from work import work

            @pytest.mark.httpx_mock(can_send_already_matched_responses=True)
            def test_request(httpx_mock):
                httpx_mock.add_response(url="https://example.org/")
                assert httpx.get("https://example.org/").status_code == 200
                assert work()
        """,
    ),
    Neighbour(
        name="responses",
        requirements=("responses",),
        test="""
            import requests
            import responses
            from work import work

            @responses.activate
            def test_request():
                responses.get("https://example.org/", body="x")
                assert requests.get("https://example.org/").text == "x"
                assert work()
        """,
    ),
    Neighbour(
        name="freezegun",
        requirements=("freezegun",),
        test="""
            import datetime
            from freezegun import freeze_time
            from work import work

            @freeze_time("2030-01-01")
            def test_frozen():
                assert datetime.date.today().year == 2030
                assert work()
        """,
        is_core=True,
    ),
    Neighbour(
        name="pytest-freezer",
        requirements=("pytest-freezer",),
        test="""
            from work import work

            def test_frozen(freezer):
                freezer.move_to("2030-01-01")
                assert work()
        """,
    ),
    Neighbour(
        name="time-machine",
        requirements=("time-machine",),
        test="""
            import datetime
            import time_machine
            from work import work

            @time_machine.travel("2030-01-01", tick=False)
            def test_travel():
                assert datetime.date.today().year == 2030
                assert work()
        """,
    ),
    Neighbour(
        name="pyfakefs",
        requirements=("pyfakefs",),
        test="""
            from pathlib import Path
            from work import work

            def test_files(fs):
                Path("/data.txt").write_text("x")
                assert work()
        """,
        is_core=True,
    ),
    Neighbour(
        name="pytest-subprocess",
        requirements=("pytest-subprocess",),
        test="""
            import subprocess
            from work import work

            def test_process(fp):
                fp.register(["true"], occurrences=100_000)
                subprocess.run(["true"])
                assert work()
        """,
    ),
    Neighbour(
        name="pytest-socket",
        requirements=("pytest-socket",),
        options=("--disable-socket",),
        files={"test_work.py": "from work import work\n\ndef test_work():\n    assert work()\n"},
    ),
    Neighbour(
        name="vcrpy",
        requirements=("vcrpy", "requests"),
        files={
            "cassette.yaml": """
                version: 1
                interactions:
                - request: {method: GET, uri: "http://example.org/", body: null, headers: {}}
                  response: {status: {code: 200, message: OK}, headers: {}, body: {string: x}}
            """,
            "test_cassette.py": """
                import requests
                import vcr
                from work import work

                def test_cassette():
                    with vcr.use_cassette("cassette.yaml", record_mode="none"):
                        assert requests.get("http://example.org/").text == "x"
                    assert work()
            """,
        },
    ),
    Neighbour(
        name="pytest-httpserver",
        requirements=("pytest-httpserver", "requests"),
        test="""
            import requests
            from work import work

            def test_answer(httpserver):
                httpserver.expect_request("/").respond_with_json({"a": 1})
                assert requests.get(httpserver.url_for("/")).json() == {"a": 1}
                assert work()
        """,
    ),
    Neighbour(
        name="requests-mock",
        requirements=("requests-mock", "requests"),
        test="""
            import requests
            import requests_mock as doubles
            from work import work

            def test_fixture(requests_mock):
                requests_mock.get("http://example.org", text="x")
                assert requests.get("http://example.org").text == "x"
                assert work()

            def test_block():
                with doubles.Mocker() as mocker:
                    mocker.get("http://example.org", json=[1])
                    assert requests.get("http://example.org").json() == [1]
                assert work()
        """,
    ),
    Neighbour(
        name="mongomock",
        requirements=("mongomock",),
        test="""
            import mongomock
            import pytest
            from work import work

            @pytest.fixture
            def shop():
                return mongomock.MongoClient().shop

            def test_row(shop):
                shop.items.insert_one({"a": 1})
                assert shop.items.find_one({"a": 1})["a"] == 1
                assert work()
        """,
    ),
    Neighbour(
        name="moto",
        requirements=("moto[s3]", "boto3"),
        variables={
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        test="""
            import boto3
            import pytest
            from moto import mock_aws
            from work import work

            @pytest.fixture
            def s3():
                with mock_aws():
                    client = boto3.client("s3")
                    client.create_bucket(Bucket="bucket")
                    yield client

            def test_put(s3):
                s3.put_object(Bucket="bucket", Key="k", Body=b"hello")
                assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"hello"
                assert work()
        """,
    ),
    Neighbour(
        name="fakeredis",
        requirements=("fakeredis",),
        test="""
            import fakeredis
            import pytest
            from work import work

            @pytest.fixture
            def redis():
                return fakeredis.FakeRedis()

            def test_key(redis):
                redis.set("a", 1)
                assert redis.get("a") == b"1"
                assert work()
        """,
    ),
    Neighbour(
        name="pytest-recording",
        requirements=("pytest-recording", "requests"),
        options=("--record-mode=once",),
        is_alone=True,  # it imports all that it can record; the table of names may get larger for that
        test="""
            import http.server
            import threading
            import pytest
            import requests
            from work import work

            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_response(200)
                    self.send_header("Content-Length", "3")
                    self.end_headers()
                    self.wfile.write(b"tea")

                def log_message(self, *arguments):
                    pass

            @pytest.fixture(scope="session")
            def address():
                server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
                threading.Thread(target=server.serve_forever, daemon=True).start()
                yield f"http://127.0.0.1:{server.server_address[1]}/"
                server.shutdown()
                server.server_close()

            @pytest.fixture(scope="module")
            def vcr_config():
                return {"match_on": ["method", "path"]}

            @pytest.mark.vcr
            def test_recorded(address):
                assert requests.get(address).text == "tea"
                assert work()
        """,
    ),
)
