"""A key made on the command line trades by ccxt; disabled there, it is refused within a second."""
import time

import ccxt

import signer
from report import Steps, equal, holds

BOUND_S = 1.0
steps = Steps({"client": "command line"})


def run(sandbox):
    """Returns whether every step was right."""
    base = sandbox.credentials["gateway_url"]
    email = "client-cycle@keyward.example"
    steps.run("account_create", lambda: sandbox.keyward("account", "create", "--email", email))
    key = steps.run("key_create", lambda: create(sandbox, email))
    if key is None:
        return False
    steps.run("key_works", lambda: within_bound(base, key, "0"))
    steps.run("key_trades", lambda: trade(base, key))
    steps.run("key_disable", lambda: sandbox.keyward("key", "disable", key["api_key"]))
    steps.run("key_refused", lambda: within_bound(base, key, "50114"))
    steps.run("key_enable", lambda: sandbox.keyward("key", "enable", key["api_key"]))
    steps.run("key_works_again", lambda: within_bound(base, key, "0"))
    steps.run("key_delete", lambda: sandbox.keyward("key", "delete", "--yes", key["api_key"]))
    steps.run("key_unknown", lambda: within_bound(base, key, "50119"))
    return not steps.failed


def create(sandbox, email):
    made = sandbox.keyward("key", "create", "--account", email, "--name", "cycle", "--permission", "read",
                           "--permission", "trade", "--ip", "127.0.0.1")
    for field in ("api_key", "secret", "passphrase"):
        holds(isinstance(made.get(field), str), f"no {field} in {sorted(made)}")
    return made


def trade(base, key):
    exchange = ccxt.okx({"apiKey": key["api_key"], "secret": key["secret"], "password": key["passphrase"]})
    exchange.urls["api"]["rest"] = base
    made = exchange.create_order("BTC/USDT", "limit", "buy", 0.001, 30000)
    exchange.cancel_order(made["id"], "BTC/USDT")
    config = exchange.private_get_account_config()["data"][0]
    equal((config["label"], config["ip"], config["perm"]), ("cycle", "127.0.0.1", "read_only,trade"),
          "label, ip and perm")


def within_bound(base, key, wanted):
    """Asks until the code is there, for at most the bound on how long a change may take to be seen."""
    end = time.monotonic() + BOUND_S
    while True:
        # A route with a wide limit, so that asking often is not what gets refused.
        found = signer.code(base, key, "/api/v5/trade/orders-pending")
        if found == wanted:
            return
        holds(time.monotonic() < end, f"still {found} and not {wanted} after {BOUND_S} s")
        time.sleep(0.02)
