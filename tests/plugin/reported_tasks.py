"""Races of async caches, pools and clients after public reports, named by their project and number on GitHub.

Each case returns a racy body and a right one, which share what the case has made. A test copies this file.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable

VALUE_BYTES = 200_000
Body = Callable[[], Awaitable[object]]
Case = tuple[Body, Body]


async def load() -> bytearray:
    """Make a value between two waits, as a client does that connects or fetches."""
    await asyncio.sleep(0)
    value = bytearray(VALUE_BYTES)
    await asyncio.sleep(0)
    return value


def credentials_of_a_bucket() -> Case:
    """A cache holds results and not the tasks that fetch them: aio-libs/aiobotocore#1073."""
    values: dict[str, bytearray] = {}
    tasks: dict[str, asyncio.Task[bytearray]] = {}

    async def racy() -> None:
        if "bucket" not in values:
            values["bucket"] = await load()

    async def right() -> None:
        if "bucket" not in tasks:
            tasks["bucket"] = asyncio.create_task(load())
        await tasks["bucket"]

    return racy, right


def decorated_behind_a_semaphore() -> Case:
    """As many as the semaphore lets in call the function, and the later ones none: aio-libs/aiocache#1041."""
    values: dict[str, bytearray] = {}
    flying: dict[str, asyncio.Future[bytearray]] = {}
    four = asyncio.Semaphore(4)

    def cached(function: Callable[[], Awaitable[bytearray]]) -> Callable[[], Awaitable[bytearray]]:
        @functools.wraps(function)
        async def wrapper() -> bytearray:
            if "key" not in values:
                values["key"] = await function()
            return values["key"]

        return wrapper

    async def shared() -> bytearray:
        if "key" not in flying:
            flying["key"] = asyncio.ensure_future(load())
        return await flying["key"]

    async def racy() -> None:
        async with four:
            await cached(load)()

    async def right() -> None:
        async with four:
            await cached(shared)()

    return racy, right


def pool_that_counts_what_is_there() -> Case:
    """A pool does not count the connections that are being made: aio-libs/aiomcache#46."""
    free: asyncio.Queue[bytearray] = asyncio.Queue()
    counted = {"used": 0, "all": 0}

    async def racy() -> None:
        while free.empty() and free.qsize() + counted["used"] < 1:
            free.put_nowait(await load())
        connection = await free.get()
        counted["used"] += 1
        await asyncio.sleep(0)
        counted["used"] -= 1
        free.put_nowait(connection)

    async def right() -> None:
        if free.empty() and counted["all"] < 1:
            counted["all"] += 1
            free.put_nowait(await load())
        connection = await free.get()
        await asyncio.sleep(0)
        free.put_nowait(connection)

    return racy, right


def acquired_by_one_that_is_cancelled() -> Case:
    """A task that is cancelled as it gets a connection leaves it open: MagicStack/asyncpg#467."""
    connections: list[bytearray] = []

    async def connect(*, closes: bool) -> None:
        connections.append(bytearray(VALUE_BYTES))
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            if closes:
                connections.pop()
            raise

    async def one(*, closes: bool) -> None:
        task = asyncio.create_task(connect(closes=closes))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    turn = asyncio.Lock()

    async def racy() -> None:
        await one(closes=False)

    async def right() -> None:
        async with turn:
            await one(closes=True)

    return racy, right


def token_that_has_expired() -> Case:
    """Every call finds the token expired, and refreshes it: marcospereirampj/python-keycloak#708."""
    token: dict[str, bytearray] = {}
    lock = asyncio.Lock()

    async def racy() -> None:
        if "access" not in token:
            token["access"] = await load()

    async def right() -> None:
        if "access" not in token:
            async with lock:
                await racy()

    return racy, right


def session_that_is_made_when_first_used() -> Case:
    """A session that is missing or closed is opened by all who ask for it: Osmantic/ODS#1588."""

    class Session:
        def __init__(self, buffer: bytearray) -> None:
            self.buffer = buffer
            self.is_closed = False

    sessions: list[Session] = []
    lock = asyncio.Lock()

    async def racy() -> None:
        if not sessions or sessions[-1].is_closed:
            sessions.append(Session(await load()))

    async def right() -> None:
        if not sessions or sessions[-1].is_closed:
            async with lock:
                await racy()

    return racy, right


