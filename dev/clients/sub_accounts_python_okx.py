"""python-okx's `SubAccountAPI` with a key that administers sub-accounts.

Environment: BASE_URL, CREDENTIALS, KEYWARD_BIN, SANDBOX_DATA; a private CA in SSL_CERT_FILE.
"""
import os
import sys

from okx.Account import AccountAPI
from okx.SubAccount import SubAccountAPI

import sub_accounts
from report import Steps

BASE = os.environ["BASE_URL"]
KEY = sub_accounts.CREDENTIALS["keys"]["manage"]
PATH = "/api/v5/users/subaccount/"
steps = Steps({"client": "python-okx with sub-accounts", "base": BASE.split(":")[0]})
creds = {"api_key": KEY["api_key"], "api_secret_key": KEY["secret"], "passphrase": KEY["passphrase"],
         "flag": "0", "domain": BASE}
api, account = SubAccountAPI(**creds), AccountAPI(**creds)


def data_of(answer):
    if answer["code"] != "0":
        raise sub_accounts.Refused(answer)
    return answer["data"]


class Client:
    """The SDK has no methods of its own to create, list and delete keys; they go through the one that all of its calls use."""

    @staticmethod
    def create_sub_account(params):
        return data_of(api._request_with_params("POST", PATH + "create-subaccount", params))

    @staticmethod
    def list_sub_accounts(params):
        return data_of(api.get_subaccount_list(subAcct=params["subAcct"]))

    @staticmethod
    def create_key(params):
        return data_of(api._request_with_params("POST", PATH + "apikey", params))

    @staticmethod
    def list_keys(params):
        return data_of(api._request_with_params("GET", PATH + "apikey", params))

    @staticmethod
    def modify_key(params):
        given = {"label": params.get("label", ""), "ip": params.get("ip", "-1")}
        return data_of(api.reset_subaccount_apikey(params["subAcct"], params["apiKey"], **given))

    @staticmethod
    def delete_key(params):
        return data_of(api._request_with_params("POST", PATH + "delete-apikey", params))

    @staticmethod
    def set_transfer_out(params):
        return data_of(api.set_permission_transfer_out(params["subAcct"], params["canTransOut"]))

    @staticmethod
    def list_entrusted():
        return data_of(api.get_entrust_subaccount_list())

    @staticmethod
    def config():
        return data_of(account.get_account_config())


sub_accounts.run(steps, Client, "pyokx")
sys.exit(bool(steps.failed))
