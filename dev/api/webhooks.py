"""Webhooks from the built program, verified by others: the published `standardwebhooks` packages of PyPI and npm, and the
snippets that the console shows in Python, JavaScript and Go (where Go is installed).

Starts a sandbox that may reach one receiver here, adds a channel over the API, and takes its messages: at first with 500,
so that the same message comes again under its id. No secret may stand in the program's log.
"""

import base64
import datetime
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from client import Api, Broken
from program import Sandbox, wait
from receiver import Receiver
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from world import World

ROOT = pathlib.Path(__file__).resolve().parents[2]
SNIPPETS = ROOT / "crates" / "console" / "snippets"
PATH = "/in/path-canary?token=token-canary"
CHOICES = {"which": "all", "digest": "at_once"}
READ = ("import { readFileSync } from 'node:fs';\n"
        "const given = JSON.parse(readFileSync(0)), body = Buffer.from(given.body, 'base64');\n")
GO = ('package main\n\nimport (\n\t"check/webhook"\n\t"encoding/json"\n\t"fmt"\n\t"net/http"\n\t"os"\n)\n\n'
      "func main() {\n\tvar given struct {\n\t\tHeaders map[string]string\n\t\tBody    []byte\n\t}\n"
      "\tif err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {\n\t\tpanic(err)\n\t}\n"
      "\theader := http.Header{}\n"
      "\tfor name, value := range given.Headers {\n\t\theader.Set(name, value)\n\t}\n"
      "\tfmt.Println(webhook.Verify(header, given.Body))\n}\n")


def program(folder, *command):
    """A verifier that is a program: `true` or `false` on its standard output, and nothing else counts."""
    def verify(headers, body):
        given = json.dumps({"headers": headers, "body": base64.b64encode(body).decode()})
        run = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, cwd=folder)
        assert run.returncode == 0 and run.stdout.strip() in ("true", "false"), (command, run)
        return run.stdout.strip() == "true"
    return verify


def library(secret):
    def verify(headers, body):
        try:
            Webhook(secret).verify(body.decode(), headers)
            return True
        except WebhookVerificationError:
            return False
    return verify


def snippet_in_python():
    spec = importlib.util.spec_from_file_location("verify", SNIPPETS / "verify.py")
    snippet = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(snippet)
    return snippet.verify


def snippet_in_go(folder):
    (folder / "webhook").mkdir()
    shutil.copy(SNIPPETS / "verify.go", folder / "webhook" / "verify.go")
    (folder / "go.mod").write_text("module check\n\ngo 1.21\n")
    (folder / "main.go").write_text(GO)
    return program(folder, "go", "run", ".")


def verifiers(secret, folder):
    """Each says whether headers and body are from us."""
    os.environ["KEYWARD_WEBHOOK_SECRET"] = secret
    found = {"PyPI standardwebhooks": library(secret), "the snippet in Python": snippet_in_python()}
    own = folder / "snippet.mjs"
    own.write_text(f"import {{ verify }} from '{SNIPPETS / 'verify.mjs'}';\n{READ}console.log(verify(given.headers, body));\n")
    found["the snippet in JavaScript"] = program(folder, "node", own)
    theirs = pathlib.Path(os.environ["KEYWARD_NODE_CLIENTS"], "verify-webhook.mjs")
    theirs.write_text(f"import {{ Webhook }} from 'standardwebhooks';\n{READ}let good = true;\n"
                      "const webhook = new Webhook(process.env.KEYWARD_WEBHOOK_SECRET);\n"
                      "try { webhook.verify(body, given.headers); } catch { good = false; }\nconsole.log(good);\n")
    found["npm standardwebhooks"] = program(folder, "node", theirs)
    if shutil.which("go"):
        found["the snippet in Go"] = snippet_in_go(folder)
    else:
        print(json.dumps({"webhook NOT verified by": "the snippet in Go", "why": "Go is not installed"}), flush=True)
    return found


