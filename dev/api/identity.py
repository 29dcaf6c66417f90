"""The verifiers that others copy (docs/verifiers), as an exchange behind the built gateway, and against the vectors.

What the gateway forwards verifies; the same with anything changed, left out, added or late does not. The one in Go judges
every request that the one in Python has judged.
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

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIENT = "127.0.0.5"


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
        self.python, self.asked = module(), []
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

    def agrees_with_go(self):
        def text(value):
            return base64.b64encode(value).decode()

        cases = [{"what": f"request {number}", "key_id": one[0], "key": text(one[1]), "headers": one[2], "method": one[3],
                  "target": text(one[4]), "body": text(one[5]), "now_ms": one[6], "verifies": verifies}
                 for number, (one, verifies) in enumerate(self.asked)]
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "cases.json"
            file.write_text(json.dumps(cases))
            # Debian's packages of Go lie in a path of the older kind.
            settings = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": f"{folder}/cache", "GOFLAGS": "",
                        "KEYWARD_IDENTITY_CASES": str(file)}
            run = subprocess.run(["go", "test", "-count=1", "."], cwd=ROOT / "docs" / "verifiers" / "go", text=True,
                                 capture_output=True, env={**os.environ, **settings})
            step("the one in Go says the same", run.returncode == 0, requests=len(cases), verify=sum(ok for _, ok in self.asked),
                 said=(run.stdout + run.stderr)[-500:])


def vectors(verifier):
    file = json.loads((ROOT / "crates" / "rules" / "testdata" / "identity.json").read_text())
    key, number = bytes.fromhex(file["key"]), file["key_id"]
    names = {"account": "account", "sub_account": "sub-account", "key": "key", "label": "label", "ip": "ip", "permissions": "permissions",
             "environment": "environment", "route": "route", "request_id": "request-id", "deadline_ms": "deadline",
             "client_address": "client-address"}
    for one in file["vectors"]:
        headers = [(f"Keyward-{name}", str(one[field])) for field, name in names.items() if one[field] is not None]
        arguments = (one["method"], one["target"].encode(), one["body"].encode(), one["deadline_ms"])
        told = verifier.verify(number, key, [*headers, ("Keyward-Identity", one["header"])], *arguments)
        step(f"vector: {one['what']}", told["keyward-client-address"] == one["client_address"])
        for odd in file["malformed"]:
            if not verifier.refused(number, key, [*headers, ("Keyward-Identity", odd)], *arguments):
                step("what is malformed is refused", False, header=odd)


def main():
    verifier, seen = Verifier(), []
    vectors(verifier)

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
    with Sandbox("--upstream", f"http://127.0.0.1:{server.server_port}") as sandbox, tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "identity.key"
        subprocess.run([os.environ["KEYWARD_BIN"], "identity-key", "--data", str(sandbox.data), "--to", str(file)], check=True,
                       capture_output=True)
        key, url = verifier.read_key(file), sandbox.credentials["gateway_url"]
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
    verifier.agrees_with_go()


if __name__ == "__main__":
    main()
