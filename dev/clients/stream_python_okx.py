"""The official SDK over sockets, with TLS, as it takes no others. Environment: that of streaming.py; a private CA in
SSL_CERT_FILE."""
import asyncio
import contextlib
import logging
import sys
import time
import uuid
import warnings

warnings.simplefilter("ignore")
from okx.Account import AccountAPI
from okx.MarketData import MarketAPI
from okx.PublicData import PublicAPI
from okx.Trade import TradeAPI
from okx.websocket.WsPrivateAsync import WsPrivateAsync
from okx.websocket.WsPublicAsync import WsPublicAsync
from websockets.exceptions import ConnectionClosedError

from report import equal, holds
from streaming import BASE, KEYS, SCHEME, AsyncSteps, Book, Told, address, disable, own_key, room, until

BTC = "BTC-USDT"
# The SDK logs each closed socket, and many are closed on purpose here.
logging.getLogger("okx.websocket").setLevel(logging.CRITICAL)
steps = AsyncSteps("python-okx")


def rest_api(api, name="trade", flag="0"):
    key = KEYS[name]
    return api(api_key=key["api_key"], api_secret_key=key["secret"], passphrase=key["passphrase"], flag=flag,
               domain=BASE)


class Open:
    """An open socket of the SDK: what it was told, and how it ended."""

    def __init__(self, socket, task):
        self.socket, self.task, self.told = socket, task, Told()
        self.ended = []
        socket.callback = self.told
        task.add_done_callback(self._end)

    def _end(self, task):
        problem = None if task.cancelled() else task.exception()
        if isinstance(problem, ConnectionClosedError):
            self.ended.append((problem.rcvd and problem.rcvd.code, time.monotonic()))

    async def login(self):
        await self.socket.login()
        equal((await self.told.event("login"))["code"], "0", "code of the login")

    async def subscribe(self, *channels):
        """As `subscribe` does, without its five seconds between login and subscription."""
        await self.socket.send("subscribe", list(channels))
        for channel in channels:
            await self.told.event("subscribe", channel["channel"])

    async def close_code(self):
        return (await until(lambda: self.ended, "the socket stays open"))[0][0]


@contextlib.asynccontextmanager
async def opened(socket):
    await room()
    task = await socket.start()
    try:
        holds(socket.websocket is not None, f"the SDK could not open {socket.url}")
        yield Open(socket, task)
    finally:
        await socket.stop()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def public(endpoint="public", key=None):
    key = key or {"api_key": "", "passphrase": "", "secret": ""}
    return opened(WsPublicAsync(address(endpoint), key["api_key"], key["passphrase"], key["secret"]))


def private(key):
    return opened(WsPrivateAsync(key["api_key"], key["passphrase"], key["secret"], address("private")))


def data(reply):
    equal(reply["code"], "0", f"code (with {reply['msg']!r})")
    return reply["data"]


def one(reply):
    """The single element of an order's reply, which has a code of its own."""
    (element,) = data(reply)
    equal(element["sCode"], "0", f"sCode (with {element['sMsg']!r})")
    return element


def order(order_id):
    (row,) = data(trade.get_order(BTC, ordId=order_id))
    return row


async def instruments():
    found = {row["instId"]: row["instIdCode"] for row in data(rest_api(PublicAPI).get_instruments(instType="SPOT"))}
    holds(isinstance(found.get(BTC), int), f"{BTC} has no code among {found}")
    return found[BTC]


async def ticker():
    async with public() as stream:
        await stream.socket.subscribe([{"channel": "tickers", "instId": BTC}], stream.told)
        row = await stream.told.data("tickers")
        (rest,) = data(rest_api(MarketAPI).get_ticker(BTC))
        for field in ("instId", "last", "bidPx", "askPx"):
            equal(row[field], rest[field], field)
        await stream.told.data("tickers", lambda later: int(later["ts"]) > int(row["ts"]))
        await stream.socket.unsubscribe([{"channel": "tickers", "instId": BTC}], stream.told)
        await stream.told.event("unsubscribe", "tickers")


async def order_book():
    book = Book()
    async with public() as stream:
        await stream.subscribe({"channel": "books", "instId": BTC})
        await until(lambda: len(stream.told.of("books")) >= 3, "a book and two updates of it")
    for message in stream.told.of("books"):
        book.take(message)
    holds(book.updates >= 2, "no updates")


