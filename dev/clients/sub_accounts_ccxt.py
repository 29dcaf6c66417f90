"""ccxt's methods for sub-accounts and their keys, with a key that administers them.

Environment: BASE_URL, CREDENTIALS, KEYWARD_BIN, SANDBOX_DATA; a private CA in REQUESTS_CA_BUNDLE.
"""
import json
import os
import sys

import ccxt

import sub_accounts
from report import Steps

BASE = os.environ["BASE_URL"]
KEY = sub_accounts.CREDENTIALS["keys"]["manage"]
steps = Steps({"client": "ccxt with sub-accounts", "base": BASE.split(":")[0]})
exchange = ccxt.okx({
    "apiKey": KEY["api_key"], "secret": KEY["secret"], "password": KEY["passphrase"],
    "requests_trust_env": "REQUESTS_CA_BUNDLE" in os.environ,
})
exchange.urls["api"]["rest"] = BASE


def data_of(method):
    """The method as one that gives `data`, or raises what the gateway said."""
    def call(params=None):
        try:
            return method(params or {})["data"]
        except ccxt.ExchangeError as found:
            raise sub_accounts.Refused(json.loads(str(found).split(" ", 1)[1])) from None
    return call


class Client:
    create_sub_account = staticmethod(data_of(exchange.private_post_users_subaccount_create_subaccount))
    list_sub_accounts = staticmethod(data_of(exchange.private_get_users_subaccount_list))
    create_key = staticmethod(data_of(exchange.private_post_users_subaccount_apikey))
    list_keys = staticmethod(data_of(exchange.private_get_users_subaccount_apikey))
    modify_key = staticmethod(data_of(exchange.private_post_users_subaccount_modify_apikey))
    delete_key = staticmethod(data_of(exchange.private_post_users_subaccount_delete_apikey))
    set_transfer_out = staticmethod(data_of(exchange.private_post_users_subaccount_set_transfer_out))
    list_entrusted = staticmethod(data_of(exchange.private_get_users_entrust_subaccount_list))
    config = staticmethod(data_of(exchange.private_get_account_config))


sub_accounts.run(steps, Client, "ccxt")
sys.exit(bool(steps.failed))
