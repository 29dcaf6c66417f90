"""ccxt.pro over sockets: prices, balances, orders, refusals, an ending. Environment: that of streaming.py; a private CA in
SSL_CERT_FILE."""
import asyncio
import contextlib
import os
import sys
import time
import uuid

import ccxt.pro

from report import equal, holds
from streaming import BASE, KEYS, ROOT, SCHEME, AsyncSteps, Book, Told, disable, own_key, room, until

BTC = "BTC/USDT"
# Keys with right credentials that no socket is given, each with the code of the login and the reason in its text.
REFUSED = {
    "disabled": ("60009", "50114"), "frozen": ("60009", "50100"), "bound_elsewhere": ("60009", "50110"),
    "app_elsewhere": ("60009", "50110"), "deleted": ("60005", ""), "expired": ("60005", ""),
}
steps = AsyncSteps("ccxt.pro")


class Observed(ccxt.pro.okx):
    """ccxt as it is; what its sockets were told and how they closed is kept beside."""

    def __init__(self, config):
        self.told, self.ended = Told(), []
        super().__init__(config)

    def handle_message(self, client, message):
        self.told(message)
        super().handle_message(client, message)

    def on_close(self, client, code):
        self.ended.append((code, time.monotonic()))
        super().on_close(client, code)


def connect(key, demo=False):
    config = {"apiKey": key["api_key"], "secret": key["secret"], "password": key["passphrase"]}
    if "SSL_CERT_FILE" in os.environ:
        config["cafile"] = os.environ["SSL_CERT_FILE"]
    exchange = Observed(config)
    exchange.set_sandbox_mode(demo)
    # After the switch, which replaces the addresses.
    exchange.urls["api"]["rest"], exchange.urls["api"]["ws"] = BASE, ROOT
    return exchange


@contextlib.asynccontextmanager
async def another(key, demo=False):
    """Another client, with one socket of its own."""
    await room()
    exchange = connect(key, demo)
    exchange.set_markets(ex.markets or {}, ex.currencies)
    try:
        yield exchange
    finally:
        await exchange.close()


async def refused(awaitable, code, reason=""):
    """What is awaited is refused with the code, and with the reason in its text."""
    try:
        await awaitable
    except ccxt.BaseError as error:
        holds(f'"code":"{code}"' in str(error) and reason in str(error), f"not {code} {reason}, but {error}")
        return
    raise AssertionError(f"not refused, but {code} was due")


async def load_markets():
    await ex.load_markets()
    holds(isinstance(ex.market(BTC)["instIdCode"], int), "the instrument has no code")


async def ticker():
    await room()
    first, rest = await ex.watch_ticker(BTC), await ex.fetch_ticker(BTC)
    for field in ("last", "bid", "ask"):
        equal(first[field], rest[field], field)
    second = await ex.watch_ticker(BTC)
    holds(second["timestamp"] > first["timestamp"], "the second push is no newer than the first")


async def order_book():
    # This ccxt follows the sequence numbers and leaves the checksum to its user: `Book` recomputes it for each message.
    updates = 0
    while updates < 2:
        await ex.watch_order_book(BTC)
        updates = sum(one["action"] == "update" for one in ex.told.of("books"))
    book = Book()
    for message in ex.told.of("books"):
        book.take(message)
    kept, rest = ex.orderbooks[BTC].limit(), await ex.fetch_order_book(BTC)
    for side in ("bids", "asks"):
        equal([list(level) for level in kept[side]], book.numbers(side), f"the {side} that ccxt keeps")
        equal(rest[side][0][0], book.numbers(side)[0][0], f"the best of the {side} by REST")


async def candles():
    await room()
    (newest, *_) = await ex.watch_ohlcv(BTC, "1m")
    times = [row[0] for row in await ex.fetch_ohlcv(BTC, "1m", limit=3)]
    holds(newest[0] in times, f"the candle of {newest[0]} is not among {times}")


async def balance():
    await room()
    pushed, rest = await ex.watch_balance(), await ex.fetch_balance()
    for currency in ("BTC", "USDT"):
        for part in ("total", "free", "used"):
            equal(pushed[currency][part], rest[currency][part], f"{part} of {currency}")
    holds(pushed["USDT"]["free"] > 0, "no funds to trade with")


async def stated(order_id, **wanted):
    """Waits until the stream says this of the order, and asks by REST for the same."""
    def says(order):
        return order["id"] == order_id and all(order[name] == value for name, value in wanted.items())
    while not any(map(says, ex.orders or [])):
        await ex.watch_orders(BTC)
    order = await ex.fetch_order(order_id, BTC)
    equal({name: order[name] for name in wanted}, wanted, "the order by REST")
    return order_id


async def rest():
    watching = asyncio.ensure_future(ex.watch_orders(BTC))
    await ex.told.event("subscribe", "orders")
    made = await ex.create_order_ws(BTC, "limit", "buy", 0.001, 30000)
    await watching
    return await stated(made["id"], status="open", price=30000.0, amount=0.001)


async def amend():
    await ex.edit_order_ws(resting, BTC, "limit", "buy", 0.002, 31000)
    await stated(resting, status="open", price=31000.0, amount=0.002)


async def cancel():
    await ex.cancel_order_ws(resting, BTC)
    await stated(resting, status="canceled")


