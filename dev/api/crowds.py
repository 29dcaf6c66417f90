"""Strangers and holders who try to use the built console up, while a client with a key goes on trading at the gateway.

As `strangers.py`, whose client, figures and arguments these are. What the console answers is not judged here; its own tests
say who must still get in.
"""

import asyncio
import base64
import functools
import http.client
import itertools
import json
import re
import struct
import urllib.parse
import zlib

from factors import Authenticator
from strangers import again, answered, connect, place, under_attack

TRADER, BROKER = "trader", "broker"


async def ask(address, source, method, path, body, headers=()):
    """One request on a connection of its own; its answer is counted."""
    reader, writer = await connect(address, source)
    lines = [f"{method} {path} HTTP/1.1", f"Host: localhost:{address[1]}", "Connection: close", f"Content-Length: {len(body)}", *headers]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    try:
        head = await reader.readline()
        while await reader.read(1 << 16):
            pass
        answered[head.split()[1].decode() if head else "closed"] += 1
    finally:
        writer.close()


def posts(address, many, path, body, subnet, headers=("Content-Type: application/json",)):
    """The same operation again and again, with a new body each time, from 64 sources."""
    counter = itertools.count()

    async def one(number):
        await ask(address, f"127.0.{subnet}.{number % 64}", "POST", path, body(next(counter)), headers)
    return again(many, one)


def text(value):
    return json.dumps(value).encode()


def registrations(address):
    """Everybody registers, with passwords to hash."""
    return posts(address, 64, "/api/v1/registrations",
                 lambda number: text({"email": f"crowd{number}@keyward.example", "password": f"a long password {number}"}), 20)


def wrong_passwords(address, person):
    """Guesses at one account."""
    return posts(address, 64, "/api/v1/session", lambda number: text({"email": person["email"], "password": f"wrong one {number}"}), 21)


def right_passwords(address, person):
    """Somebody knows a password and has no second factor."""
    return posts(address, 64, "/api/v1/session", lambda number: text({"email": person["email"], "password": person["password"]}), 22)


def resets(address, person):
    """Everybody asks for resets of one address."""
    return posts(address, 64, "/api/v1/recoveries", lambda number: text({"email": person["email"]}), 23)


def unfinished(address):
    """Bodies that never end, on more connections than the console has places for."""
    async def one(number):
        reader, writer = await connect(address, f"127.0.24.{number % 16}")
        writer.write(b"POST /api/v1/session HTTP/1.1\r\nHost: k\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{")
        while not reader.at_eof() and not writer.transport.is_closing():
            await asyncio.sleep(0.5)
            writer.write(b" ")
            await writer.drain()
    return again(1_200, one)


class Browser:
    """Somebody who is signed in, with cookies and the token of forms."""

    def __init__(self, address, person):
        self.address, self.cookies = address, {}
        self.post("/sign-in", email=person["email"], password=person["password"])
        self.post("/sign-in/factor", code=Authenticator(person["totp_secret"]).code())
        self.csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', self.send("GET", "/security").decode()).group(1)

    def headers(self):
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), "Sec-Fetch-Site": "same-origin",
                "Content-Type": "application/x-www-form-urlencoded"}

    def send(self, method, path, body=None):
        link = http.client.HTTPConnection(*self.address, timeout=30)
        link.request(method, path, body, {**self.headers(), "Host": f"localhost:{self.address[1]}"})
        answer = link.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.split(";")[0]
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status}")
        return answer.read()

    def post(self, path, **fields):
        return self.send("POST", path, urllib.parse.urlencode(fields))


def downloads(address, browser, key):
    """One account has its credentials sealed under words, a hundred times at once: 64 MiB and a core each."""
    fields = {"csrf": browser.csrf, "api_key": key["api_key"], "secret": key["secret"], "passphrase": key["passphrase"], "format": "age",
              "words": "violet otter juggles ninety maps"}
    body, headers = urllib.parse.urlencode(fields).encode(), [f"{name}: {value}" for name, value in browser.headers().items()]
    return posts(address, 100, "/keys/download", lambda _: body, 25, headers)


def picture(side):
    """A PNG of one colour: small as a file, large as pixels."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = zlib.compress((b"\0" + b"\x40" * (4 * side)) * side, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def pictures(address, browser):
    """Logos of the largest size, sixteen at once, in the form that is looked at before it is confirmed."""
    fields = [("csrf", browser.csrf), ("name", "Crowd Pal"), ("home_page", "https://crowd.example"), ("contact", "a@crowd.example"),
              ("permission", "read"), ("logo", base64.b64encode(picture(1_024)).decode())]
    body, headers = urllib.parse.urlencode(fields).encode(), [f"{name}: {value}" for name, value in browser.headers().items()]
    return posts(address, 16, "/apps/new", lambda _: body, 26, headers)


def exports(address, browser, key):
    """One account exports a key's requests again and again."""
    headers = [f"{name}: {value}" for name, value in browser.headers().items()]

    async def one(number):
        await ask(address, f"127.0.27.{number % 64}", "GET", f"/keys/{key['api_key']}/activity/export", b"", headers)
    return again(64, one)


def attacks(credentials):
    host, port = "127.0.0.1", place(credentials["console_url"])[1]
    address, people = (host, port), credentials["people"]
    trader, broker = people[TRADER], people[BROKER]
    first, second = Browser(address, trader), Browser(address, broker)
    made = {"registrations": registrations, "bodies that never end": unfinished}
    made = {name: functools.partial(make, address) for name, make in made.items()}
    return {**made, "wrong passwords": functools.partial(wrong_passwords, address, trader),
            "right passwords without a factor": functools.partial(right_passwords, address, trader),
            "resets of one address": functools.partial(resets, address, trader),
            "sealed downloads": functools.partial(downloads, address, first, credentials["keys"]["trade"]),
            "pictures": functools.partial(pictures, address, second), "exports": functools.partial(exports, address, first, credentials["keys"]["trade"])}


if __name__ == "__main__":
    under_attack(attacks, 3.0)
