"""Webhooks from the built program, verified by others: the published `standardwebhooks` packages of PyPI and npm, and the
snippets that the console shows in Python, JavaScript and Go (where Go is installed).

Starts a sandbox that may reach one receiver here, adds a channel over the API, and takes its messages: at first with 500,
so that the same message comes again under its id. No secret may stand in the program's log.
"""

import base64
import http.server
import importlib.util
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from conformance import totp
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

ROOT = pathlib.Path(__file__).parents[2]
SNIPPETS = ROOT / "crates" / "console" / "snippets"
PATH = "/in/path-canary?token=token-canary"


class Receiver(http.server.BaseHTTPRequestHandler):
    came, refuse = [], 1

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.came.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        status = 500 if len(self.came) <= Receiver.refuse else 204
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):
        pass


def call(url, method="GET", body=None, token=""):
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def wait(what, seconds, ask):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if answer := ask():
            return answer
        time.sleep(0.05)
    raise SystemExit(f"{what}: not within {seconds} s")


class Trader:
    def __init__(self, credentials):
        self.url, self.me, self.step = credentials["console_url"], credentials["people"]["trader"], 0
        first = self.api("/session", "POST", {"email": self.me["email"], "password": self.me["password"]})
        self.token = first["token"]
        self.token = self.api("/session/second-factor", "POST", {"code": self.code()})["token"]

    def code(self):
        """A code that was not used yet: the next step's is taken early, and further ones are waited for."""
        self.step = max(self.step + 1, int(time.time()) // 30)
        wait("the next code", 60, lambda: self.step <= int(time.time()) // 30 + 1)
        return totp(self.me["totp_secret"], self.step)

    def api(self, path, method="GET", body=None, expect=(200, 201, 202)):
        status, answer = call(f"{self.url}/api/v1{path}", method, body, getattr(self, "token", ""))
        assert status in expect, (path, status, answer)
        return answer

    def mail(self):
        """The digits of the newest mail that has some."""
        own = [mail["text"] for mail in call(f"{self.url}/dev/mail.json")[1] if mail["to"] == self.me["email"]]
        return next((found for text in own if (found := re.search(r"^ {4}(\d{4}) (\d{4})\s*$", text, re.M))), None)

    def approved(self, path, body):
        asked = self.api(path, "POST", body, expect=(403,))
        found = wait("the mail arrives", 10, self.mail)
        step_up = {"challenge": asked["challenge"], "mail_code": found[1] + found[2], "factor": self.code()}
        return self.api(path, "POST", {**body, "step_up": step_up})


def verifiers(secret, folder):
    """Each says whether headers and body are from us."""
    os.environ["KEYWARD_WEBHOOK_SECRET"] = secret

    def library(headers, body):
        try:
            Webhook(secret).verify(body.decode(), headers)
            return True
        except WebhookVerificationError:
            return False

    spec = importlib.util.spec_from_file_location("verify", SNIPPETS / "verify.py")
    snippet = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(snippet)

    def program(*command):
        def verify(headers, body):
            given = json.dumps({"headers": headers, "body": base64.b64encode(body).decode()})
            run = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, cwd=folder)
            assert run.stdout.strip() in ("true", "false"), run.stderr
            return run.stdout.strip() == "true"
        return verify

    found = {"PyPI standardwebhooks": library, "the snippet in Python": snippet.verify}
    read = "import { readFileSync } from 'node:fs';\nconst given = JSON.parse(readFileSync(0)), body = Buffer.from(given.body, 'base64');\n"
    own = folder / "snippet.mjs"
    own.write_text(f"import {{ verify }} from '{SNIPPETS / 'verify.mjs'}';\n{read}console.log(verify(given.headers, body));\n")
    found["the snippet in JavaScript"] = program("node", own)
    clients = pathlib.Path(os.environ["KEYWARD_NODE_CLIENTS"])
    theirs = clients / "verify-webhook.mjs"
    theirs.write_text(f"import {{ Webhook }} from 'standardwebhooks';\n{read}let good = true;\n"
                      "try { new Webhook(process.env.KEYWARD_WEBHOOK_SECRET).verify(body, given.headers); } catch { good = false; }\n"
                      "console.log(good);\n")
    found["npm standardwebhooks"] = program("node", theirs)
    if shutil.which("go"):
        (folder / "webhook").mkdir()
        shutil.copy(SNIPPETS / "verify.go", folder / "webhook" / "verify.go")
        (folder / "go.mod").write_text("module check\n\ngo 1.21\n")
        (folder / "main.go").write_text(
            'package main\n\nimport (\n\t"check/webhook"\n\t"encoding/json"\n\t"fmt"\n\t"net/http"\n\t"os"\n)\n\n'
            "func main() {\n\tvar given struct {\n\t\tHeaders map[string]string\n\t\tBody    []byte\n\t}\n"
            "\tjson.NewDecoder(os.Stdin).Decode(&given)\n\theader := http.Header{}\n"
            "\tfor name, value := range given.Headers {\n\t\theader.Set(name, value)\n\t}\n"
            "\tfmt.Println(webhook.Verify(header, given.Body))\n}\n")
        found["the snippet in Go"] = program("go", "run", ".")
    return found


def forgeries(headers, body):
    """What must not verify, each with what was done to it."""
    old = str(int(headers["webhook-timestamp"]) - 3600)
    yield "another body", headers, body + b" "
    yield "another id", {**headers, "webhook-id": "msg_" + "0" * 32}, body
    yield "another time", {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}, body
    yield "an old time", {**headers, "webhook-timestamp": old}, body
    yield "no time", {**headers, "webhook-timestamp": "now"}, body
    yield "another signature", {**headers, "webhook-signature": "v1," + "A" * 43 + "="}, body
    yield "another version", {**headers, "webhook-signature": headers["webhook-signature"].replace("v1,", "v2,")}, body


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place = f"127.0.0.1:{server.server_port}"
    with tempfile.TemporaryDirectory(prefix="keyward-webhooks-") as name:
        folder = pathlib.Path(name)
        file, free = folder / "credentials.json", "127.0.0.1:0"
        with open(folder / "log", "wb") as log:
            sandbox = subprocess.Popen(
                [os.environ["KEYWARD_BIN"], "sandbox", "--console", free, "--gateway", free, "--gateway-tls", free,
                 "--credentials", str(file), "--allow-receiver", place],
                stdout=subprocess.DEVNULL, stderr=log, env={**os.environ, "RUST_LOG": "debug"})
        try:
            wait("the sandbox starts", 60, lambda: file.exists() and file.read_text())
            trader = Trader(json.loads(file.read_text()))
            choices = {"which": "all", "digest": "at_once"}
            target = {"kind": "webhook", "url": f"http://{place}{PATH}"}
            made = trader.approved("/channels", {"name": "receiver", "target": target, "choices": choices})
            sent = trader.api(f"/channels/{made['id']}/test", "POST")
            wait("the message comes twice", 30, lambda: len(Receiver.came) == 2)
            (first, second) = Receiver.came
            assert first[0] == second[0] == PATH and first[2] == second[2], "the same message"
            assert first[1]["webhook-id"] == second[1]["webhook-id"] == sent["message"], "under one id"
            checks = verifiers(made["secret"], folder)
            for who, verify in checks.items():
                for _, headers, body in Receiver.came:
                    assert verify(headers, body), who
                for what, headers, body in forgeries(second[1], second[2]):
                    assert not verify(headers, body), f"{who} takes {what}"
                print(json.dumps({"webhook verified by": who, "ok": True}), flush=True)
            log_of = lambda: trader.api(f"/channels/{made['id']}/deliveries")["deliveries"]
            wait("the log says so", 10, lambda: log_of()[0]["state"] == "delivered")
            row = log_of()[0]
            assert (row["tries"], row["status"], row["outcome"]) == (2, 204, "taken"), row
            elsewhere = {"kind": "webhook", "url": "https://127.0.0.1/x"}
            refused = trader.api("/channels", "POST", {"name": "x", "target": elsewhere, "choices": choices}, expect=(422,))
            assert refused["code"] == "bad_target", refused
        finally:
            sandbox.send_signal(signal.SIGTERM)
            ended = sandbox.wait(20)
        assert ended == 0, f"exit code {ended}"
        said = (folder / "log").read_text()
        assert sent["message"] in said, "the failed try is in the log"
        for canary in ("path-canary", "token-canary", made["secret"], made["secret"].removeprefix("whsec_")):
            assert canary not in said, "a secret stands in the log"


if __name__ == "__main__":
    main()
    sys.exit(0)