async def heartbeat():
    # The SDK lives by pings of the protocol: it never sends the text `ping`.
    async with public() as stream:
        pong = await stream.socket.websocket.ping()
        await asyncio.wait_for(pong, 2)


async def business():
    # A public channel first, and then the login on the same socket.
    async with public("business", KEYS["trade"]) as stream:
        await stream.subscribe({"channel": "candle1m", "instId": BTC})
        await stream.told.data("candle1m")
        await stream.login()
        await stream.subscribe({"channel": "orders-algo", "instType": "SPOT"})
        await stream.socket.send("order", [limit("30000")], id="elsewhere")
        equal((await stream.told.answer("elsewhere"))["code"], "60028", "code of an operation at the wrong path")


def limit(price, size="0.001"):
    return {"instIdCode": code, "tdMode": "cash", "side": "buy", "ordType": "limit", "px": price, "sz": size}


async def pushed_from_rest():
    # The SDK's own `subscribe`: login, five seconds, subscription.
    async with private(KEYS["trade"]) as stream:
        await stream.socket.subscribe([{"channel": "orders", "instType": "ANY"}, {"channel": "account"}], stream.told)
        await stream.told.event("subscribe", "orders")
        account = await stream.told.data("account")
        (rest,) = data(rest_api(AccountAPI).get_account_balance())
        equal(*({row["ccy"]: row["eq"] for row in each["details"]} for each in (account, rest)), "the balances")
        made = one(trade.place_order(BTC, "cash", "buy", "limit", "0.001", px="30000"))["ordId"]
        row = await pushed(stream, made, "live")
        equal((row["instId"], row["px"], row["sz"]), (BTC, "30000", "0.001"), "instrument, price and size")
        one(trade.cancel_order(BTC, ordId=made))
        await pushed(stream, made, "canceled")


async def pushed(stream, order_id, state, **wanted):
    """Waits until the stream says this of the order, and asks by REST for the same."""
    wanted = {"state": state, **wanted}
    row = await stream.told.data("orders", lambda one: one["ordId"] == order_id and wanted.items() <= one.items())
    found = order(order_id)
    equal({name: found[name] for name in wanted}, wanted, "the order by REST")
    return row


async def operations():
    async with private(KEYS["trade"]) as stream:
        await stream.login()
        await stream.subscribe({"channel": "orders", "instType": "SPOT", "instId": BTC})
        await stream.socket.place_order([limit("30000")], id="place1")
        made = one(await stream.told.answer("place1"))["ordId"]
        await pushed(stream, made, "live", px="30000", sz="0.001")
        named = {"instId": BTC, "ordId": made}
        await stream.socket.amend_order([{**named, "newPx": "31000", "newSz": "0.002"}], id="amend1")
        equal(one(await stream.told.answer("amend1"))["ordId"], made, "the amended order")
        await pushed(stream, made, "live", px="31000", sz="0.002")
        await stream.socket.cancel_order([named], id="cancel1")
        equal(one(await stream.told.answer("cancel1"))["ordId"], made, "the cancelled order")
        await pushed(stream, made, "canceled")


async def batch():
    async with private(KEYS["trade"]) as stream:
        await stream.login()
        await stream.subscribe({"channel": "orders", "instType": "ANY"})
        await stream.socket.batch_orders([limit("20000"), limit("21000")], id="batch1")
        made = [row["ordId"] for row in data(await stream.told.answer("batch1"))]
        equal(len(made), 2, "orders of the batch")
        named = [{"instId": BTC, "ordId": order_id} for order_id in made]
        await stream.socket.batch_amend_orders([{**one_of, "newSz": "0.002"} for one_of in named], id="batch2")
        equal([row["sCode"] for row in data(await stream.told.answer("batch2"))], ["0", "0"], "codes of the change")
        for order_id in made:
            await pushed(stream, order_id, "live", sz="0.002")
        await stream.socket.batch_cancel_orders(named, id="batch3")
        equal([row["sCode"] for row in data(await stream.told.answer("batch3"))], ["0", "0"], "codes of the end")
        for order_id in made:
            await pushed(stream, order_id, "canceled")


