"""Libraries that most code under test imports: frames and arrays, models, logs, checked types."""

from __future__ import annotations

from tests.ecosystem.neighbour import Neighbour, Stage

NEIGHBOURS = (
    Neighbour(
        name="numpy, pandas",
        requirements=("numpy", "pandas"),
        test="""
            import io
            import numpy as np
            import pandas as pd
            import pytest
            from work import work

            @pytest.fixture(scope="module")
            def orders():
                days = pd.date_range("2030-01-01", periods=300, freq="h")
                rows = {"product": np.resize(["tea", "milk"], 300), "price": np.arange(300.0)}
                return pd.DataFrame(rows, index=days)

            def test_groups(orders):
                sums = orders.assign(day=orders.index.date).groupby(["product", "day"])["price"].sum()
                assert len(sums) > 2 and work()

            def test_csv(orders):
                text = orders.to_csv()
                assert len(pd.read_csv(io.StringIO(text))) == 300
                assert work()

            def test_array():
                array = np.arange(100_000.0)
                assert float((array @ array) > 0) and work()
        """,
    ),
    Neighbour(
        name="polars, pyarrow",
        requirements=("polars", "pyarrow"),
        test="""
            import polars as pl
            import pyarrow as pa
            import pyarrow.parquet as pq
            import pytest
            from work import work

            @pytest.fixture(scope="module")
            def orders():
                return pl.DataFrame({"product": ["tea", "milk"] * 500, "price": range(1_000)})

            def test_groups(orders):
                sums = orders.lazy().group_by("product").agg(pl.col("price").sum()).collect()
                assert sums.height == 2 and work()

            def test_parquet(orders):
                sink = pa.BufferOutputStream()
                pq.write_table(orders.to_arrow(), sink)
                assert pq.read_table(pa.BufferReader(sink.getvalue())).num_rows == 1_000
                assert work()
        """,
        doubtful={
            Stage.CLEAN: (
                "on a very busy machine, once: what the threads of polars and pyarrow keep and overlap in "
                "was taken for a leak of 944 B a call, and for growth of 3 %"
            )
        },
    ),
    Neighbour(
        name="scikit-learn",
        requirements=("scikit-learn",),
        test="""
            import numpy as np
            import pytest
            from sklearn.ensemble import RandomForestClassifier
            from sklearn.linear_model import LogisticRegression
            from sklearn.model_selection import cross_val_score
            from sklearn.pipeline import make_pipeline
            from sklearn.preprocessing import StandardScaler
            from work import work

            @pytest.fixture(scope="module")
            def rows():
                generator = np.random.default_rng(0)
                features = generator.normal(size=(100, 4))
                return features, features[:, 0] > 0

            def test_scores(rows):
                model = make_pipeline(StandardScaler(), LogisticRegression())
                assert cross_val_score(model, *rows, cv=2).mean() > 0.8
                assert work()

            def test_forest(rows):
                assert RandomForestClassifier(n_estimators=3, random_state=0).fit(*rows).score(*rows) > 0.8
                assert work()
        """,
    ),
    Neighbour(
        name="pydantic, dirty-equals",
        requirements=("pydantic", "dirty-equals"),
        test="""
            from datetime import datetime
            from dirty_equals import IsNow, IsPositiveInt
            from pydantic import BaseModel, ValidationError, create_model
            import pytest
            from work import work

            class Item(BaseModel):
                product: str
                number: int = 1

            class Order(BaseModel):
                made: datetime
                items: list[Item]

            def test_order():
                order = Order.model_validate({"made": datetime.now(), "items": [{"product": "tea"}]})
                assert order.model_dump() == {
                    "made": IsNow(delta=60),
                    "items": [{"product": "tea", "number": IsPositiveInt}],
                }
                assert work()

            def test_refused():
                with pytest.raises(ValidationError):
                    Order.model_validate_json('{"items": [{}]}')
                assert work()

            def test_model_made_anew():
                assert create_model("Made", number=(int, 1))().number == 1
                assert work()
        """,
    ),
    Neighbour(
        name="attrs, beartype",
        requirements=("attrs", "beartype"),
        test="""
            import attrs
            from beartype import beartype
            from beartype.door import is_bearable
            from work import work

            @attrs.define
            class Item:
                product: str
                numbers: list[int] = attrs.field(factory=list)

            @beartype
            def total(items: list[Item]) -> int:
                assert work()
                return sum(sum(item.numbers) for item in items)

            def test_total():
                assert total([Item("tea", [1, 2]), Item("milk")]) == 3

            def test_hint():
                assert is_bearable([1, 2], list[int]) and not is_bearable(["x"], list[int])
                assert work()
        """,
    ),
    Neighbour(
        name="structlog, loguru",
        requirements=("structlog", "loguru"),
        test="""
            import logging
            import loguru
            import pytest
            import structlog
            from structlog.testing import capture_logs
            from work import work

            @pytest.fixture
            def caplog(caplog):
                number = loguru.logger.add(caplog.handler, format="{message}")
                yield caplog
                loguru.logger.remove(number)

            @pytest.fixture(scope="module", autouse=True)
            def configured():
                structlog.configure(
                    processors=[structlog.contextvars.merge_contextvars, structlog.processors.JSONRenderer()],
                    logger_factory=structlog.stdlib.LoggerFactory(),
                    cache_logger_on_first_use=True,
                )
                yield
                structlog.reset_defaults()

            def test_captured():
                with capture_logs() as logs:
                    structlog.get_logger("captured").info("sold", product="tea")
                assert logs[0]["product"] == "tea"
                assert work()

            def test_bound(caplog):
                with structlog.contextvars.bound_contextvars(order=1):
                    structlog.get_logger("shop").bind(product="tea").warning("sold out")
                assert "sold out" in caplog.text
                assert work()

            def test_loguru(caplog):
                loguru.logger.bind(order=1).warning("sold out")
                assert "sold out" in caplog.text
                assert work()
        """,
    ),
    Neighbour(
        name="cachetools, tenacity, click",
        requirements=("cachetools", "tenacity", "click"),
        test="""
            import click
            from cachetools import LRUCache, TTLCache, cached
            from click.testing import CliRunner
            from tenacity import retry, stop_after_attempt, wait_none
            from work import work

            NUMBERS = iter(range(1_000_000_000))

            @cached(LRUCache(maxsize=50))
            def price(number):
                return bytes(500)

            @cached(TTLCache(maxsize=50, ttl=3600))
            def stock(number):
                return bytes(500)

            FAILED = []

            @retry(stop=stop_after_attempt(3), wait=wait_none())
            def sold():
                if not FAILED:
                    FAILED.append(1)
                    raise OSError
                FAILED.clear()
                return work()

            @click.command()
            @click.argument("product")
            def shop(product):
                click.echo(f"{product} {work()}")

            def test_caches():
                number = next(NUMBERS)
                assert price(number) and stock(number) and work()

            def test_retried():
                assert sold()

            def test_command():
                assert CliRunner().invoke(shop, ["tea"]).output == "tea True\\n"
        """,
    ),
)