def entry_that_a_late_one_drops() -> Case:
    """Whoever comes back late drops what another has begun to load since: Yelp/paasta#2403."""
    flying: dict[str, asyncio.Future[bytearray]] = {}
    values: list[bytearray] = []

    async def racy() -> None:
        future = flying.get("key")
        if future is None or future.done():
            await asyncio.sleep(0)
            future = flying["key"] = asyncio.ensure_future(load())
        values.append(await future)

    async def right() -> None:
        if "key" not in flying:
            flying["key"] = asyncio.ensure_future(load())
        values.append(await flying["key"])

    return racy, right


def lock_around_the_dictionary_alone() -> Case:
    """The lock is let go between the look and the query: starpig1129/ai-discord-bot-PigPig#97."""
    values: dict[str, bytearray] = {}
    pending: dict[str, asyncio.Event] = {}
    lock = asyncio.Lock()

    async def racy() -> None:
        async with lock:
            found = values.get("user")
        if found is None:
            found = await load()
            async with lock:
                values["user"] = found

    async def right() -> None:
        while "user" not in values:
            event = pending.get("user")
            if event is None:
                event = pending["user"] = asyncio.Event()
                values["user"] = await load()
                event.set()
            await event.wait()

    return racy, right


def connection_that_is_made_ahead() -> Case:
    """While a pool makes a connection ahead, a user of it makes another: livekit/agents#3705."""
    connections: list[bytearray] = []
    ahead: list[asyncio.Task[None]] = []

    async def connect() -> None:
        connections.append(await load())

    async def racy() -> None:
        if not connections:
            task = asyncio.create_task(connect())
            await asyncio.sleep(0)
            if not connections:
                await connect()
            await task

    async def right() -> None:
        if not connections:
            if not ahead:
                ahead.append(asyncio.create_task(connect()))
            await ahead[0]

    return racy, right


def conversation_that_is_begun_twice() -> Case:
    """Tasks that find no id each begin a conversation of their own: openai/openai-agents-python#3820."""

    class Conversations:
        def __init__(self) -> None:
            self.kept: dict[int, bytearray] = {}

        async def create(self) -> int:
            number = len(self.kept)
            self.kept[number] = bytearray(VALUE_BYTES)
            await asyncio.sleep(0)
            return number

    class Chat:
        def __init__(self) -> None:
            self.client = Conversations()
            self.number: int | None = None
            self.lock = asyncio.Lock()

        async def ensure(self) -> None:
            if self.number is None:
                self.number = await self.client.create()

        async def ensure_alone(self) -> None:
            async with self.lock:
                await self.ensure()

    chat = Chat()
    return chat.ensure, chat.ensure_alone


def route_that_is_cached() -> Case:
    """Requests that come before the first answer is stored each make it: long2ice/fastapi-cache#419."""
    store: dict[str, bytearray] = {}
    locks: dict[str, asyncio.Lock] = {}

    async def get(key: str) -> bytearray | None:
        await asyncio.sleep(0)
        return store.get(key)

    async def answer(key: str) -> bytearray:
        found = await get(key)
        if found is None:
            found = await load()
            await asyncio.sleep(0)
            store[key] = found
        return found

    async def right() -> None:
        async with locks.setdefault("route", asyncio.Lock()):
            await answer("route")

    return lambda: answer("route"), right


CASES: list[Callable[[], Case]] = [
    acquired_by_one_that_is_cancelled,
    connection_that_is_made_ahead,
    conversation_that_is_begun_twice,
    credentials_of_a_bucket,
    decorated_behind_a_semaphore,
    entry_that_a_late_one_drops,
    lock_around_the_dictionary_alone,
    pool_that_counts_what_is_there,
    route_that_is_cached,
    session_that_is_made_when_first_used,
    token_that_has_expired,
]
