"""ccxt through its whole trading cycle. Environment: BASE_URL, CREDENTIALS; a private CA in REQUESTS_CA_BUNDLE."""
import json
import os
import sys

import ccxt

from report import Steps, equal, holds

BASE = os.environ["BASE_URL"]
KEYS = json.load(open(os.environ["CREDENTIALS"]))["keys"]
BTC = "BTC/USDT"
ADDRESS = "bc1qkeywardsandbox0000000000000000000000"
steps = Steps({"client": "ccxt", "base": BASE.split(":")[0]})


def connect(name, demo=False):
    key = KEYS[name]
    exchange = ccxt.okx({
        "apiKey": key["api_key"], "secret": key["secret"], "password": key["passphrase"],
        "requests_trust_env": "REQUESTS_CA_BUNDLE" in os.environ,
    })
    exchange.set_sandbox_mode(demo)
    exchange.urls["api"]["rest"] = BASE  # after the switch, which replaces the addresses
    return exchange


def load_markets():
    markets = ex.load_markets()
    holds(BTC in markets, f"{BTC} is not among {sorted(markets)}")


def balance():
    # Sent as ccy=BTC%2CUSDT, and signed like that.
    found = ex.fetch_balance({"ccy": "BTC,USDT"})
    holds(found["BTC"]["total"] > 0 and found["USDT"]["total"] > 0, "no funds to trade with")
    return found


def rest():
    made = ex.create_order(BTC, "limit", "buy", 0.001, 30000)
    order = ex.fetch_order(made["id"], BTC)
    equal(order["status"], "open", "status")
    equal((order["price"], order["amount"]), (30000.0, 0.001), "price and amount")
    return order["id"]


def amend():
    ex.edit_order(resting, BTC, "limit", "buy", 0.002, 31000)
    order = ex.fetch_order(resting, BTC)
    equal((order["price"], order["amount"]), (31000.0, 0.002), "price and amount")


def cancel():
    holds(resting in [order["id"] for order in ex.fetch_open_orders(BTC)], "the order is not among the open ones")
    ex.cancel_order(resting, BTC)
    holds(resting not in [order["id"] for order in ex.fetch_open_orders(BTC)], "the order is still open")
    equal(ex.fetch_order(resting, BTC)["status"], "canceled", "status")


def fill():
    before = ex.fetch_balance()["BTC"]["free"]
    made = ex.create_order(BTC, "market", "sell", 0.001)
    order = ex.fetch_order(made["id"], BTC)
    equal((order["status"], order["filled"]), ("closed", 0.001), "status and filled amount")
    equal(round(before - ex.fetch_balance()["BTC"]["free"], 8), 0.001, "what the sale took")
    return made["id"]


def trades():
    found = [trade for trade in ex.fetch_my_trades(BTC) if trade["order"] == filled]
    equal(round(sum(trade["amount"] for trade in found), 8), 0.001, "traded amount")


def batch():
    order = {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.001}
    made = ex.create_orders([{**order, "price": 20000}, {**order, "price": 21000}])
    ids = [one["id"] for one in made]
    open_ids = [one["id"] for one in ex.fetch_open_orders(BTC)]
    holds(len(ids) == 2 and set(ids) <= set(open_ids), f"{ids} are not among the open orders {open_ids}")
    ex.cancel_orders(ids, BTC)
    holds(not set(ids) & {one["id"] for one in ex.fetch_open_orders(BTC)}, "the batch is still open")


def transfer():
    before = funds.fetch_balance({"type": "funding"})["USDT"]["free"]
    moved = funds.transfer("USDT", 25, "funding", "spot")
    holds(moved["id"], "the transfer has no id")
    equal(round(before - funds.fetch_balance({"type": "funding"})["USDT"]["free"], 8), 25, "moved amount")
    funds.transfer("USDT", 25, "spot", "funding")
    equal(funds.fetch_balance({"type": "funding"})["USDT"]["free"], before, "what came back")


def deposit():
    found = ex.private_get_asset_deposit_address({"ccy": "BTC"})
    address = found["data"][0]["addr"]
    holds(address, "no deposit address")
    equal([(one["currency"], one["addressTo"]) for one in ex.fetch_deposits("BTC")], [("BTC", address)], "the deposits")


def withdraw():
    made = out.withdraw("BTC", 0.01, ADDRESS, {"fee": 0.0001})
    holds(made["id"] in [one["id"] for one in out.fetch_withdrawals("BTC")], "it is not in the history")


def config():
    found = ex.private_get_account_config()["data"][0]
    equal(found["perm"], "read_only,trade", "perm")
    holds("127.0.0.1" in found["ip"].split(","), f"ip is {found['ip']!r}")
    holds(found["label"], "the label is empty")
    equal(found["uid"], found["mainUid"], "uid of a master")


def sub_accounts():
    # The list is Keyward's own, and names what the sub-account's key reads of itself.
    uid = connect("sub").private_get_account_config()["data"][0]["uid"]
    found = ex.private_get_users_subaccount_list({"subAcct": "probeSub01"})["data"]
    equal([(one["subAcct"], one["uid"]) for one in found], [("probeSub01", uid)], "the sub-accounts")


def demo():
    play = connect("demo", demo=True)
    play.load_markets()
    made = play.create_order(BTC, "limit", "buy", 0.001, 30000)
    equal(play.fetch_order(made["id"], BTC)["status"], "open", "status of the demo order")
    play.cancel_order(made["id"], BTC)
    # The two ledgers know nothing of each other's orders.
    try:
        ex.fetch_order(made["id"], BTC)
    except ccxt.OrderNotFound:
        return
    raise AssertionError("a demo order is visible on the live ledger")


def wrong_secret():
    bad = ccxt.okx({"apiKey": KEYS["trade"]["api_key"], "secret": "no", "password": KEYS["trade"]["passphrase"],
                    "requests_trust_env": "REQUESTS_CA_BUNDLE" in os.environ})
    bad.urls["api"]["rest"] = BASE
    try:
        bad.private_get_account_config()
    except ccxt.AuthenticationError as error:
        holds('"code":"50113"' in str(error), str(error))
        return
    raise AssertionError("a wrong secret was accepted")


ex = connect("trade")
steps.run("load_markets", load_markets)
funds, out = connect("funding"), connect("withdraw")
for other in (funds, out):
    other.set_markets(ex.markets or {}, ex.currencies)
steps.run("ticker", lambda: holds(ex.fetch_ticker(BTC)["last"] > 0, "no price"))
steps.run("order_book", lambda: holds(ex.fetch_order_book(BTC)["bids"], "no bids"))
steps.run("balance", balance)
steps.run("config", config)
resting = steps.run("order_rests", rest)
steps.run("order_amended", amend)
steps.run("order_cancelled", cancel)
filled = steps.run("order_fills", fill)
steps.run("trades", trades)
steps.run("batch", batch)
steps.run("transfer", transfer)
steps.run("deposit", deposit)
steps.run("withdraw", withdraw)
steps.run("sub_accounts", sub_accounts)
steps.run("demo", demo)
steps.run("wrong_secret", wrong_secret)
sys.exit(steps.failed)