def signed(secret, headers, body, seconds):
    """The same message as it would be signed at another time: right in everything but that."""
    at = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    signature = Webhook(secret).sign(headers["webhook-id"], at, body.decode())
    return {**headers, "webhook-timestamp": str(seconds), "webhook-signature": signature}


def genuine(secret, headers, body):
    """What must verify beside the message itself, each with what was done to it."""
    yield "the message as it came", headers, body
    yield "signed a minute ago", signed(secret, headers, body, int(time.time()) - 60), body
    others = f"v1,{'A' * 43}= {headers['webhook-signature']} v2,x"
    yield "one of several signatures", {**headers, "webhook-signature": others}, body


def forgeries(secret, headers, body):
    """What must not verify, each with what was done to it."""
    yield "another body", headers, body + b" "
    yield "another id", {**headers, "webhook-id": "msg_" + "0" * 32}, body
    yield "another time", {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}, body
    yield "an old message", signed(secret, headers, body, int(time.time()) - 3600), body
    yield "a message of the future", signed(secret, headers, body, int(time.time()) + 3600), body
    yield "another secret", signed("whsec_" + base64.b64encode(b"x" * 32).decode(), headers, body, int(time.time())), body
    yield "no time", {**headers, "webhook-timestamp": "now"}, body
    yield "another signature", {**headers, "webhook-signature": "v1," + "A" * 43 + "="}, body
    yield "another version", {**headers, "webhook-signature": headers["webhook-signature"].replace("v1,", "v2,")}, body


def verified(secret, receiver, folder):
    """Every verifier on everything that came, and on what must not pass."""
    for who, verify in verifiers(secret, folder).items():
        for _, headers, body in receiver.came:
            for what, given, text in genuine(secret, headers, body):
                assert verify(given, text), f"{who} refuses {what}"
        for what, given, text in forgeries(secret, headers, body):
            assert not verify(given, text), f"{who} takes {what}"
        print(json.dumps({"webhook verified by": who, "ok": True}), flush=True)


def delivers(world, receiver, folder):
    """Adds the channel, has a test sent, and takes it at the second try; gives the message's id and the secret."""
    trader = world.holder
    trader.sign_in()
    target = {"kind": "webhook", "url": f"http://{receiver.place}{PATH}"}
    body = {"name": "receiver", "target": target, "choices": CHOICES}
    made = trader.approved("POST /channels", body=body, expect=201).json
    sent = trader.do("POST /channels/{id}/test", made["id"], expect=202).json["message"]
    wait("the message comes twice", 30, lambda: len(receiver.came) >= 2)
    first, second = receiver.came[:2]
    assert first[0] == second[0] == PATH and first[2] == second[2], "the same message"
    assert first[1]["webhook-id"] == second[1]["webhook-id"] == sent, "under one id"
    verified(made["secret"], receiver, folder)
    row = lambda: trader.get("/channels/{id}/deliveries", made["id"])["deliveries"][0]
    wait("the log says so", 10, lambda: row()["state"] == "delivered")
    found = row()
    assert (found["tries"], found["status"], found["outcome"]) == (2, 204, "taken"), found
    elsewhere = {"name": "x", "target": {"kind": "webhook", "url": "https://127.0.0.1/x"}, "choices": CHOICES}
    trader.refused("bad_target", "POST /channels", body=elsewhere)
    return sent, made["secret"]


def main():
    receiver = Receiver(500, 204)
    with tempfile.TemporaryDirectory(prefix="keyward-webhooks-") as name:
        folder = pathlib.Path(name)
        with open(folder / "log", "wb") as log:
            with Sandbox("--allow-receiver", receiver.place, log=log) as sandbox:
                world = World(sandbox, Api(sandbox.url), receiver)
                message, secret = delivers(world, receiver, folder)
        assert len(receiver.came) == 2, f"{len(receiver.came)} messages came, and not one that was tried twice"
        said = (folder / "log").read_text()
    if message not in said:
        raise Broken("the failed try is not in the log")
    for canary in ("path-canary", "token-canary", secret, secret.removeprefix("whsec_")):
        if canary in said:
            raise Broken("a secret stands in the log")


if __name__ == "__main__":
    main()
