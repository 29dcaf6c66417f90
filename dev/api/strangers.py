"""Strangers who try to use the built gateway up, while a client with a key goes on trading.

Each attack runs for some seconds (an argument; 6 unless given) from loopback addresses of its own, against a sandbox that
was started with 2,048 descriptors. In that time the client's requests must all be answered with 0. Prints, for each attack,
memory, descriptors, connections to the exchange, CPU, and the client's p50 and p99 before and during it.
"""

import asyncio
import base64
import collections
import datetime
import functools
import hashlib
import hmac
import itertools
import json
import os
import resource
import ssl
import struct
import subprocess
import sys
import threading
import time

from program import Sandbox

DESCRIPTORS = 2_048
# The budget of bodies and replies is 256 MiB; what the program needs without strangers comes to it.
MEMORY_KIB = 384 << 10
PUBLIC = ["/api/v5/public/instruments", "/api/v5/public/open-interest", "/api/v5/public/funding-rate", "/api/v5/public/mark-price",
          "/api/v5/public/price-limit", "/api/v5/public/time", "/api/v5/market/ticker", "/api/v5/market/tickers",
          "/api/v5/market/books", "/api/v5/market/candles", "/api/v5/market/trades", "/api/v5/market/index-tickers"]
PUBLIC_POST = "/api/v5/tradingBot/grid/min-investment"
LONG = b"x" * (200 << 10)


# What an attack was answered, in its process: an attack that is turned away as malformed would show nothing.
answered = collections.Counter()
MISSED = {"400", "403", "404", "405", "415"}


class Exchange:
    """Answers everything; what is public at length."""

    def __init__(self):
        self.open = self.most = 0
        self.ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.run()), daemon=True).start()
        self.ready.wait(10)

    async def run(self):
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=4_096)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self.ready.set()
        await server.serve_forever()

    async def serve(self, reader, writer):
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
                if length:
                    await reader.readexactly(length)
                public = b"/public/" in head or b"/market/" in head
                body = b'{"code":"0","data":[],"msg":"' + (LONG if public else b"") + b'"}'
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()


class Client(threading.Thread):
    """Trades over one connection after the other: an order and a look at the open ones, again and again."""

    def __init__(self, address, key):
        super().__init__(daemon=True)
        self.address, self.key = address, key
        self.taken, self.refused, self.over = [], [], threading.Event()

    def signed(self, number):
        method, target, body = (("GET", "/api/v5/trade/orders-pending", ""), ("POST", "/api/v5/trade/order", json.dumps(
            {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit", "px": "1", "sz": "1",
             "clOrdId": f"c{number}"})))[number % 2]
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp = now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"
        mac = hmac.new(self.key["secret"].encode(), f"{stamp}{method}{target}{body}".encode(), hashlib.sha256).digest()
        return (f"{method} {target} HTTP/1.1\r\nHost: keyward\r\nOK-ACCESS-KEY: {self.key['api_key']}\r\n"
                f"OK-ACCESS-SIGN: {base64.b64encode(mac).decode()}\r\nOK-ACCESS-TIMESTAMP: {stamp}\r\n"
                f"OK-ACCESS-PASSPHRASE: {self.key['passphrase']}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}").encode()

    async def trade(self):
        writer = None
        for number in itertools.count():
            if self.over.is_set():
                return
            # A connection of its own for every tenth request: whoever comes anew must get in too.
            if writer is None or number % 10 == 0:
                if writer:
                    writer.close()
                reader, writer = await asyncio.open_connection(*self.address)
            began = time.perf_counter()
            try:
                writer.write(self.signed(number))
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                answer = json.loads(await asyncio.wait_for(reader.readexactly(length), 20))["code"]
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as problem:
                answer, writer = repr(problem), None
            self.taken.append(time.perf_counter() - began)
            if answer != "0":
                self.refused.append(answer)
            await asyncio.sleep(0.02)

    def run(self):
        asyncio.run(self.trade())


def percentile(taken, part):
    return round(1_000 * sorted(taken)[int(len(taken) * part)], 2) if taken else None


