"""Web frameworks, and a framework for scenarios."""

from __future__ import annotations

from tests.ecosystem.neighbour import Neighbour

DJANGO = {
    "shop_settings.py": """
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
        INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
        ROOT_URLCONF = "urls"
        SECRET_KEY = "x"
        ALLOWED_HOSTS = ["*"]
        USE_TZ = True
    """,
    "urls.py": """
        from django.http import HttpResponse
        from django.urls import path
        from work import work

        urlpatterns = [path("", lambda request: HttpResponse(str(work())))]
    """,
}

NEIGHBOURS = (
    Neighbour(
        name="pytest-django",
        requirements=("pytest-django", "django"),
        ini="""
            DJANGO_SETTINGS_MODULE = "shop_settings"
            pythonpath = ["."]
        """,
        files={
            **DJANGO,
            "test_django.py": """
                import pytest
                from django.contrib.auth.models import User
                from django.core import mail
                from django.test import SimpleTestCase, TransactionTestCase
                from work import work

                class TestTransaction(TransactionTestCase):
                    def test_transaction(self):
                        User.objects.count()
                        assert work()

                class TestSimple(SimpleTestCase):
                    def test_simple(self):
                        assert work()

                def test_client(client):
                    assert client.get("/").content == b"True"

                def test_request_factory(rf):
                    rf.get("/")
                    assert work()

                @pytest.mark.django_db
                def test_marker():
                    User.objects.count()
                    assert work()

                def test_mailbox(mailoutbox):
                    mail.send_mail("subject", "text", "a@example.org", ["b@example.org"])
                    assert work()

                def test_settings(settings):
                    settings.USE_TZ = False
                    assert work()
            """,
        },
        is_core=True,
    ),
    Neighbour(
        name="pytest-django, TestCase",
        requirements=("pytest-django", "django"),
        ini="""
            DJANGO_SETTINGS_MODULE = "shop_settings"
            pythonpath = ["."]
        """,
        files={
            **DJANGO,
            "test_rows.py": """
                from django.contrib.auth.models import User
                from django.test import TestCase
                from work import work

                class TestRows(TestCase):
                    def test_rows(self):
                        User.objects.create(username="one")
                        assert work()

                    def test_queries(self):
                        with self.assertNumQueries(1):
                            User.objects.count()
                        assert work()
            """,
        },
    ),
    Neighbour(
        name="flask",
        requirements=("flask",),
        test="""
            import pytest
            from flask import Flask
            from work import work

            @pytest.fixture
            def client():
                app = Flask("shop")
                app.add_url_rule("/", view_func=lambda: str(work()))
                return app.test_client()

            def test_request(client):
                assert client.get("/").data == b"True"
        """,
        is_core=True,
    ),
    Neighbour(
        name="FastAPI",
        requirements=("fastapi", "httpx", "anyio"),
        test="""
            import pytest
            from fastapi import FastAPI
            from fastapi.testclient import TestClient
            from work import work

            app = FastAPI()

            @app.get("/")
            async def root():
                return work()

            @pytest.fixture
            def client():
                return TestClient(app)

            def test_request(client):
                assert client.get("/").json() is True
        """,
        is_core=True,
    ),
    Neighbour(
        name="pytest-bdd",
        requirements=("pytest-bdd",),
        files={
            "cart.feature": """
                Feature: A cart
                  Scenario: Adding
                    Given a cart
                    When 3 things are added
                    Then it holds 3 things
            """,
            "test_cart.py": """
                from pytest_bdd import given, parsers, scenarios, then, when
                from work import work

                scenarios("cart.feature")

                @given("a cart", target_fixture="cart")
                def cart():
                    return []

                @when(parsers.parse("{number:d} things are added"))
                def add(cart, number):
                    assert work()
                    cart.extend(range(number))

                @then(parsers.parse("it holds {number:d} things"))
                def holds(cart, number):
                    assert len(cart) == number
            """,
        },
        is_core=True,
    ),
    Neighbour(
        name="sqlalchemy",
        requirements=("sqlalchemy",),
        test="""
            import pytest
            from sqlalchemy import create_engine, text
            from sqlalchemy.orm import Session
            from work import work

            @pytest.fixture(scope="session")
            def engine():
                engine = create_engine("sqlite://")
                yield engine
                engine.dispose()

            @pytest.fixture
            def session(engine):
                with Session(engine) as session:
                    yield session

            def test_query(session):
                assert session.execute(text("select 1")).scalar() == 1
                assert work()
        """,
    ),
    Neighbour(
        name="pytest-aiohttp",
        requirements=("pytest-aiohttp", "aiohttp", "pytest-asyncio"),
        ini='asyncio_mode = "auto"',
        test="""
            import pytest
            from aiohttp import web
            from work import work

            async def root(request):
                return web.json_response(work())

            @pytest.fixture
            async def client(aiohttp_client):
                app = web.Application()
                app.router.add_get("/", root)
                return await aiohttp_client(app)

            async def test_request(client):
                response = await client.get("/")
                assert await response.json() is True
        """,
    ),
    Neighbour(
        name="pytest-flask",
        requirements=("pytest-flask", "flask"),
        test="""
            import pytest
            from flask import Flask, url_for
            from work import work

            @pytest.fixture(scope="session")
            def app():
                app = Flask("shop")
                app.add_url_rule("/", "root", lambda: str(work()))
                return app

            def test_client(client):
                assert client.get(url_for("root")).data == b"True"
        """,
    ),
    Neighbour(
        name="celery, eager",
        requirements=("celery",),
        test="""
            import pytest
            from celery import Celery
            from work import work

            @pytest.fixture(scope="session")
            def task():
                app = Celery("shop", broker="memory://", backend="cache+memory://")
                app.conf.task_always_eager = True
                return app.task(work)

            def test_task(task):
                assert task.delay().get()
        """,
    ),
)
