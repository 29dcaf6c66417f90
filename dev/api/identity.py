"""The verifiers that others copy (docs/verifiers), as an exchange behind the built gateway, and against the vectors.

What the gateway forwards verifies, requests and frames of sockets; the same with anything changed, left out, added or late
does not. The one in Go judges everything that the one in Python has judged.
"""

import base64
import http.server
import importlib.util
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time
import urllib.request

import gateway
from program import Sandbox
from socket_exchange import SocketExchange, bypass
from sockets import Socket

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIENT = "127.0.0.5"
# Where a client opens its socket, and its order, to the byte.
PRIVATE = "/ws/v5/private?from=a%2Cb"
ORDER = '''{ "id": "7", "op": "order", "args": [
  {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit", "px": "1000", "sz": "0.0001"} ] }'''


def module():
    spec = importlib.util.spec_from_file_location("keyward_identity", ROOT / "docs" / "verifiers" / "keyward_identity.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def step(name, ok, **more):
    print(json.dumps({"step": name, "ok": bool(ok), **more}), flush=True)
    if not ok:
        raise SystemExit(f"failed: {name} {more}")


class Verifier:
    """The one in Python, which keeps what it was asked for the one in Go."""

    def __init__(self):
        self.python, self.asked, self.asked_frames = module(), [], []
        self.read_key = self.python.read_key

    def verify(self, *arguments):
        try:
            told = self.python.verify(*arguments)
        except self.python.Refused:
            told = None
        self.asked.append((arguments, told is not None))
        return told

    def refused(self, *arguments):
        return self.verify(*arguments) is None

    def verify_frame(self, *arguments):
        """The identity and the request of a frame, or nothing."""
        try:
            verified = self.python.verify_frame(*arguments)
        except self.python.Refused:
            verified = None
        self.asked_frames.append((arguments, verified and verified[1]))
        return verified

    def refused_frame(self, *arguments):
        return self.verify_frame(*arguments) is None

    def agrees_with_go(self):
        def text(value):
            return base64.b64encode(value).decode()

        cases = [{"what": f"request {number}", "key_id": one[0], "key": text(one[1]), "headers": one[2], "method": one[3],
                  "target": text(one[4]), "body": text(one[5]), "now_ms": one[6], "verifies": verifies}
                 for number, (one, verifies) in enumerate(self.asked)]
        cases += [{"what": f"frame {number}", "key_id": one[0], "key": text(one[1]), "frame": text(one[2].encode()), "target": text(one[3]),
                   "now_ms": one[4], "body": text((request or "").encode()), "verifies": request is not None}
                  for number, (one, request) in enumerate(self.asked_frames)]
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "cases.json"
            file.write_text(json.dumps(cases))
            # Debian's packages of Go lie in a path of the older kind.
            settings = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": f"{folder}/cache", "GOFLAGS": "",
                        "KEYWARD_IDENTITY_CASES": str(file)}
            run = subprocess.run(["go", "test", "-count=1", "."], cwd=ROOT / "docs" / "verifiers" / "go", text=True,
                                 capture_output=True, env={**os.environ, **settings})
            step("the one in Go says the same", run.returncode == 0, requests=len(self.asked), frames=len(self.asked_frames),
                 verify=sum(one["verifies"] for one in cases), said=(run.stdout + run.stderr)[-500:])


def vectors(verifier):
    file = json.loads((ROOT / "crates" / "rules" / "testdata" / "identity.json").read_text())
    key, number = bytes.fromhex(file["key"]), file["key_id"]
    names = {"account": "account", "sub_account": "sub-account", "key": "key", "label": "label", "ip": "ip", "permissions": "permissions",
             "environment": "environment", "route": "route", "request_id": "request-id", "deadline_ms": "deadline",
             "client_address": "client-address"}
    for one in file["vectors"]:
        if "frame" in one:
            told, request = verifier.verify_frame(number, key, one["frame"], one["target"].encode(), one["deadline_ms"])
            step(f"vector: {one['what']}", (told["keyward-route"], request) == (one["route"], one["body"]))
            continue
        headers = [(f"Keyward-{name}", str(one[field])) for field, name in names.items() if one[field] is not None]
        arguments = (one["method"], one["target"].encode(), one["body"].encode(), one["deadline_ms"])
        told = verifier.verify(number, key, [*headers, ("Keyward-Identity", one["header"])], *arguments)
        step(f"vector: {one['what']}", told["keyward-client-address"] == one["client_address"])
        for odd in file["malformed"]:
            if not verifier.refused(number, key, [*headers, ("Keyward-Identity", odd)], *arguments):
                step("what is malformed is refused", False, header=odd)
    order = next(one for one in file["vectors"] if one["what"] == "an order on a socket")
    arguments = (order["target"].encode(), order["deadline_ms"])
    for odd in file["malformed_frames"]:
        if not verifier.refused_frame(number, key, odd["frame"], *arguments):
            step("a malformed frame is refused", False, frame=odd["what"])
    step("malformed frames are refused", len(file["malformed_frames"]) > 30, frames=len(file["malformed_frames"]))


