"""Generated, recorded and made-up data."""

from __future__ import annotations

from tests.ecosystem.neighbour import Neighbour

NEIGHBOURS = (
    Neighbour(
        name="hypothesis",
        requirements=("hypothesis",),
        test="""
            import pytest
            from hypothesis import given, settings, strategies as st
            from work import work

            @settings(max_examples=5, deadline=None)
            @given(st.integers())
            def test_property(n):
                assert work()

            @pytest.mark.parametrize("case", [1, 2])
            @settings(max_examples=5, deadline=None)
            @given(n=st.integers())
            def test_case(case, n):
                assert work()
        """,
        is_core=True,
    ),
    Neighbour(
        name="hypothesis, stateful",
        requirements=("hypothesis",),
        test="""
            from hypothesis import settings
            from hypothesis.stateful import RuleBasedStateMachine, rule
            from work import work

            class Machine(RuleBasedStateMachine):
                @rule()
                def work(self):
                    assert work()

            TestMachine = Machine.TestCase
            TestMachine.settings = settings(max_examples=2, stateful_step_count=3, deadline=None)
        """,
    ),
    Neighbour(
        name="syrupy",
        requirements=("syrupy",),
        files={
            "__snapshots__/test_snapshot.ambr": """
                # serializer version: 1
                # name: test_snapshot
                  dict({
                    'a': 1,
                  })
                # ---
            """,
            "test_snapshot.py": """
                from work import work

                def test_snapshot(snapshot):
                    assert {"a": 1} == snapshot
                    assert work()
            """,
        },
        is_core=True,
    ),
    Neighbour(
        name="pytest-regressions",
        requirements=("pytest-regressions", "pytest-datadir"),
        files={
            "test_numbers/test_numbers.yml": "a: 1\n",
            "test_numbers.py": """
                from work import work

                def test_numbers(data_regression):
                    data_regression.check({"a": 1})
                    assert work()
            """,
        },
    ),
    Neighbour(
        name="inline-snapshot",
        requirements=("inline-snapshot",),
        test="""
            from inline_snapshot import snapshot
            from work import work

            def test_inline():
                assert 1 + 1 == snapshot(2)
                assert work()
        """,
    ),
    Neighbour(
        name="factory-boy, Faker",
        requirements=("factory-boy", "faker"),
        test="""
            import factory
            from work import work

            class Factory(factory.Factory):
                class Meta:
                    model = dict

                name = factory.Faker("name")

            def test_factory(faker):
                assert Factory()["name"] and faker.name()
                assert work()
        """,
    ),
    Neighbour(
        name="polyfactory",
        requirements=("polyfactory", "pydantic"),
        test="""
            from dataclasses import dataclass
            from polyfactory.factories import DataclassFactory
            from polyfactory.factories.pydantic_factory import ModelFactory
            from polyfactory.pytest_plugin import register_fixture
            from pydantic import BaseModel
            from work import work

            @dataclass
            class Tea:
                name: str
                price: float

            class Order(BaseModel):
                teas: list[int]
                buyer: str

            @register_fixture
            class TeaFactory(DataclassFactory[Tea]):
                pass

            class OrderFactory(ModelFactory[Order]):
                pass

            def test_fixture(tea_factory):
                assert isinstance(tea_factory.build(), Tea)
                assert work()

            def test_batch():
                assert len(OrderFactory.batch(5)) == 5
                assert work()
        """,
    ),
)
