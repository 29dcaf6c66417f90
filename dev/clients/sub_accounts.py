"""What both clients check of OKX's endpoints for sub-accounts: a key with `manage` creates, lists and changes; what goes beyond it
waits for the master account and is done when the same request comes again.

`client` has one method for each endpoint, which gives the elements of `data` or raises `Refused`.
"""
import json
import os
import subprocess
import time

from report import equal, holds

CREDENTIALS = json.load(open(os.environ["CREDENTIALS"]))
# Each run has a sub-account of its own.
NUMBER = f"{time.time_ns() // 1_000_000 % 10**9:09d}"


class Refused(Exception):
    """The gateway's code and data."""

    def __init__(self, answer):
        super().__init__(answer.get("msg", ""))
        self.code, self.data = answer.get("code"), answer.get("data", [])


def approve(number):
    line = [os.environ["KEYWARD_BIN"], "approvals", "approve", number, "--data", os.environ["SANDBOX_DATA"]]
    done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    holds(done.returncode == 0, f"approving ended with {done.returncode}: {done.stderr.strip()}")


def waits(call):
    """The call waits; it passes once it is approved. Each endpoint takes one request a second."""
    time.sleep(1.1)
    try:
        call()
    except Refused as refused:
        equal(refused.code, "90450", "code")
        number = refused.data[0]["approvalId"]
    else:
        raise AssertionError("it did not wait")
    approve(number)
    time.sleep(1.1)
    return call()


def refused_with(code, call):
    time.sleep(1.1)
    try:
        call()
    except Refused as refused:
        equal(refused.code, code, "code")
        return
    raise AssertionError(f"done, and not refused with {code}")


def run(steps, client, prefix):
    name = f"{prefix}{NUMBER}"
    made = {}

    def create_sub_account():
        created = client.create_sub_account({"subAcct": name, "type": "1", "label": "by a program"})[0]
        equal((created["subAcct"], created["label"]), (name, "by a program"), "the new sub-account")
        refused_with("59601", lambda: client.create_sub_account({"subAcct": name, "type": "1"}))

    def list_sub_accounts():
        found = client.list_sub_accounts({"subAcct": name})
        equal([one["subAcct"] for one in found], [name], "sub-accounts")
        holds(found[0]["enable"] is True and found[0]["canTransOut"] is False, f"its state: {found[0]}")

    def create_key():
        wish = {"subAcct": name, "label": "one", "passphrase": "Client-Pass1!", "perm": "trade", "ip": "127.0.0.1"}
        made.update(client.create_key(wish)[0])
        equal((made["perm"], made["ip"]), ("read_only,trade", "127.0.0.1"), "the new key")
        holds(len(made["secretKey"]) >= 32 and made["passphrase"] == "Client-Pass1!", "it has its credentials")

    def list_keys():
        found = client.list_keys({"subAcct": name})
        equal([one["apiKey"] for one in found], [made["apiKey"]], "keys")
        holds("secretKey" not in found[0] and "passphrase" not in found[0], "no secret is listed")

    def modify_key():
        changed = client.modify_key({"subAcct": name, "apiKey": made["apiKey"], "label": "two"})[0]
        equal((changed["label"], changed["ip"]), ("two", "127.0.0.1"), "the changed key")
        unbind = {"subAcct": name, "apiKey": made["apiKey"], "ip": ""}
        equal(waits(lambda: client.modify_key(unbind))[0]["ip"], "", "addresses after the approval")

    def transfer_out():
        on = {"subAcct": name, "canTransOut": True}
        equal(waits(lambda: client.set_transfer_out(on)), [{"subAcct": name, "canTransOut": True}], "its answer")
        time.sleep(1.1)
        off = client.set_transfer_out({"subAcct": name, "canTransOut": False})
        equal(off[0]["canTransOut"], False, "less needs no approval")

    def entrusted():
        equal(client.list_entrusted(), [], "sub-accounts in custody")

    def delete_key():
        gone = {"subAcct": name, "apiKey": made["apiKey"]}
        equal(client.delete_key(gone), [{"subAcct": name}], "its answer")
        refused_with("59506", lambda: client.delete_key(gone))

    def own_config():
        config = client.config()[0]
        key = CREDENTIALS["keys"]["manage"]
        equal(config["label"], "manage", "label of the key that asks")
        holds("read_only" in config["perm"] and "127.0.0.1" in config["ip"], f"its perm and ip: {config['perm']} {config['ip']}")
        holds(config["uid"] == config["mainUid"] != "" and key["api_key"], "its account is the main account")

    for step in (create_sub_account, list_sub_accounts, create_key, list_keys, modify_key, transfer_out, entrusted,
                 delete_key, own_config):
        steps.run(step.__name__, step)