def identity_key(verifier, sandbox):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "identity.key"
        subprocess.run([os.environ["KEYWARD_BIN"], "identity-key", "--data", str(sandbox.data), "--to", str(file)], check=True,
                       capture_output=True)
        return verifier.read_key(file)


def over_http(verifier):
    seen = []

    class Exchange(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            seen.append((list(self.headers.items()), self.command, self.path.encode(), body, int(time.time() * 1000)))
            text = b'{"code":"0","data":[],"msg":""}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = answer

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Exchange)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Sandbox("--upstream", f"http://127.0.0.1:{server.server_port}") as sandbox:
        key, url = identity_key(verifier, sandbox), sandbox.credentials["gateway_url"]
        step("a signed request gets through", gateway.code(url, sandbox.credentials["keys"]["unbound"], CLIENT) == "0")
        with urllib.request.urlopen(f"{url}/api/v5/public/time") as answer:
            step("a public one too", answer.status == 200)
        (headers, method, target, body, now), public = seen
        told = verifier.verify(1, key, headers, method, target, body, now)
        step("the identity verifies and names the client", told["keyward-client-address"] == CLIENT, route=told["keyward-route"])
        step("a public one names no account", "keyward-account" not in verifier.verify(1, key, *public))
        changed = {"another method": ("PUT", target, body), "another target": (method, target + b"?a=1", body),
                   "a body": (method, target, b"{}")}
        for what, arguments in changed.items():
            step(f"{what} is refused", verifier.refused(1, key, headers, *arguments, now))
        for name in sorted(told):
            others = [(one, "1" if one.lower() == name else value) for one, value in headers]
            without = [(one, value) for one, value in headers if one.lower() != name]
            step(f"{name} changed or left out is refused",
                 verifier.refused(1, key, others, method, target, body, now) and verifier.refused(1, key, without, method, target, body, now))
        for more in (("Keyward-Sub-Account", "1"), ("keyward_account", "1"), ("Keyward-Extra", "1"), headers[-1]):
            step(f"{more[0]} added is refused", verifier.refused(1, key, [*headers, more], method, target, body, now)
                 or not more[0].lower().replace("_", "-").startswith("keyward-"))
        step("a late one is refused", verifier.refused(1, key, headers, method, target, body, int(told["keyward-deadline"]) + 1))
        step("another key is refused", verifier.refused(1, bytes(32), headers, method, target, body, now))
    server.shutdown()


def over_sockets(verifier):
    with SocketExchange(verifier) as exchange, Sandbox("--upstream", f"http://{exchange.place}") as sandbox:
        exchange.key = identity_key(verifier, sandbox)
        url, key = sandbox.credentials["gateway_url"], sandbox.credentials["keys"]["unbound"]
        login_first(verifier, exchange, url, key)
        (upgrade,), (_, order) = exchange.upgrades, exchange.frames
        login_later(verifier, exchange, url, key)
        altered_frames(verifier, exchange, upgrade, order)
        without_the_gateway(exchange, upgrade, order)


def login_first(verifier, exchange, url, key):
    """The account is known when the exchange's end is opened."""
    private = Socket(url + PRIVATE, key, CLIENT)
    private.subscribe(channel="orders", instType="SPOT")
    step("a push of the exchange reaches the client", private.wait_for(lambda told: "data" in told)["data"] == [{}])
    private.send(ORDER.encode())
    answer = private.wait_for(lambda told: told.get("op") == "order")
    step("and its answer to an order", answer["code"] == "0" and answer["data"][0]["ordId"] == "1", answer=answer)
    private.close()
    told = verifier.verify(1, exchange.key, *exchange.upgrades[0])
    step("the upgrade verifies, to the byte of its target", exchange.upgrades[0][2] == PRIVATE.encode(), route=told["keyward-route"])
    step("and names account and client", told["keyward-client-address"] == CLIENT and "keyward-account" in told)
    frames = [verifier.verify_frame(1, exchange.key, *frame) for frame in exchange.frames]
    step("a frame says what its request is", [told["keyward-route"] for told, _ in frames] == ["WS subscribe", "POST /api/v5/trade/order"])
    step("an order arrives as it was sent", frames[1][1] == ORDER)
    whose = ("keyward-account", "keyward-key", "keyward-client-address", "keyward-permissions", "keyward-environment")
    step("every frame names whose it is", all(frame[name] == told[name] for frame, _ in frames for name in whose))
    step("and has a name of its own", len({frame["keyward-request-id"] for frame, _ in frames}) == len(frames))