async def connect(address, source):
    return await asyncio.open_connection(*address, local_addr=(source, 0))


async def again(many, make):
    """Keeps `many` of something up: what is closed is made anew."""
    async def keep(number):
        while True:
            try:
                await make(number)
            except (OSError, asyncio.IncompleteReadError):
                pass
            await asyncio.sleep(0.05)
    await asyncio.gather(*(keep(number) for number in range(many)))


def bodies(address):
    """350 connections that hold bodies back, on public and on private routes."""
    async def one(number):
        reader, writer = await connect(address, f"127.0.1.{number % 4}")
        path = [PUBLIC_POST, "/api/v5/trade/order", PUBLIC[0]][number % 3]
        method = "GET" if number % 3 == 2 else "POST"
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: k\r\nContent-Length: 1000000\r\n\r\n".encode() + b"x" * 900_000)
        await reader.read(1 << 16)
        writer.close()
    return again(350, one)


def unread(address):
    """Connections that ask for long answers, one behind the other, and read none."""
    async def one(number):
        reader, writer = await connect(address, f"127.0.2.{number % 4}")
        reader.feed_data = lambda data: None
        writer.transport.pause_reading()
        for path in itertools.islice(itertools.cycle(PUBLIC), number, number + 60):
            writer.write(f"GET {path} HTTP/1.1\r\nHost: k\r\n\r\n".encode())
        while not writer.transport.is_closing():
            await asyncio.sleep(0.5)
            writer.write(b"GET /api/v5/public/time HTTP/1.1\r\nHost: k\r\n\r\n")
    return again(200, one)


def literal(name, value):
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def windows(size):
    """HTTP/2 connections with a window of `size` bytes, a hundred streams each, and pings."""
    def attack(address):
        async def one(number):
            reader, writer = await connect(address, f"127.0.{3 + size}.{number % 4}")
            settings = frame(4, 0, 0, struct.pack(">HI", 4, size))
            writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + frame(4, 1, 0))
            for at in range(100):
                path = PUBLIC[(number + at) % len(PUBLIC)].encode()
                block = (literal(b":method", b"GET") + literal(b":scheme", b"http") + literal(b":path", path)
                         + literal(b":authority", b"keyward"))
                writer.write(frame(1, 5, 2 * at + 1, block))
            while True:
                if not await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(reader.read(1 << 16))), 30):
                    return
                writer.write(frame(6, 0, 0, b"12345678"))
                await asyncio.sleep(0.2)
        return again(100, one)
    return attack


def idle(address):
    """Connections that say nothing, or ping for ever, from many sources: more than there is room for."""
    async def one(number):
        reader, writer = await connect(address, f"127.0.6.{number % 16}")
        if number % 2:
            writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + frame(4, 1, 0))
        while not writer.transport.is_closing() and not reader.at_eof():
            await asyncio.sleep(1)
            if number % 2:
                writer.write(frame(6, 0, 0, b"12345678"))
    return again(1_200, one)


def letters(address):
    """Connections that say a single `P`, which may be the beginning of either protocol."""
    async def one(number):
        reader, writer = await connect(address, f"127.0.7.{number % 4}")
        writer.write(b"P")
        await reader.read(1 << 16)
    return again(300, one)


def guesses(address, key):
    """Bad signatures for a key that exists."""
    async def one(number):
        reader, writer = await connect(address, f"127.0.8.{number % 4}")
        while True:
            now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            writer.write((f"GET /api/v5/account/balance HTTP/1.1\r\nHost: k\r\nOK-ACCESS-KEY: {key['api_key']}\r\nOK-ACCESS-SIGN: {'A' * 43}=\r\n"
                          f"OK-ACCESS-TIMESTAMP: {now}\r\nOK-ACCESS-PASSPHRASE: {key['passphrase']}\r\n\r\n").encode())
            if not await reader.read(1 << 16):
                return
    return again(50, one)


ATTACKS = {"bodies held back": bodies, "answers not read, HTTP/1.1": unread, "answers not read, window 0": windows(0),
           "answers not read, window 1": windows(1), "idle connections and pings": idle, "a lone P": letters}


