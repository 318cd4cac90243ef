"""Databases, and what maps their rows to objects."""

from __future__ import annotations

from tests.ecosystem.neighbour import Neighbour

NEIGHBOURS = (
    Neighbour(
        name="SQLAlchemy, rolled back after each test",
        requirements=("sqlalchemy",),
        test="""
            import pytest
            from sqlalchemy import ForeignKey, create_engine, event, func, select
            from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
            from sqlalchemy.orm import selectinload
            from sqlalchemy.pool import StaticPool
            from work import work

            class Base(DeclarativeBase):
                pass

            class Order(Base):
                __tablename__ = "orders"
                id: Mapped[int] = mapped_column(primary_key=True)
                items: Mapped[list["Item"]] = relationship(back_populates="order", cascade="all")

            class Item(Base):
                __tablename__ = "items"
                id: Mapped[int] = mapped_column(primary_key=True)
                product: Mapped[str]
                order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
                order: Mapped[Order] = relationship(back_populates="items")

            @pytest.fixture(scope="session")
            def engine():
                engine = create_engine("sqlite://", poolclass=StaticPool, query_cache_size=100)
                # As SQLAlchemy's manual says: else sqlite3 commits what is inside a savepoint.
                event.listen(engine, "connect", lambda raw, _: setattr(raw, "isolation_level", None))
                event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
                Base.metadata.create_all(engine)
                yield engine
                engine.dispose()

            @pytest.fixture
            def session(engine):
                with engine.connect() as connection, connection.begin() as transaction:
                    with Session(connection, join_transaction_mode="create_savepoint") as session:
                        yield session
                    transaction.rollback()

            def test_rows(session):
                session.add(Order(items=[Item(product=name) for name in ("tea", "milk")]))
                session.commit()
                orders = session.scalars(select(Order).options(selectinload(Order.items))).all()
                assert {item.product for order in orders for item in order.items} == {"tea", "milk"}
                session.expunge_all()
                assert work()

            def test_statements_of_many_forms(session):
                for number in range(5):
                    asked = [Item.id == at for at in range(number + 1)]
                    assert session.scalar(select(func.count()).select_from(Item).where(*asked)) == 0
                assert work()
        """,
    ),
    Neighbour(
        name="SQLAlchemy, asynchronous",
        requirements=("sqlalchemy[asyncio]", "aiosqlite", "pytest-asyncio"),
        ini='asyncio_mode = "auto"',
        test="""
            import pytest
            from sqlalchemy import select
            from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
            from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
            from work import work

            class Base(DeclarativeBase):
                pass

            class Item(Base):
                __tablename__ = "items"
                id: Mapped[int] = mapped_column(primary_key=True)
                product: Mapped[str]

            @pytest.fixture
            async def sessions():
                engine = create_async_engine("sqlite+aiosqlite://")
                async with engine.begin() as connection:
                    await connection.run_sync(Base.metadata.create_all)
                yield async_sessionmaker(engine, expire_on_commit=False)
                await engine.dispose()

            async def test_rows(sessions):
                async with sessions() as session, session.begin():
                    session.add(Item(product="tea"))
                async with sessions() as session:
                    assert "tea" in (await session.scalars(select(Item.product))).all()
                assert work()
        """,
    ),
    Neighbour(
        name="sqlmodel",
        requirements=("sqlmodel",),
        test="""
            import pytest
            from sqlmodel import Field, Session, SQLModel, create_engine, select
            from sqlmodel.pool import StaticPool
            from work import work

            class Item(SQLModel, table=True):
                id: int | None = Field(default=None, primary_key=True)
                product: str

            @pytest.fixture
            def session():
                engine = create_engine("sqlite://", poolclass=StaticPool)
                SQLModel.metadata.create_all(engine)
                with Session(engine) as session:
                    yield session

            def test_row(session):
                item = Item(product="tea")
                session.add(item)
                session.commit()
                session.refresh(item)
                assert session.exec(select(Item).where(Item.id == item.id)).one().product == "tea"
                session.delete(item)
                session.commit()
                assert work()
        """,
    ),
    Neighbour(
        name="tortoise-orm",
        requirements=("tortoise-orm", "pytest-asyncio"),
        ini="""
            asyncio_mode = "auto"
            pythonpath = ["."]
        """,
        files={
            "shop.py": """
                from tortoise import fields
                from tortoise.models import Model

                class Item(Model):
                    id = fields.IntField(primary_key=True)
                    product = fields.CharField(max_length=100)
            """,
            "test_rows.py": """
                import pytest
                from shop import Item
                from tortoise import Tortoise
                from work import work

                @pytest.fixture
                async def database():
                    await Tortoise.init(db_url="sqlite://:memory:", modules={"models": ["shop"]})
                    await Tortoise.generate_schemas()
                    yield
                    await Tortoise.close_connections()

                async def test_row(database):
                    item = await Item.create(product="tea")
                    assert (await Item.get(id=item.id)).product == "tea"
                    await item.delete()
                    assert work()
            """,
        },
    ),
    Neighbour(
        name="peewee",
        requirements=("peewee",),
        test="""
            import pytest
            from peewee import CharField, Model, SqliteDatabase
            from work import work

            class Item(Model):
                product = CharField()

            @pytest.fixture
            def database():
                database = SqliteDatabase(":memory:")
                with database.bind_ctx([Item]):
                    database.create_tables([Item])
                    yield database
                database.close()

            def test_row(database):
                with database.atomic() as transaction:
                    Item.create(product="tea")
                    assert Item.select().count() == 1
                    transaction.rollback()
                assert work()
        """,
    ),
    Neighbour(
        name="pony",
        requirements=("pony",),
        test="""
            import pytest
            from pony import orm
            from work import work

            database = orm.Database()

            class Tea(database.Entity):
                name = orm.Required(str)

            database.bind(provider="sqlite", filename=":memory:")
            database.generate_mapping(create_tables=True)

            def test_saved():
                with orm.db_session:
                    Tea(name="green")
                    assert orm.count(tea for tea in Tea) == 1
                    orm.rollback()
                assert work()
        """,
    ),
)
