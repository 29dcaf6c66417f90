"""What the scripts over sockets share: addresses, a pace for new sockets, what was heard, the order book, a key to
disable.

Environment: BASE_URL, CREDENTIALS, and KEYWARD_BIN with SANDBOX_DATA for the command line of the same sandbox.
"""
import asyncio
import collections
import contextlib
import json
import os
import time
import zlib

import signer
from report import Measured, Steps, equal, holds

BASE = os.environ["BASE_URL"]
CREDENTIALS = json.load(open(os.environ["CREDENTIALS"]))
KEYS = CREDENTIALS["keys"]
PRIVATE = CREDENTIALS["wss_url" if BASE.startswith("https") else "ws_url"]
SCHEME = PRIVATE.split(":")[0]
# Without the last part, as ccxt takes it.
ROOT = PRIVATE.removesuffix("/private")
STEP_S = 25
# How long a change may take to reach open sockets.
BOUND_S = 1.0
# New sockets of one source in a second (OKX's figure), and what is added so that clocks do not decide.
SOCKETS = 3
WINDOW_S = 1.05
# Levels of a side that the checksum covers.
CHECKED_LEVELS = 25


class AsyncSteps(Steps):
    """Steps on one event loop, each with a limit."""

    def __init__(self, client):
        super().__init__({"client": client, "base": SCHEME})
        self.loop = asyncio.new_event_loop()

    def run(self, step, call):
        """Runs the coroutine that `call` gives."""
        return super().run(step, lambda: self.loop.run_until_complete(limited(call())))

    def end(self):
        """Ends what the client left running, so that nothing complains of it."""
        self.loop.run_until_complete(cancel_all())
        self.loop.close()


async def cancel_all():
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def limited(coroutine):
    try:
        return await asyncio.wait_for(coroutine, STEP_S)
    except asyncio.TimeoutError:
        raise AssertionError(f"not done within {STEP_S} s") from None


def address(endpoint):
    return f"{ROOT}/{endpoint}"


_opened = collections.deque(maxlen=SOCKETS)


async def room():
    """Waits until the gateway takes one more socket of this source. Call it before each."""
    if len(_opened) == SOCKETS:
        await asyncio.sleep(max(0.0, _opened[0] + WINDOW_S - time.monotonic()))
    _opened.append(time.monotonic())


async def until(condition, what, seconds=10, pause_s=0.005):
    """Waits until `condition` gives something, and gives that."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        holds(time.monotonic() < end, f"{what}: not within {seconds} s")
        await asyncio.sleep(pause_s)
    return found


class Told:
    """Everything that a socket said, in order."""

    def __init__(self):
        self.messages = []

    def __call__(self, message):
        message = json.loads(message) if isinstance(message, str) and message.startswith("{") else message
        if isinstance(message, dict):
            self.messages.append(message)

    async def first(self, what, condition):
        """The first message that fits, once it is there."""
        return await until(lambda: next(filter(condition, self.messages), None), what)

    async def answer(self, request_id):
        return await self.first(f"an answer to {request_id}", lambda one: one.get("id") == request_id)

    async def event(self, event, channel=None):
        """What was said of a login, a subscription or an error."""
        def fits(one):
            return one.get("event") == event and channel in (None, one.get("arg", {}).get("channel"))
        return await self.first(f"the event {event} {channel or ''}", fits)

    async def data(self, channel, condition=lambda row: True):
        """The first row of a channel that fits."""
        def fits(one):
            return any(map(condition, rows(one, channel)))
        found = await self.first(f"data of {channel}", fits)
        return next(filter(condition, found["data"]))

    def of(self, channel):
        """The messages with data of a channel."""
        return [one for one in self.messages if rows(one, channel)]


def rows(message, channel):
    return message.get("data", []) if message.get("arg", {}).get("channel") == channel else []


class Book:
    """The channel `books` as its readers keep it: each message must fit the one before, and its own checksum."""

    def __init__(self):
        self.sides, self.sequence, self.updates = {"bids": {}, "asks": {}}, None, 0

    def take(self, message):
        (row,) = message["data"]
        if message["action"] == "snapshot":
            self.sides = {"bids": {}, "asks": {}}
            equal(row["prevSeqId"], -1, "prevSeqId of the snapshot")
        else:
            equal((message["action"], row["prevSeqId"]), ("update", self.sequence), "action and prevSeqId")
            self.updates += 1
        self.sequence = row["seqId"]
        for side, levels in self.sides.items():
            for price, size, *_ in row[side]:
                levels[price] = size
                if float(size) == 0:
                    del levels[price]
        equal(self.checksum(), row["checksum"], "checksum")

    def levels(self, side):
        """Price and size as they were sent, the best first."""
        return sorted(self.sides[side].items(), key=lambda level: float(level[0]), reverse=side == "bids")

    def numbers(self, side):
        return [[float(price), float(size)] for price, size in self.levels(side)]

    def checksum(self):
        """CRC-32 of the best levels, bid and ask in turn, as a number with a sign (OKX)."""
        both = [self.levels(side)[:CHECKED_LEVELS] for side in ("bids", "asks")]
        parts = [text for at in range(CHECKED_LEVELS) for side in both for level in side[at:at + 1] for text in level]
        found = zlib.crc32(":".join(parts).encode())
        return found - (1 << 32) if found >> 31 else found


async def keyward(*words):
    """Runs the command line on the sandbox's store; gives what it printed."""
    line = [os.environ["KEYWARD_BIN"], *words, "--data", os.environ["SANDBOX_DATA"], "--json"]
    child = await asyncio.create_subprocess_exec(*line, stdin=asyncio.subprocess.DEVNULL,
                                                 stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    said, problem = await child.communicate()
    holds(child.returncode == 0, f"{' '.join(words)} ended with {child.returncode}: {problem.decode().strip()}")
    return json.loads(said)


@contextlib.asynccontextmanager
async def own_key(name):
    """A key that the command line makes, and deletes at the end."""
    key = await keyward("key", "create", "--account", CREDENTIALS["people"]["trader"]["email"], "--name", name,
                        "--permission", "read", "--permission", "trade", "--ip", "127.0.0.1,::1")
    def works():
        return signer.code(BASE, key, "/api/v5/trade/orders-pending", ca_file=CREDENTIALS["ca_file"]) == "0"

    try:
        # Each try before the gateway knows the key counts as a wrong one of this source.
        await until(works, "the gateway knows the new key", BOUND_S, pause_s=0.02)
        yield key
    finally:
        await keyward("key", "delete", "--yes", key["api_key"])


async def disable(key, closed):
    """Disables the key; `closed` gives the close codes of its socket, each with its time. Measures how long it took."""
    asked = time.monotonic()
    await keyward("key", "disable", key["api_key"])
    done = time.monotonic()
    code, at = (await until(closed, "the socket of a disabled key is open", BOUND_S + 1))[0]
    equal(code, 4007, "close code")
    holds(at - done <= BOUND_S, f"the socket closed {at - done:.3f} s after the command had ended")
    # A socket can close before the command has ended.
    return Measured(command_ms=round((done - asked) * 1000), closed_after_ms=max(0, round((at - done) * 1000)))