def figures(pid):
    status = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status"))
    times = open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1].split()
    return {"kib": int(status["VmRSS"].split()[0]), "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
            "cpu_s": (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")}


def attack(name, make, seconds):
    """Runs an attack in a process of its own, so that it does not slow down the client that is measured."""
    child = os.fork()
    if child == 0:
        # Attackers have machines of their own: here they must not take the processor from the client that is measured.
        os.nice(10)
        try:
            asyncio.run(asyncio.wait_for(make(), seconds))
        except (asyncio.TimeoutError, TimeoutError):
            pass
        except BaseException as problem:
            print("the attack broke:", repr(problem), file=sys.stderr, flush=True)
            os._exit(1)
        if answered:
            print(json.dumps({"attack": name, "answered": answered}), flush=True)
        os._exit(1 if MISSED & answered.keys() else 0)
    return child


def measure(client, pid, seconds, exchange):
    """What one stretch of time cost, and how the client fared in it."""
    first, refused, before, began = len(client.taken), len(client.refused), figures(pid), time.monotonic()
    most, exchange.most = dict(before), exchange.open
    while time.monotonic() < began + seconds:
        time.sleep(0.2)
        now = figures(pid)
        most = {one: max(most[one], now[one]) for one in most}
    taken = client.taken[first:]
    return {"requests": len(taken), "refused": client.refused[refused:][:5], "refused_count": len(client.refused) - refused,
            "p50_ms": percentile(taken, 0.5), "p99_ms": percentile(taken, 0.99), "memory_mib": round(most["kib"] / 1024, 1),
            "descriptors": most["descriptors"], "exchange_connections": exchange.most,
            "cpu_percent": round(100 * (figures(pid)["cpu_s"] - before["cpu_s"]) / seconds, 1)}


def under_attack(attacks, usual=6.0):
    """Runs each of the attacks that `attacks` makes of a sandbox, by name; ends the program if a client was refused."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else usual
    only = sys.argv[2] if len(sys.argv) > 2 else ""
    exchange = Exchange()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    # The program gets few descriptors; this one needs many.
    os.environ["KEYWARD_BIN"] = limited(os.environ["KEYWARD_BIN"])
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    bad = []
    with Sandbox("--upstream", exchange.url) as sandbox:
        client = Client(place(sandbox.credentials["gateway_url"]), sandbox.credentials["keys"]["trade"])
        client.start()
        for name, make in attacks(sandbox.credentials).items():
            if only not in name:
                continue
            quiet = measure(client, sandbox.child.pid, max(3.0, seconds / 4), exchange)
            child = attack(name, make, seconds)
            under = measure(client, sandbox.child.pid, seconds, exchange)
            broke = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
            ok = not broke and under["refused_count"] == 0 and under["requests"] > 10 and under["memory_mib"] * 1024 < MEMORY_KIB
            print(json.dumps({"attack": name, "ok": ok, "quiet": {one: quiet[one] for one in ("p50_ms", "p99_ms", "memory_mib", "cpu_percent")},
                              "under": under}), flush=True)
            bad += [] if ok else [name]
        client.over.set()
        client.join(30)
    if bad:
        raise SystemExit(f"failed: {', '.join(bad)}")


def place(url):
    host, port = url.removeprefix("http://").split(":")
    return host, int(port)


def attacks(credentials):
    """Those on the gateway."""
    address, key = place(credentials["gateway_url"]), credentials["keys"]["trade"]
    all_of_them = {name: functools.partial(make, address) for name, make in ATTACKS.items()}
    return {**all_of_them, "guesses": functools.partial(guesses, address, key)}


def limited(program):
    """A script that starts the program with few descriptors, as a service manager would."""
    import tempfile
    file = tempfile.NamedTemporaryFile("w", suffix=".sh", delete=False)
    file.write(f"#!/bin/sh\nulimit -n {DESCRIPTORS}\nexec {program} \"$@\"\n")
    file.close()
    os.chmod(file.name, 0o700)
    return file.name


if __name__ == "__main__":
    under_attack(attacks)
