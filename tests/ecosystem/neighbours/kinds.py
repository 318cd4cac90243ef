"""Further kinds of tests: subtests, doctests, descriptions, checks."""

from __future__ import annotations

from tests.ecosystem.neighbour import Answer, Neighbour, Stage

NEIGHBOURS = (
    Neighbour(
        name="pytest-steps",
        requirements=("pytest-steps",),
        test="""
            from pytest_steps import test_steps
            from work import work

            @test_steps("first", "second")
            def test_generator():
                assert work()
                yield
                assert work()
                yield

            @test_steps("first", "second")
            def test_parameter(test_step):
                assert test_step and work()
        """,
        answers={
            stage: (Answer("not-measured", "runs only once", tests="test_generator*"),)
            for stage in (Stage.ACCEPT, Stage.SAME, Stage.GROW, Stage.CLEAN, Stage.LEAK)
        },
    ),
    Neighbour(
        name="subtests of pytest and of unittest",
        requirements=(),
        test="""
            import unittest
            from work import work

            def test_subtests(subtests):
                for number in range(3):
                    with subtests.test(number=number):
                        assert work()

            class TestCases(unittest.TestCase):
                def test_cases(self):
                    for number in range(3):
                        with self.subTest(number=number):
                            self.assertTrue(work())
        """,
        is_core=True,
    ),
    Neighbour(
        name="doctests",
        requirements=(),
        options=("--doctest-modules", "--doctest-glob=*.txt"),
        files={
            "shop.py": '''
                def add(one, other):
                    """Add.

                    >>> from work import work
                    >>> work() and add(1, 2)
                    3
                    """
                    return one + other
            ''',
            "guide.txt": """
                >>> from work import work
                >>> work()
                True
            """,
        },
    ),
    Neighbour(
        name="pytest-describe",
        requirements=("pytest-describe",),
        test="""
            from work import work

            def describe_cart():
                def is_empty():
                    assert work()
        """,
    ),
    Neighbour(
        name="sybil",
        requirements=("sybil",),
        files={
            "conftest.py": """
                from sybil import Sybil
                from sybil.parsers.rest import PythonCodeBlockParser

                pytest_collect_file = Sybil(parsers=[PythonCodeBlockParser()], pattern="*.rst").pytest()
            """,
            "guide.rst": """
                A guide
                =======

                .. code-block:: python

                    from work import work
                    assert work()
            """,
        },
    ),
    Neighbour(
        name="pytest-check",
        requirements=("pytest-check",),
        test="""
            from pytest_check import check
            from work import work

            def test_check():
                with check:
                    assert work()
        """,
    ),
)
