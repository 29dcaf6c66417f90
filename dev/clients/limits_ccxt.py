"""ccxt with a key that has limits: what passes, and which of ccxt's errors each refusal is.

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
BTC, ETH = "BTC/USDT", "ETH/USDT"
LIMITS = {"instruments": ["BTC-USDT"], "max_order_value": "500", "daily_value": "1000", "message_throttle": 2}
BOUND_S = 5.0
steps = Steps({"client": "ccxt with limits", "base": BASE.split(":")[0]})


def keyward(*words):
    line = [os.environ["KEYWARD_BIN"], *words, "--data", os.environ["SANDBOX_DATA"], "--json"]
    done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    holds(done.returncode == 0, f"{' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def make(name, rights, limits):
    """A key with limits, once the gateway knows it."""
    rights = [word for right in rights for word in ("--permission", right)]
    key = keyward("key", "create", "--account", CREDENTIALS["people"]["trader"]["email"], "--name", name, *rights,
                  "--ip", "127.0.0.1,::1", "--limits", json.dumps(limits))
    until(lambda: signer.code(BASE, key, "/api/v5/trade/orders-pending", ca_file=CREDENTIALS["ca_file"]) == "0",
          "the gateway knows the new key")
    return key


def until(holds_now, what):
    end = time.monotonic() + BOUND_S
    while not holds_now():
        holds(time.monotonic() < end, f"{what}: not within {BOUND_S} s")
        time.sleep(0.05)


def connect(key):
    exchange = ccxt.okx({
        "apiKey": key["api_key"], "secret": key["secret"], "password": key["passphrase"],
        "requests_trust_env": "REQUESTS_CA_BUNDLE" in os.environ,
        # The key's own limit of orders a second is one of the things to meet here.
        "enableRateLimit": False,
    })
    exchange.urls["api"]["rest"] = BASE
    exchange.load_markets()
    return exchange


def refused(error, call, limit):
    """The call raises exactly this of ccxt's errors, and its text names the limit."""
    time.sleep(0.6)
    try:
        call()
    except Exception as found:  # the kind of error is what is looked at
        equal(type(found).__name__, error, f"error ({found})")
        holds(f"limit {limit}" in str(found), f"{limit} is not named in {found}")
        return
    raise AssertionError(f"{limit} refused nothing")


def prices_are_known():
    def known():
        try:
            ex.create_order(BTC, "market", "sell", 999999)
        except ccxt.InvalidOrder:
            return True
        except ccxt.BaseError:
            time.sleep(0.5)
            return False
    until(known, "prices are known")
    time.sleep(1)


def places_one():
    made = ex.create_order(BTC, "limit", "buy", 0.02, 20000)
    equal(ex.fetch_order(made["id"], BTC)["status"], "open", "status")
    return made["id"]


def another_instrument():
    refused("BadSymbol", lambda: ex.create_order(ETH, "limit", "buy", 0.1, 1000), "instruments")


def too_large():
    refused("InvalidOrder", lambda: ex.create_order(BTC, "limit", "buy", 0.03, 20000), "max_order_value")


def amended_too_large():
    refused("InvalidOrder", lambda: ex.edit_order(resting, BTC, "limit", "buy", 0.03, 20000), "max_order_value")


def market_order_with_a_price():
    more = {"px": "1", "tgtCcy": "base_ccy"}
    refused("InvalidOrder", lambda: ex.create_order(BTC, "market", "sell", 0.5, None, more), "max_order_value")


def code_of_another_instrument():
    refused("BadSymbol", lambda: ex.create_order(BTC, "limit", "buy", 0.001, 20000, {"instIdCode": 2}), "instruments")


def batch_over_the_day():
    one = {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.02, "price": 20000}
    refused("InvalidOrder", lambda: ex.create_orders([one, one]), "daily_value")


def too_fast():
    time.sleep(1.1)
    one = {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.0001, "price": 20000}
    refused("RateLimitExceeded", lambda: ex.create_orders([one, one, one]), "message_throttle")


def cancels():
    ex.cancel_order(resting, BTC)
    equal(ex.fetch_order(resting, BTC)["status"], "canceled", "status")


def limits_are_narrowed():
    keyward("key", "edit", key["api_key"], "--limits", json.dumps({**LIMITS, "max_order_value": "1"}))
    time.sleep(1)
    refused("InvalidOrder", lambda: ex.create_order(BTC, "limit", "buy", 0.001, 20000), "max_order_value")


def withdraws_to_one_address():
    address = "bc1qkeywardsandbox0000000000000000000000"
    place = {"ccy": "BTC", "chain": "BTC-Bitcoin", "address": address}
    own = make(f"limits out {BASE}", ["read", "withdraw"],
               {"withdrawal": {"destinations": [place], "daily": {"BTC": "0.02"}}})
    out = connect(own)
    try:
        made = out.withdraw("BTC", 0.01, address, {"fee": 0.0001, "chain": "BTC-Bitcoin"})
        holds(made["id"], "the withdrawal has no id")
        refused("InvalidAddress", lambda: out.withdraw("BTC", 0.001, address, {"fee": 0.0001}), "withdrawal")
        refused("InvalidAddress", lambda: out.withdraw("BTC", 0.001, address[:-1] + "1", {"fee": 0.0001, "chain": "BTC-Bitcoin"}), "withdrawal")
        refused("InvalidAddress", lambda: out.withdraw("BTC", 0.01, address, {"fee": 0.0001, "chain": "BTC-Bitcoin"}), "withdrawal")
    finally:
        keyward("key", "delete", "--yes", own["api_key"])


key = make(f"limits {BASE}", ["read", "trade"], LIMITS)
try:
    ex = connect(key)
    steps.run("prices", prices_are_known)
    resting = steps.run("places_one", places_one)
    for step in (another_instrument, too_large, amended_too_large, market_order_with_a_price, code_of_another_instrument,
                 batch_over_the_day, too_fast, cancels, limits_are_narrowed, withdraws_to_one_address):
        steps.run(step.__name__, step)
finally:
    keyward("key", "delete", "--yes", key["api_key"])
sys.exit(steps.failed)