async def demo():
    # The SDK does not say on a socket that it trades on demo: the key decides.
    async with private(KEYS["demo"]) as stream:
        await stream.login()
        await stream.socket.place_order([limit("30000")], id="demo1")
        made = one(await stream.told.answer("demo1"))["ordId"]
        (row,) = data(rest_api(TradeAPI, "demo", flag="1").get_order(BTC, ordId=made))
        equal(row["state"], "live", "state of the demo order")
        equal(trade.get_order(BTC, ordId=made)["code"], "51603", "code of the demo order on the live ledger")
        await stream.socket.cancel_order([{"instId": BTC, "ordId": made}], id="demo2")
        one(await stream.told.answer("demo2"))


async def refused_login(key, wanted, reason=""):
    async with private(key) as stream:
        await stream.socket.login()
        said = await stream.told.event("error")
        equal(said["code"], wanted, "code of the login")
        holds(reason in said["msg"], f"the text is {said['msg']!r}")
        equal(await stream.close_code(), 4001, "close code")


async def read_only():
    async with private(KEYS["read"]) as stream:
        await stream.login()
        await stream.subscribe({"channel": "account"})
        await stream.socket.place_order([limit("30000")], id="denied1")
        said = await stream.told.answer("denied1")
        equal((said["op"], said["code"], said["data"]), ("order", "50120", []), "op, code and data")


async def before_login():
    async with private(KEYS["trade"]) as stream:
        await stream.socket.send("subscribe", [{"channel": "account"}], id="early1")
        equal((await stream.told.answer("early1"))["code"], "60011", "code of the subscription")
        await stream.socket.place_order([limit("30000")], id="early2")
        equal((await stream.told.answer("early2"))["code"], "60011", "code of the order")
        # The socket still takes a login, and only one.
        await stream.login()
        await stream.socket.login()
        said = await stream.told.first("the refusal of a second login", lambda one: one.get("code") == "60031")
        equal(said["event"], "error", "event")


async def unknown_channel():
    async with public() as stream:
        await stream.socket.send("subscribe", [{"channel": "no-such-channel", "instId": BTC}], id="unknown1")
        equal((await stream.told.answer("unknown1"))["code"], "60018", "code of the subscription")
        # A channel of another path is as unknown here.
        await stream.socket.send("subscribe", [{"channel": "candle1m", "instId": BTC}], id="unknown2")
        equal((await stream.told.answer("unknown2"))["code"], "60018", "code of a channel of another path")
        await stream.socket.send("no-such-op", [], id="unknown3")
        equal((await stream.told.answer("unknown3"))["code"], "60019", "code of an unknown op")


async def revoked():
    async with own_key(f"python-okx over {SCHEME}") as key:
        async with private(key) as stream, private(KEYS["trade"]) as kept:
            for each in (stream, kept):
                await each.login()
                await each.subscribe({"channel": "orders", "instType": "ANY"})
            measured = await disable(key, lambda: stream.ended)
            # The same account's other key has kept its socket.
            await kept.socket.place_order([limit("30000")], id="kept1")
            made = one(await kept.told.answer("kept1"))["ordId"]
            await pushed(kept, made, "live")
            await kept.socket.cancel_order([{"instId": BTC, "ordId": made}], id="kept2")
            await pushed(kept, made, "canceled")
            equal(kept.ended, [], "sockets of another key that ended")
        await refused_login(key, "60009", "50114")
    return measured


trade = rest_api(TradeAPI)
stranger = {"api_key": str(uuid.uuid4()), "secret": "no", "passphrase": "no"}
code = steps.run("instruments", instruments)
steps.run("ticker", ticker)
steps.run("order_book", order_book)
steps.run("heartbeat", heartbeat)
steps.run("business", business)
steps.run("pushed_from_rest", pushed_from_rest)
steps.run("operations", operations)
steps.run("batch", batch)
steps.run("demo", demo)
steps.run("wrong_secret", lambda: refused_login({**KEYS["trade"], "secret": "no"}, "60007"))
steps.run("wrong_passphrase", lambda: refused_login({**KEYS["trade"], "passphrase": "Wrong-Pass1!"}, "60024"))
steps.run("unknown_key", lambda: refused_login(stranger, "60005"))
steps.run("read_only", read_only)
steps.run("before_login", before_login)
steps.run("unknown_channel", unknown_channel)
steps.run("revoked", revoked)
steps.end()
sys.exit(steps.failed)