async def fill():
    before = ex.balance["BTC"]["free"]
    # ccxt sends a batch of one unless it is told to send an order.
    made = await ex.create_order_ws(BTC, "market", "sell", 0.001, None, {"op": "order"})
    await stated(made["id"], status="closed", filled=0.001)
    traded = sum(trade["amount"] for trade in ex.myTrades or [] if trade["order"] == made["id"])
    equal(round(traded, 8), 0.001, "traded amount on the stream")
    while round(before - ex.balance["BTC"]["free"], 8) != 0.001:
        await ex.watch_balance()


async def batch():
    made = [(await ex.create_order_ws(BTC, "limit", "buy", 0.001, price))["id"] for price in (20000, 21000)]
    for order_id in made:
        await stated(order_id, status="open")
    gone = await ex.cancel_orders_ws(made, BTC)
    equal({order["id"] for order in gone}, set(made), "cancelled orders")
    for order_id in made:
        await stated(order_id, status="canceled")


async def demo():
    # ccxt marks the path of a demo socket with `?brokerId=9999`, the public one too.
    async with another(KEYS["demo"], demo=True) as play:
        await room()
        holds((await play.watch_ticker(BTC))["last"] > 0, "no price")
        made = await play.create_order_ws(BTC, "limit", "buy", 0.001, 30000)
        equal((await play.fetch_order(made["id"], BTC))["status"], "open", "status of the demo order")
        # The two ledgers know nothing of each other's orders.
        try:
            await ex.fetch_order(made["id"], BTC)
        except ccxt.OrderNotFound:
            pass
        else:
            raise AssertionError("a demo order is visible on the live ledger")
        # Without the mark the key decides; with it, a live key is refused.
        async with another(KEYS["demo"]) as unmarked:
            await unmarked.cancel_order_ws(made["id"], BTC)
        equal((await play.fetch_order(made["id"], BTC))["status"], "canceled", "status of the demo order")
    await refused_login(KEYS["trade"], "60009", "50101", demo=True)


async def refused_login(key, code, reason="", demo=False):
    async with another(key, demo) as other:
        await refused(other.authenticate(), code, reason)
        equal((await until(lambda: other.ended, "the socket stays open"))[0][0], 4001, "close code")


async def refused_keys():
    for name, (code, reason) in REFUSED.items():
        await refused_login(KEYS[name], code, reason)


async def read_only():
    before = {order["id"] for order in await ex.fetch_open_orders(BTC)}
    async with another(KEYS["read"]) as other:
        holds((await other.watch_balance())["USDT"]["free"] > 0, "a key that reads reads no balance")
        await refused(other.create_order_ws(BTC, "limit", "buy", 0.001, 30000), "50120")
        equal({order["id"] for order in await ex.fetch_open_orders(BTC)}, before, "open orders")


async def trade_only():
    async with another(KEYS["no_read"]) as other:
        made = await other.create_order_ws(BTC, "limit", "buy", 0.001, 30000)
        await other.cancel_order_ws(made["id"], BTC)
        # Comes last: after an error without an id, this ccxt no longer knows that it has logged in.
        await refused(other.watch_balance(), "50120")


async def before_login():
    async with another(KEYS["trade"]) as other:
        # What `watch_balance` does once it has logged in.
        await refused(other.subscribe("private", "account", "account", None), "60011")


async def unknown_channel():
    await refused(ex.watch_ticker(BTC, {"channel": "no-such-channel"}), "60018")
    holds((await ex.watch_ticker(BTC))["last"] > 0, "the socket of a refused subscription gives no more prices")


async def revoked():
    async with own_key(f"ccxt.pro over {SCHEME}") as key:
        async with another(key) as other:
            await other.watch_balance()
            watching = asyncio.ensure_future(other.watch_orders(BTC))
            await other.told.event("subscribe", "orders")
            measured = await disable(key, lambda: other.ended)
            try:
                await watching
            except ccxt.NetworkError as error:
                holds("4007" in str(error), str(error))
            else:
                raise AssertionError("the stream went on")
        await refused_login(key, "60009", "50114")
    # The same account's other key has kept its sockets.
    made = await ex.create_order_ws(BTC, "limit", "buy", 0.001, 30000)
    await ex.cancel_order_ws(made["id"], BTC)
    equal(ex.ended, [], "sockets of another key that ended")
    return measured


ex = connect(KEYS["trade"])
stranger = {"api_key": str(uuid.uuid4()), "secret": "no", "passphrase": "no"}
steps.run("load_markets", load_markets)
steps.run("ticker", ticker)
steps.run("order_book", order_book)
steps.run("candles", candles)
steps.run("balance", balance)
resting = steps.run("order_rests", rest)
steps.run("order_amended", amend)
steps.run("order_cancelled", cancel)
steps.run("order_fills", fill)
steps.run("batch", batch)
steps.run("demo", demo)
steps.run("wrong_secret", lambda: refused_login({**KEYS["trade"], "secret": "no"}, "60007"))
steps.run("wrong_passphrase", lambda: refused_login({**KEYS["trade"], "passphrase": "Wrong-Pass1!"}, "60024"))
steps.run("unknown_key", lambda: refused_login(stranger, "60005"))
steps.run("refused_keys", refused_keys)
steps.run("read_only", read_only)
steps.run("trade_only", trade_only)
steps.run("before_login", before_login)
steps.run("unknown_channel", unknown_channel)
steps.run("revoked", revoked)
steps.run("end", ex.close)
steps.end()
sys.exit(steps.failed)
