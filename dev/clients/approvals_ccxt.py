"""ccxt with a sub-account's key: a transfer waits for the master account, passes once, and waits again.

Environment: BASE_URL, CREDENTIALS, KEYWARD_BIN, SANDBOX_DATA; a private CA in REQUESTS_CA_BUNDLE.
"""
import json
import os
import subprocess
import sys
import time

import ccxt

import signer
from report import Steps, equal, holds

BASE = os.environ["BASE_URL"]
CREDENTIALS = json.load(open(os.environ["CREDENTIALS"]))
EMAIL = CREDENTIALS["people"]["trader"]["email"]
# Each run has amounts of its own: an approval of another run must not let one pass.
CENTS = int(time.time()) % 100_000
steps = Steps({"client": "ccxt with approvals", "base": BASE.split(":")[0]})


def keyward(*words):
    line = [os.environ["KEYWARD_BIN"], "approvals", *words, "--data", os.environ["SANDBOX_DATA"], "--json"]
    done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    holds(done.returncode == 0, f"{' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def connect():
    key = CREDENTIALS["keys"]["sub"]
    exchange = ccxt.okx({
        "apiKey": key["api_key"], "secret": key["secret"], "password": key["passphrase"],
        "requests_trust_env": "REQUESTS_CA_BUNDLE" in os.environ,
    })
    exchange.urls["api"]["rest"] = BASE
    exchange.load_markets()
    return exchange


def amount(whole):
    return f"{whole}.{CENTS:05d}"


def transfer(whole):
    """An account may make two transfers of a currency in a second."""
    time.sleep(0.6)
    more = {"clientId": f"c{time.monotonic_ns()}"[-20:]}
    return ex.transfer("USDT", float(amount(whole)), "funding", "spot", more)


def refused(whole, code):
    """The transfer raises ccxt's error of the exchange; gives the approval that the error's text names as data."""
    try:
        transfer(whole)
    except ccxt.ExchangeError as found:
        answer = json.loads(str(found).split(" ", 1)[1])
        equal(answer["code"], code, "code")
        holds("approval" in answer["msg"], f"the text does not say why: {answer['msg']}")
        return answer["data"][0]["approvalId"]
    raise AssertionError("it was not refused")


def state(number):
    """Asked with the same key. The route is Keyward's own, so no client knows it."""
    target, key = f"/api/v5/users/approvals?id={number}", CREDENTIALS["keys"]["sub"]
    signed = signer.headers(key, "GET", target)
    _, answer = signer.send(BASE, "GET", target, headers=signed, ca_file=CREDENTIALS["ca_file"])
    return answer["data"][0]["state"]


def passes_once():
    number = refused(1, "90450")
    equal(state(number), "waiting", "state")
    equal(refused(1, "90450"), number, "the number of the same transfer")
    keyward("approve", number)
    equal(state(number), "approved", "state")
    holds(refused(2, "90450") != number, "another amount has the same approval")
    holds(transfer(1)["id"], "the transfer has no id")
    equal(state(number), "used", "state")
    holds(refused(1, "90450") != number, "the third transfer has the same approval")


def a_refusal_stays():
    number = refused(3, "90450")
    keyward("refuse", number)
    equal(refused(3, "90451"), number, "the number")


def thresholds():
    keyward("thresholds", "--account", EMAIL, "--set", "1000 USDT")
    try:
        holds(transfer(4)["id"], "a small transfer has no id")
        refused(1000, "90450")
    finally:
        keyward("thresholds", "--account", EMAIL, "--set", "")


ex = steps.run("connect", connect)
if ex:
    steps.run("passes_once", passes_once)
    steps.run("a_refusal_stays", a_refusal_stays)
    steps.run("thresholds", thresholds)
sys.exit(steps.failed)
