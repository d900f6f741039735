"""Scratchpads in Redis: working memories and residuals for several processes; while it is away, in this one alone."""

import logging
import re
import time
from array import array
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import quote

import msgspec

from soma.brain.context.residual import LocalResiduals
from soma.brain.context.working_memory import Item, Key, LocalWorkingMemory, admit_item, is_of
from soma.process.reasons import reason_of

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

T = TypeVar("T")

KEPT_SECONDS = 7 * 24 * 3_600  # a conversation that rests for a week has nothing in mind any more
RETRY_SECONDS = 5.0  # between two questions whether Redis is back

logger = logging.getLogger(__name__)


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    text: str
    embedding: bytes  # float32
    salience: float
    at: str


class RedisScratchpads:
    """Scratchpads in Redis, one value a conversation.

    A value is written only over the one that was read: of two writers at once, one begins again.
    """

    def __init__(self, redis: "Redis", *, items: int, conversations: int) -> None:
        self._redis = redis
        self._limit = items
        self._conversations = conversations
        self._sizes: OrderedDict[Key, int] = OrderedDict()

    async def items(self, key: Key) -> Sequence[Item]:
        ring = _ring(await self._bytes(_name("working", key)))
        self._count(key, len(ring))
        return ring

    async def admit(self, key: Key, item: Item) -> None:
        name = _name("working", key)

        async def write(pipe: "Pipeline") -> None:
            ring = admit_item(_ring(cast("bytes | None", await pipe.get(name))), item, self._limit)
            pipe.multi()  # type: ignore[no-untyped-call]
            pipe.set(name, msgspec.msgpack.encode([_to_stored(each) for each in ring]), ex=KEPT_SECONDS)
            self._count(key, len(ring))

        await self._redis.transaction(write, name)

    async def of(self, key: Key) -> Sequence[float]:
        numbers: array[float] = array("d", await self._bytes(_name("residual", key)) or b"")
        return numbers.tolist()

    async def keep(self, key: Key, residual: Sequence[float]) -> None:
        await self._redis.set(_name("residual", key), array("d", residual).tobytes(), ex=KEPT_SECONDS)

    async def clear(self, tenant_id: str, user_id: str | None) -> None:
        """Clear working memory and residuals alike."""
        whose = quote(tenant_id, safe="") + (f":{quote(user_id, safe='')}" if user_id else "")
        for kind in ("working", "residual"):
            async for name in self._redis.scan_iter(match=f"soma:{kind}:{_escape(whose)}:*", count=1_000):
                await self._redis.delete(name)
        for key in [key for key in self._sizes if is_of(key, tenant_id, user_id)]:
            del self._sizes[key]

    async def ping(self) -> None:
        await self._redis.ping()

    async def _bytes(self, name: str) -> bytes | None:
        return cast("bytes | None", await self._redis.get(name))

    def count(self) -> int:
        return sum(self._sizes.values())

    def _count(self, key: Key, size: int) -> None:
        self._sizes[key] = size
        self._sizes.move_to_end(key)
        while len(self._sizes) > self._conversations:
            self._sizes.popitem(last=False)


class FallbackScratchpads:
    """Scratchpads in Redis, and in this process while Redis is away.

    `degraded` says so then; what Redis holds is not seen until it is back.
    """

    def __init__(
        self, redis: RedisScratchpads, rings: LocalWorkingMemory, residuals: LocalResiduals, away: type[Exception]
    ) -> None:
        self._redis = redis
        self._rings = rings
        self._residuals = residuals
        self._away = away
        self._retry_at = 0.0
        self.degraded: str | None = None

    async def items(self, key: Key) -> Sequence[Item]:
        return await self._either(lambda: self._redis.items(key), lambda: self._rings.items(key))

    async def admit(self, key: Key, item: Item) -> None:
        await self._either(lambda: self._redis.admit(key, item), lambda: self._rings.admit(key, item))

    async def of(self, key: Key) -> Sequence[float]:
        return await self._either(lambda: self._redis.of(key), lambda: self._residuals.of(key))

    async def keep(self, key: Key, residual: Sequence[float]) -> None:
        await self._either(lambda: self._redis.keep(key, residual), lambda: self._residuals.keep(key, residual))

    async def clear(self, tenant_id: str, user_id: str | None) -> None:
        """Clear the copies in this process too: Redis may have been away."""
        await self._rings.clear(tenant_id, user_id)
        await self._residuals.clear(tenant_id, user_id)
        await self._either(lambda: self._redis.clear(tenant_id, user_id), _nothing)

    def count(self) -> int:
        return self._rings.count() if self.degraded else self._redis.count()

    async def _either(self, shared: Callable[[], Awaitable[T]], alone: Callable[[], Awaitable[T]]) -> T:
        if self.degraded and time.monotonic() < self._retry_at:
            return await alone()
        try:
            answer = await shared()
        except self._away as error:
            if not self.degraded:
                logger.warning("Redis is away, working memory falls to this process: %s", error)
            self.degraded = f"redis: {reason_of(error)}"
            self._retry_at = time.monotonic() + RETRY_SECONDS
            return await alone()
        if self.degraded:
            logger.warning("Redis is back")
            self.degraded = None
        return answer


async def _nothing() -> None: ...


def _escape(text: str) -> str:
    """Escape what a pattern of Redis reads: `*`, `?`, `[` and a backslash."""
    return re.sub(r"([*?\[\]\\^-])", r"\\\1", text)


def _name(kind: str, key: Key) -> str:
    return f"soma:{kind}:" + ":".join(quote(part, safe="") for part in key)


def _ring(stored: bytes | None) -> Sequence[Item]:
    items = msgspec.msgpack.decode(stored, type=list[_Stored]) if stored else []
    return [
        Item(text=item.text, embedding=array("f", item.embedding).tolist(), salience=item.salience, at=item.at)
        for item in items
    ]


def _to_stored(item: Item) -> _Stored:
    return _Stored(item.text, array("f", item.embedding).tobytes(), item.salience, item.at)
