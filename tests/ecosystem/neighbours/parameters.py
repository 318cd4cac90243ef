"""Plugins and libraries that give tests their cases, fixtures and surroundings."""

from __future__ import annotations

from tests.ecosystem.neighbour import Answer, Neighbour, Stage

NEIGHBOURS = (
    Neighbour(
        name="pytest-cases, on pytest 8",
        requirements=("pytest-cases", "pytest<9"),
        is_alone=True,
        test="""
            import pytest
            from pytest_cases import fixture, fixture_ref, parametrize, parametrize_with_cases
            from work import work

            @fixture
            @pytest.mark.parametrize("size", [1, 2])
            def basket(size):
                return ["tea"] * size

            @fixture
            def empty():
                return []

            def case_tea():
                return "tea", 3

            @parametrize(number=[4])
            def case_milk(number):
                return "milk", number

            @parametrize_with_cases("product, length", cases=".")
            def test_case(product, length):
                assert len(product) == length and work()

            @parametrize("held", [fixture_ref(basket), fixture_ref(empty)])
            def test_union(held):
                assert len(held) < 3 and work()
        """,
    ),
    Neighbour(
        name="pytest-lazy-fixtures",
        requirements=("pytest-lazy-fixtures",),
        test="""
            import pytest
            from pytest_lazy_fixtures import lf, lfc
            from work import work

            @pytest.fixture(scope="module")
            def shop():
                return {"tea": 3}

            @pytest.fixture
            def prices(shop):
                return dict(shop)

            @pytest.mark.parametrize("held", [lf("prices"), lf("shop"), lfc(dict, lf("shop"))])
            def test_held(held):
                assert held["tea"] == 3
                assert work()
        """,
    ),
    Neighbour(
        name="parameterized, ddt",
        requirements=("parameterized", "ddt"),
        test="""
            import unittest
            from ddt import data, ddt, unpack
            from parameterized import parameterized, parameterized_class
            from work import work

            class TestParameterized(unittest.TestCase):
                @parameterized.expand([("tea", 3), ("milk", 4)])
                def test_length(self, product, length):
                    self.assertEqual(len(product), length)
                    self.assertTrue(work())

            @parameterized_class(("product",), [("tea",), ("milk",)])
            class TestEach(unittest.TestCase):
                @classmethod
                def setUpClass(cls):
                    cls.seen = []

                def test_product(self):
                    self.assertIn(self.product, ("tea", "milk"))
                    self.assertTrue(work())

            @ddt
            class TestData(unittest.TestCase):
                @data((1, 2), (2, 3))
                @unpack
                def test_next(self, one, other):
                    self.assertEqual(one + 1, other)
                    self.assertTrue(work())
        """,
    ),
    Neighbour(
        name="testfixtures",
        requirements=("testfixtures",),
        test="""
            import logging
            from testfixtures import LogCapture, Replacer, TempDirectory, compare, mock_datetime
            from work import work
            import shop

            def test_replaced():
                with Replacer() as replace:
                    replace("shop.datetime", mock_datetime(2030, 1, 1, delta=0))
                    compare(shop.year(), expected=2030)
                assert work()

            def test_log():
                with LogCapture() as log:
                    logging.getLogger("shop").info("sold")
                log.check(("shop", "INFO", "sold"))
                assert work()

            def test_folder():
                with TempDirectory() as folder:
                    folder.write("a.txt", b"tea")
                    compare(folder.read("a.txt"), expected=b"tea")
                assert work()
        """,
        files={"shop.py": "from datetime import datetime\n\ndef year():\n    return datetime.now().year\n"},
    ),
    Neighbour(
        name="pytest-env, pytest-dependency",
        requirements=("pytest-env", "pytest-dependency"),
        ini='env = ["SHOP=tea"]',
        test="""
            import os
            import pytest
            from work import work

            @pytest.mark.dependency
            def test_first():
                assert os.environ["SHOP"] == "tea" and work()

            @pytest.mark.dependency(depends=["test_first"])
            def test_second():
                assert work()
        """,
        answers={
            stage: (Answer("not-measured", "the test was skipped", tests="test_second"),)
            for stage in (Stage.GROW, Stage.LEAK)
        },
    ),
    Neighbour(
        name="pytest-factoryboy",
        requirements=("pytest-factoryboy", "factory-boy"),
        test="""
            import factory
            from pytest_factoryboy import register
            from work import work

            class Author:
                def __init__(self, name):
                    self.name = name

            class Book:
                def __init__(self, title, author):
                    self.title, self.author = title, author

            @register
            class AuthorFactory(factory.Factory):
                class Meta:
                    model = Author

                name = factory.Sequence(lambda number: f"author {number}")

            @register
            class BookFactory(factory.Factory):
                class Meta:
                    model = Book

                title = "A title"
                author = factory.SubFactory(AuthorFactory)

            def test_model(book):
                assert book.author.name.startswith("author")
                assert work()

            def test_factory(book_factory):
                assert len(book_factory.build_batch(3)) == 3
                assert work()
        """,
    ),
)