def login_later(verifier, exchange, url, key):
    """The exchange's end is open before there is an account."""
    exchange.upgrades.clear()
    exchange.frames.clear()
    business = Socket(f"{url}/ws/v5/business", None, CLIENT)
    business.subscribe(channel="candle1m", instId="BTC-USDT")
    business.log_in(key)
    business.subscribe(channel="orders-algo", instType="SPOT")
    business.close()
    step("the upgrade names no account", "keyward-account" not in verifier.verify(1, exchange.key, *exchange.upgrades[0]))
    frames = [verifier.verify_frame(1, exchange.key, *frame) for frame in exchange.frames]
    seen = [(told["keyward-route"], "keyward-account" in told) for told, _ in frames]
    step("the login is told on the open socket", seen == [("WS subscribe", False), ("WS login", True), ("WS subscribe", True)], seen=seen)
    step("without a credential", json.loads(frames[1][1]) == {"op": "login"})


def altered_frames(verifier, exchange, upgrade, order):
    """One order of a client, with anything changed."""
    key, (frame, target, now) = exchange.key, order
    line, _, request = frame.partition("\n")
    told = json.loads(line)

    def refused(pairs):
        changed = ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in pairs)
        return verifier.refused_frame(1, key, f"{{{changed}}}\n{request}", target, now)

    step("the line in another order is the same", not refused(reversed(told.items())))
    for name in sorted(told):
        others = [(one, "1" if one == name else value) for one, value in told.items()]
        without = [(one, value) for one, value in told.items() if one != name]
        step(f"{name} of a frame changed or left out is refused", refused(others) and refused(without))
    for more in (("keyward-sub-account", "1"), ("keyward_account", "1"), ("keyward-extra", "1"), ("extra", "1"), *list(told.items())[:1]):
        step(f"{more[0]} added to a frame is refused", refused([*told.items(), more]))
    changed = [frame[:at] + chr(ord(letter) ^ 1) + frame[at + 1:] for at, letter in enumerate(frame)]
    step("one changed character is refused, wherever it is", all(verifier.refused_frame(1, key, one, target, now) for one in changed),
         frames=len(changed))
    for what, other in {"another target": target.partition(b"?")[0], "no target": b""}.items():
        step(f"{what} is refused for a frame", verifier.refused_frame(1, key, frame, other, now))
    for method, asked in (("WS", target), ("GET", target), ("POST", b"/api/v5/trade/order")):
        step(f"a frame's identity is refused for {method} by HTTP",
             verifier.refused(1, key, list(told.items()), method, asked, request.encode(), now))
    headers = {name.lower(): value for name, value in upgrade[0] if name.lower().startswith("keyward-")}
    step("an upgrade's identity is refused for a frame", verifier.refused_frame(1, key, json.dumps(headers) + "\n", target, upgrade[4]))
    step("a late frame is refused", verifier.refused_frame(1, key, frame, target, deadline_of(told) + 1))
    step("a frame by another key is refused", verifier.refused_frame(1, bytes(32), frame, target, now))


def without_the_gateway(exchange, upgrade, order):
    """Somebody reaches the exchange itself, with the headers and frames that they saw."""
    headers, target = [one for one in upgrade[0] if one[0].lower().startswith("keyward-")], upgrade[2].decode()
    (frame, _, came), opened = order, upgrade[4]
    line, _, request = frame.partition("\n")
    dearer = request.replace('"1000"', '"9000"')
    before = len(exchange.frames)

    def ends(headers, target, frame, opened=opened, came=came):
        # What the exchange's clock says at the upgrade and at the frame: what was seen is late only where it must be.
        exchange.clock = iter((opened, came)).__next__
        return bypass(exchange, headers, target, frame)

    step("the exchange gives no socket without an identity", ends([], target, frame) == 403)
    step("nor for another path", ends(headers, "/ws/v5/business", frame) == 403)
    step("nor too late", ends(headers, target, frame, opened=deadline_of(dict(headers)) + 1) == 403)
    for what, forged in {"without a line": request, "with another price": f"{line}\n{dearer}", "with half a line": frame[1:]}.items():
        step(f"an order {what} ends the socket", ends(headers, target, forged) == 1008)
    step("a late order too", ends(headers, target, frame, came=deadline_of(json.loads(line)) + 1) == 1008)
    step("the exchange has acted on none of these", len(exchange.frames) == before)
    answers = ends(headers, target, frame)
    step("it does act on the unchanged order", isinstance(answers, list) and answers[-1]["code"] == "0", answers=answers)


def deadline_of(told):
    return next(int(value) for name, value in told.items() if name.lower() == "keyward-deadline")


def main():
    verifier = Verifier()
    vectors(verifier)
    over_http(verifier)
    over_sockets(verifier)
    verifier.agrees_with_go()


if __name__ == "__main__":
    main()
