"""More web frameworks, each with the client that its tests use."""

from __future__ import annotations

from tests.ecosystem.neighbour import Neighbour

NEIGHBOURS = (
    Neighbour(
        name="Django REST framework",
        requirements=("djangorestframework", "pytest-django", "django"),
        ini="""
            DJANGO_SETTINGS_MODULE = "shop_settings"
            pythonpath = ["."]
        """,
        files={
            "shop_settings.py": """
                DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
                INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "rest_framework"]
                REST_FRAMEWORK = {
                    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
                    "DEFAULT_THROTTLE_RATES": {"anon": "1000000/day"},
                }
                ROOT_URLCONF = "urls"
                SECRET_KEY = "x"
                ALLOWED_HOSTS = ["*"]
                USE_TZ = True
            """,
            "urls.py": """
                from django.contrib.auth.models import User
                from rest_framework import routers, serializers, viewsets
                from work import work

                class UserSerializer(serializers.ModelSerializer):
                    class Meta:
                        model = User
                        fields = ["id", "username", "email"]

                class UserViewSet(viewsets.ModelViewSet):
                    queryset = User.objects.order_by("id")
                    serializer_class = UserSerializer
                    throttle_classes = []

                    def list(self, request, *args, **kwargs):
                        assert work()
                        return super().list(request, *args, **kwargs)

                router = routers.DefaultRouter()
                router.register("users", UserViewSet)
                urlpatterns = router.urls
            """,
            "test_api.py": """
                import pytest
                from django.contrib.auth.models import User
                from rest_framework.test import APIClient, APITestCase
                from work import work

                @pytest.fixture
                def api():
                    return APIClient()

                @pytest.mark.django_db
                def test_list(api):
                    User.objects.create(username="one")
                    assert [user["username"] for user in api.get("/users/").json()] == ["one"]

                @pytest.mark.django_db
                def test_create_and_list(api):
                    name = f"user-{User.objects.count()}"
                    assert api.post("/users/", {"username": name}, format="json").status_code == 201
                    assert len(api.get("/users/").json()) == User.objects.count()

                class TestUsers(APITestCase):
                    def test_refused(self):
                        assert self.client.post("/users/", {}, format="json").status_code == 400
                        assert work()
            """,
        },
    ),
    Neighbour(
        name="starlette",
        requirements=("starlette", "httpx", "anyio"),
        test="""
            import contextlib
            import pytest
            from starlette.applications import Starlette
            from starlette.background import BackgroundTask
            from starlette.concurrency import run_in_threadpool
            from starlette.middleware import Middleware
            from starlette.middleware.gzip import GZipMiddleware
            from starlette.responses import JSONResponse
            from starlette.routing import Route, WebSocketRoute
            from starlette.testclient import TestClient
            from work import work

            @contextlib.asynccontextmanager
            async def lifespan(app):
                app.state.seen = 0
                yield

            async def root(request):
                done = await run_in_threadpool(work)
                return JSONResponse(done, background=BackgroundTask(count, request.app))

            def count(app):
                app.state.seen += 1

            async def echo(websocket):
                await websocket.accept()
                await websocket.send_json({"said": await websocket.receive_text(), "done": work()})
                await websocket.close()

            @pytest.fixture(scope="module")
            def client():
                app = Starlette(
                    routes=[Route("/", root), WebSocketRoute("/echo", echo)],
                    middleware=[Middleware(GZipMiddleware, minimum_size=1)],
                    lifespan=lifespan,
                )
                with TestClient(app) as client:
                    yield client

            def test_request(client):
                assert client.get("/").json() is True
                assert client.app.state.seen > 0

            def test_socket(client):
                with client.websocket_connect("/echo") as socket:
                    socket.send_text("tea")
                    assert socket.receive_json() == {"said": "tea", "done": True}
        """,
    ),
    Neighbour(
        name="litestar",
        requirements=("litestar", "httpx"),
        test="""
            from dataclasses import dataclass
            import pytest
            from litestar import Litestar, get, post
            from litestar.testing import TestClient
            from work import work

            @dataclass
            class Order:
                product: str
                number: int

            @get("/", cache=True, sync_to_thread=False)
            def root() -> dict[str, str]:
                return {"shop": "tea"}

            @post("/orders", sync_to_thread=True)
            def order(data: Order) -> Order:
                assert work()
                return data

            @pytest.fixture(scope="module")
            def client():
                with TestClient(Litestar([root, order])) as client:
                    yield client

            def test_order(client):
                assert client.post("/orders", json={"product": "tea", "number": 1}).json()["product"] == "tea"

            def test_cached(client):
                assert client.get("/").json() == {"shop": "tea"}
                assert work()
        """,
    ),
    Neighbour(
        name="tornado",
        requirements=("tornado",),
        test="""
            import json
            from tornado.ioloop import IOLoop
            from tornado.testing import AsyncHTTPTestCase, AsyncTestCase, gen_test
            from tornado.web import Application, RequestHandler
            from work import work

            class Root(RequestHandler):
                async def get(self):
                    self.write({"done": await IOLoop.current().run_in_executor(None, work)})

            class TestShop(AsyncHTTPTestCase):
                def get_app(self):
                    return Application([("/", Root)])

                def test_root(self):
                    assert json.loads(self.fetch("/").body) == {"done": True}

            class TestLoop(AsyncTestCase):
                @gen_test
                async def test_coroutine(self):
                    assert await IOLoop.current().run_in_executor(None, work)
        """,
    ),
    Neighbour(
        name="strawberry-graphql",
        requirements=("strawberry-graphql",),
        test="""
            import strawberry
            from work import work

            @strawberry.type
            class Query:
                @strawberry.field
                def price(self, product: str) -> int:
                    assert work()
                    return len(product)

            schema = strawberry.Schema(query=Query)

            def test_query():
                done = schema.execute_sync("query ($p: String!) { price(product: $p) }", {"p": "tea"})
                assert done.errors is None and done.data == {"price": 3}
        """,
    ),
    Neighbour(
        name="quart",
        requirements=("quart", "pytest-asyncio"),
        ini='asyncio_mode = "auto"',
        test="""
            import pytest
            from quart import Quart, websocket
            from work import work

            @pytest.fixture
            def client():
                app = Quart("shop")

                @app.get("/")
                async def tea():
                    return {"sold": work()}

                @app.websocket("/echo")
                async def echo():
                    await websocket.send(await websocket.receive())

                return app.test_client()

            async def test_request(client):
                response = await client.get("/")
                assert await response.get_json() == {"sold": True}

            async def test_socket(client):
                async with client.websocket("/echo") as socket:
                    await socket.send("tea")
                    assert await socket.receive() == "tea"
                assert work()
        """,
    ),
    Neighbour(
        name="falcon",
        requirements=("falcon",),
        test="""
            import falcon.asgi
            import falcon.testing
            import pytest
            from work import work

            class Thing:
                def on_get(self, request, response, number):
                    work()
                    response.media = {"number": number}

            class Awaited:
                async def on_get(self, request, response):
                    work()
                    response.media = {"number": 1}

            def test_wsgi():
                app = falcon.App()
                app.add_route("/things/{number:int}", Thing())
                client = falcon.testing.TestClient(app)
                assert client.simulate_get("/things/3").json == {"number": 3}

            def test_asgi():
                app = falcon.asgi.App()
                app.add_route("/things", Awaited())
                client = falcon.testing.TestClient(app)
                assert client.simulate_get("/things").json == {"number": 1}
        """,
    ),
    Neighbour(
        name="bottle, pyramid, webtest",
        requirements=("bottle", "pyramid", "webtest"),
        test="""
            import bottle
            import pytest
            from pyramid.config import Configurator
            from pyramid.response import Response
            from webtest import TestApp
            from work import work

            @pytest.fixture(scope="module")
            def bottled():
                app = bottle.Bottle()

                @app.get("/hello/<name>")
                def hello(name):
                    work()
                    return bottle.template("Hello {{name}}", name=name)

                return TestApp(app)

            def view(request):
                work()
                return Response("Hello %(name)s" % request.matchdict)

            @pytest.fixture
            def built():
                with Configurator() as config:
                    config.add_route("hello", "/hello/{name}")
                    config.add_view(view, route_name="hello")
                    return TestApp(config.make_wsgi_app())

            def test_bottle(bottled):
                assert bottled.get("/hello/joe").text == "Hello joe"

            def test_pyramid(built):
                assert built.get("/hello/joe").text == "Hello joe"
        """,
    ),
    Neighbour(
        name="channels",
        requirements=("channels", "daphne", "django>=5,<6", "pytest-django", "pytest-asyncio"),
        is_alone=True,
        ini="""
            DJANGO_SETTINGS_MODULE = "settings"
            asyncio_mode = "auto"
        """,
        files={
            "settings.py": """
                SECRET_KEY = "x"
                DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
                INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
                CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
            """,
        },
        test="""
            from channels.generic.websocket import AsyncWebsocketConsumer
            from channels.testing import WebsocketCommunicator
            from work import work

            class Echo(AsyncWebsocketConsumer):
                async def connect(self):
                    await self.channel_layer.group_add("all", self.channel_name)
                    await self.accept()

                async def disconnect(self, code):
                    await self.channel_layer.group_discard("all", self.channel_name)

                async def receive(self, text_data=None, bytes_data=None):
                    work()
                    await self.channel_layer.group_send("all", {"type": "say", "text": text_data})

                async def say(self, event):
                    await self.send(text_data=event["text"])

            async def test_group():
                communicator = WebsocketCommunicator(Echo.as_asgi(), "/")
                connected, _ = await communicator.connect()
                assert connected
                await communicator.send_to(text_data="hello")
                assert await communicator.receive_from() == "hello"
                await communicator.disconnect()
        """,
    ),
)
