"""The official SDK through its whole trading cycle. Environment: BASE_URL, CREDENTIALS; a private CA in SSL_CERT_FILE."""
import json
import os
import sys
import warnings

warnings.simplefilter("ignore")
from okx.Account import AccountAPI
from okx.Funding import FundingAPI
from okx.MarketData import MarketAPI
from okx.PublicData import PublicAPI
from okx.SubAccount import SubAccountAPI
from okx.Trade import TradeAPI

from report import Steps, equal, holds

BASE = os.environ["BASE_URL"]
KEYS = json.load(open(os.environ["CREDENTIALS"]))["keys"]
BTC = "BTC-USDT"
ADDRESS = "bc1qkeywardsandbox0000000000000000000000"
steps = Steps({"client": "python-okx", "base": BASE.split(":")[0]})


def connect(api, name, flag="0"):
    key = KEYS[name]
    return api(api_key=key["api_key"], api_secret_key=key["secret"], passphrase=key["passphrase"], flag=flag,
               domain=BASE)


def data(reply):
    equal(reply["code"], "0", f"code (with {reply['msg']!r})")
    return reply["data"]


def one(reply):
    """The single element of an order's reply, which has a code of its own."""
    (element,) = data(reply)
    equal(element["sCode"], "0", f"sCode (with {element['sMsg']!r})")
    return element


def instruments():
    found = data(connect(PublicAPI, "trade").get_instruments(instType="SPOT"))
    holds(BTC in [row["instId"] for row in found], f"{BTC} is not listed")


def ticker():
    (row,) = data(connect(MarketAPI, "trade").get_ticker(BTC))
    holds(float(row["last"]) > 0, "no price")


def balance():
    # Sent as ccy=BTC,USDT with the comma as it is, and signed like that.
    (row,) = data(account.get_account_balance(ccy="BTC,USDT"))
    equal(sorted(detail["ccy"] for detail in row["details"]), ["BTC", "USDT"], "currencies")


def config():
    (row,) = data(account.get_account_config())
    equal(row["perm"], "read_only,trade", "perm")
    holds("127.0.0.1" in row["ip"].split(","), f"ip is {row['ip']!r}")
    holds(row["label"], "the label is empty")


def limit(price, size="0.001"):
    return {"instId": BTC, "tdMode": "cash", "side": "buy", "ordType": "limit", "px": price, "sz": size}


def order(order_id):
    (row,) = data(trade.get_order(BTC, ordId=order_id))
    return row


def rest():
    made = one(trade.place_order(**limit("30000")))["ordId"]
    row = order(made)
    equal((row["state"], row["px"], row["sz"]), ("live", "30000", "0.001"), "state, price and size")
    return made


def amend():
    one(trade.amend_order(BTC, ordId=resting, newSz="0.002", newPx="31000"))
    row = order(resting)
    equal((row["px"], row["sz"]), ("31000", "0.002"), "price and size")


def open_ids():
    return {row["ordId"] for row in data(trade.get_order_list(instType="SPOT", instId=BTC))}


def cancel():
    holds(resting in open_ids(), "the order is not among the open ones")
    one(trade.cancel_order(BTC, ordId=resting))
    holds(resting not in open_ids(), "the order is still open")


def fill():
    made = one(trade.place_order(BTC, "cash", "sell", "market", "0.001"))["ordId"]
    row = order(made)
    equal((row["state"], row["accFillSz"]), ("filled", "0.001"), "state and filled size")
    return made


def fills():
    found = [row for row in data(trade.get_fills(instType="SPOT", ordId=filled))]
    equal({row["ordId"] for row in found}, {filled}, "orders of the fills")
    equal(round(sum(float(row["fillSz"]) for row in found), 8), 0.001, "filled size")


def batch():
    made = data(trade.place_multiple_orders([limit("20000"), limit("21000")]))
    equal([row["sCode"] for row in made], ["0", "0"], "codes of the batch")
    ids = {row["ordId"] for row in made}
    holds(ids <= open_ids(), "the batch is not open")
    gone = data(trade.cancel_multiple_orders([{"instId": BTC, "ordId": one_id} for one_id in sorted(ids)]))
    equal([row["sCode"] for row in gone], ["0", "0"], "codes of the cancellation")
    holds(not ids & open_ids(), "the batch is still open")


def transfer():
    funds = connect(FundingAPI, "funding")
    before = data(funds.get_balances(ccy="USDT"))[0]["availBal"]
    (moved,) = data(funds.funds_transfer("USDT", "25", "6", "18"))
    (state,) = data(funds.transfer_state(moved["transId"]))
    equal(state["state"], "success", "state")
    equal(float(before) - float(data(funds.get_balances(ccy="USDT"))[0]["availBal"]), 25.0, "moved amount")
    data(funds.funds_transfer("USDT", "25", "18", "6"))
    equal(data(funds.get_balances(ccy="USDT"))[0]["availBal"], before, "what came back")


def deposit():
    funds = connect(FundingAPI, "trade")
    address = data(funds.get_deposit_address("BTC"))[0]["addr"]
    holds(address, "no address")
    (row,) = data(funds.get_deposit_history(ccy="BTC"))
    equal((row["ccy"], row["to"]), ("BTC", address), "currency and address of the deposit")


def withdraw():
    out = connect(FundingAPI, "withdraw")
    (made,) = data(out.withdrawal("BTC", "0.01", "4", ADDRESS))
    history = data(out.get_withdrawal_history(ccy="BTC"))
    holds(made["wdId"] in [row["wdId"] for row in history], "it is not in the history")
    refused = out.withdrawal("BTC", "0.01", "4", "bc1qsomewhereelse")
    equal(refused["code"], "58207", "code for an address that is not listed")


def no_right():
    refused = connect(FundingAPI, "trade").withdrawal("BTC", "0.01", "4", ADDRESS)
    equal(refused["code"], "50120", "code without the right to withdraw")


def sub_accounts():
    # The list is Keyward's own, and names what the sub-account's key reads of itself.
    uid = data(connect(AccountAPI, "sub").get_account_config())[0]["uid"]
    (row,) = data(connect(SubAccountAPI, "trade").get_subaccount_list(subAcct="probeSub01"))
    equal((row["subAcct"], row["uid"]), ("probeSub01", uid), "the sub-account")


def demo():
    holds(data(connect(AccountAPI, "demo", flag="1").get_account_balance()), "no balance")
    equal(connect(AccountAPI, "demo").get_account_balance()["code"], "50101", "code of a demo key on live")
    equal(connect(AccountAPI, "trade", flag="1").get_account_balance()["code"], "50101", "code of a live key on demo")


account, trade = connect(AccountAPI, "trade"), connect(TradeAPI, "trade")
steps.run("instruments", instruments)
steps.run("ticker", ticker)
steps.run("balance", balance)
steps.run("config", config)
resting = steps.run("order_rests", rest)
steps.run("order_amended", amend)
steps.run("order_cancelled", cancel)
filled = steps.run("order_fills", fill)
steps.run("fills", fills)
steps.run("batch", batch)
steps.run("transfer", transfer)
steps.run("deposit", deposit)
steps.run("withdraw", withdraw)
steps.run("no_right", no_right)
steps.run("sub_accounts", sub_accounts)
steps.run("demo", demo)
sys.exit(steps.failed)
