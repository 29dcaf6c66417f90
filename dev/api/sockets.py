"""A socket to the gateway by OKX's rules, as much of one as our checks need: it logs in, subscribes, sees its end."""

import base64
import hashlib
import hmac
import json
import os
import socket
import ssl
import struct
import time
import urllib.parse

from client import Broken

TEXT, CLOSE = 1, 8
# Certificates of our checks are made for one run.
UNVERIFIED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
UNVERIFIED.check_hostname = False
UNVERIFIED.verify_mode = ssl.CERT_NONE


class Refused(Broken):
    """A socket or a request that was refused: with OKX's code, or with the status of an upgrade."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Socket:
    """Open, and logged in if there is a key. Without a path in the URL it is a private one."""

    def __init__(self, url, key=None, source="127.0.0.1", headers=()):
        place = urllib.parse.urlsplit(url)
        self.stream = socket.create_connection((place.hostname, place.port), 20, (source, 0))
        if place.scheme == "https":
            self.stream = UNVERIFIED.wrap_socket(self.stream, server_hostname=place.hostname)
        self.coming = self.stream.makefile("rb")
        target = (place.path or "/ws/v5/private") + (f"?{place.query}" if place.query else "")
        self.upgrade(target, place.netloc, headers)
        if key:
            self.log_in(key)

    def upgrade(self, target, host, headers):
        nonce = base64.b64encode(os.urandom(16)).decode()
        lines = (f"GET {target} HTTP/1.1", f"Host: {host}", "Connection: Upgrade", "Upgrade: websocket",
                 "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {nonce}", *headers, "", "")
        self.stream.sendall("\r\n".join(lines).encode())
        status = self.coming.readline().decode()
        if " 101 " not in status:
            raise Refused(status.split(" ")[1] if " " in status else "", f"no socket: {status!r}")
        while self.coming.readline().strip():
            pass

    def log_in(self, key):
        stamp = str(int(time.time()))
        mac = hmac.new(key["secret"].encode(), f"{stamp}GET/users/self/verify".encode(), hashlib.sha256).digest()
        login = {"apiKey": key["api_key"], "passphrase": key["passphrase"], "timestamp": stamp,
                 "sign": base64.b64encode(mac).decode()}
        self.ask({"op": "login", "args": [login]}, "login")

    def subscribe(self, **arg):
        self.ask({"op": "subscribe", "args": [arg]}, "subscribe")

    def ask(self, request, event):
        """Sends a request, and waits for its event."""
        self.send(json.dumps(request).encode())
        told = self.wait_for(lambda told: told.get("event") in (event, "error"))
        if told["event"] != event:
            raise Refused(told["code"], f"{event} is refused: {told}")

    def wait_for(self, holds):
        """The next text of which this holds; others are passed over."""
        while (told := self.text()) is not None:
            if holds(told):
                return told
        raise Broken("closed before the answer")

    def send(self, body):
        """One text frame, masked as a client's must be (RFC 6455, 5.3)."""
        mask = os.urandom(4)
        length = bytes([0x80 | len(body)]) if len(body) < 126 else bytes([0xFE]) + struct.pack("!H", len(body))
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(body))
        self.stream.sendall(bytes([0x80 | TEXT]) + length + mask + masked)

    def frame(self):
        """The kind and the body of the next frame; a connection that ends without a close frame is closed too."""
        head = self.coming.read(2)
        if len(head) < 2:
            return CLOSE, b""
        length = head[1] & 0x7F
        if length > 125:
            length = int.from_bytes(self.coming.read(2 if length == 126 else 8), "big")
        return head[0] & 0x0F, self.coming.read(length)

    def text(self):
        """The next text as JSON; none once the socket is closed."""
        while True:
            kind, body = self.frame()
            if kind == TEXT:
                return json.loads(body)
            if kind == CLOSE:
                self.close()
                return None

    def close(self):
        self.coming.close()
        self.stream.close()

    def ends(self):
        """Whether the gateway closes it, within the timeout of the connection."""
        try:
            while self.text() is not None:
                pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True
