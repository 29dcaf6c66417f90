"""An exchange's end of sockets by docs/IDENTITY.md: it acts on nothing that its verifier refuses.

Also somebody who reaches it without the gateway, with what was seen on the way.
"""

import json
import threading
import time

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.server import serve

# Closes a socket whose peer is not the gateway (RFC 6455, 7.4.1).
POLICY = 1008
LOGIN = {"op": "login"}


class SocketExchange:
    """Listens on a free port. `upgrades` and `frames` keep what was accepted, as the verifier was asked."""

    def __init__(self, verifier):
        self.verifier, self.key, self.clock = verifier, None, lambda: int(time.time() * 1000)
        self.upgrades, self.frames = [], []
        self.server = serve(self.converse, "127.0.0.1", 0, process_request=self.upgrade, compression=None)
        self.place = f"127.0.0.1:{self.server.socket.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()

    def upgrade(self, connection, request):
        asked = (list(request.headers.raw_items()), "GET", request.path.encode(), b"", self.clock())
        told = self.verifier.verify(1, self.key, *asked)
        if told is None:
            return connection.respond(403, "this does not come from the gateway\n")
        self.upgrades.append(asked)
        connection.caller, connection.environment = caller(told), told["keyward-environment"]
        return None

    def converse(self, connection):
        for frame in connection:
            answers = self.act(connection, frame)
            if answers is None:
                connection.close(POLICY, "the identity does not verify")
                return
            for answer in answers:
                connection.send(json.dumps(answer))

    def act(self, connection, frame):
        """The answers to a frame; none for one that must end the socket."""
        asked = (frame, connection.request.path.encode(), self.clock())
        verified = self.verifier.verify_frame(1, self.key, *asked) if isinstance(frame, str) else None
        if verified is None or verified[0]["keyward-environment"] != connection.environment:
            return None
        told, request = verified[0], json.loads(verified[1])
        logs_in = request == LOGIN and connection.caller is None and caller(told) is not None
        if not logs_in and (request == LOGIN or caller(told) not in (None, connection.caller)):
            return None
        if logs_in:
            connection.caller = caller(told)
        self.frames.append(asked)
        return [] if logs_in else answers_to(request)


def caller(told):
    """Whose a frame or a socket is; nothing for nobody's."""
    names = ("keyward-account", "keyward-sub-account", "keyward-key")
    return tuple(told.get(name) for name in names) if "keyward-account" in told else None


def answers_to(request):
    if request["op"] == "subscribe":
        pairs = (({"event": "subscribe", "arg": arg, "connId": "00000001"}, {"arg": arg, "data": [{}]}) for arg in request["args"])
        return [answer for pair in pairs for answer in pair]
    orders = [{"ordId": "1", "sCode": "0", "sMsg": ""} for _ in request["args"]]
    return [{"id": request["id"], "op": request["op"], "code": "0", "msg": "", "data": orders, "inTime": "1", "outTime": "2"}]


def bypass(exchange, headers, target, frame):
    """How it ends for somebody who asks the exchange itself: the status of the upgrade, a close code, or the answers."""
    answers = []
    try:
        with connect(f"ws://{exchange.place}{target}", additional_headers=headers, compression=None, proxy=None) as socket:
            socket.send(frame)
            while not any("op" in answer for answer in answers):
                answers.append(json.loads(socket.recv(20)))
    except InvalidStatus as refused:
        return refused.response.status_code
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else "closed"
    return answers
