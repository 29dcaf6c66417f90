"""Real OKX clients against `keyward sandbox`: one JSON line per step; exit code 0 only if every step was right.

Environment: KEYWARD_BIN (the built program), KEYWARD_NODE_CLIENTS (the folder whose node_modules holds okx-api).
The probes of a neighbouring `shared/clients` folder run as well where there is one.
"""
import json
import os
import pathlib
import ssl
import subprocess
import sys
import time

import command_line
import sandbox
import signer
from report import Steps, equal

HERE = pathlib.Path(__file__).resolve().parent
PROBES = HERE.parents[2] / "shared" / "clients"
NODE = os.environ.get("KEYWARD_NODE_CLIENTS", "")
# Each with the steps that it must report at least.
CYCLES = {
    "cycle_python_okx.py": "instruments,ticker,balance,config,order_rests,order_amended,order_cancelled,order_fills,fills,"
                           "batch,transfer,deposit,withdraw,no_right,sub_accounts,demo",
    "cycle_ccxt.py": "load_markets,ticker,order_book,balance,config,order_rests,order_amended,order_cancelled,order_fills,"
                     "trades,batch,transfer,deposit,withdraw,sub_accounts,demo,wrong_secret",
    "cycle_okx_api.mjs": "instruments,ticker,balance,config,order_rests,order_amended,order_cancelled,order_fills,fills,"
                         "batch,transfer,deposit,withdraw,no_right,sub_accounts,demo",
}
# With a key that has limits.
LIMITS = {
    "limits_ccxt.py": "prices,places_one,another_instrument,too_large,amended_too_large,market_order_with_a_price,"
                      "code_of_another_instrument,batch_over_the_day,too_fast,cancels,limits_are_narrowed,"
                      "withdraws_to_one_address",
}
# With a sub-account's key, whose transfers wait for the master account.
APPROVALS = {"approvals_ccxt.py": "connect,passes_once,a_refusal_stays,thresholds"}
# The cycles over sockets.
STREAMS = {
    "stream_ccxt.py": "load_markets,ticker,order_book,candles,balance,order_rests,order_amended,order_cancelled,order_fills,"
                      "batch,demo,wrong_secret,wrong_passphrase,unknown_key,refused_keys,read_only,trade_only,"
                      "before_login,unknown_channel,revoked",
    "stream_okx_api.mjs": "ticker,books5,candles,balance,order_rests,order_amended,order_cancelled,order_fills,batch,"
                          "one_socket,demo,wrong_secret,wrong_passphrase,unknown_key,read_only,before_login,"
                          "unknown_channel,revoked",
    "stream_python_okx.py": "instruments,ticker,order_book,heartbeat,business,pushed_from_rest,operations,batch,"
                            "demo,wrong_secret,wrong_passphrase,unknown_key,read_only,before_login,unknown_channel,revoked",
}
SUB_KEYS = "subkey_create,subkey_list,subkey_modify,subkey_delete"
PROBE_STEPS = {
    "probe_python_okx.py": f"balance,config,order,{SUB_KEYS}",
    "probe_ccxt.py": f"load_markets,balance,config,order,{SUB_KEYS}",
    "probe_okx_api.mjs": f"balance,config,order,{SUB_KEYS}",
}
# With a key that administers sub-accounts.
SUB_ACCOUNTS = {name: "create_sub_account,list_sub_accounts,create_key,list_keys,modify_key,transfer_out,entrusted,delete_key,"
                      "own_config" for name in ("sub_accounts_ccxt.py", "sub_accounts_python_okx.py")}
# What opens sockets with TLS only: python-okx hands its library a TLS context for every address.
TLS_SOCKETS = ("stream_python_okx.py", "probe_python_okx.py")
# What each key of the sandbox must get: the contract with others, and not what the program says of itself.
EXPECT = {
    "read": "0", "trade": "0", "withdraw": "0", "funding": "0", "manage": "0", "unbound": "0", "no_read": "50120",
    "bound_elsewhere": "50110", "app_here": "0", "app_elsewhere": "50110", "disabled": "50114", "deleted": "50119",
    "expired": "50119", "frozen": "50100", "demo": "50101", "sub": "0",
}
LIMIT_S = 180


def main():
    steps = Steps({"client": "run"})
    if not PROBES.is_dir():
        print(f"no probes in {PROBES}: only our own scripts run", file=sys.stderr)
    server = sandbox.Sandbox(sandbox.program())
    with server:
        plain, tls = server.credentials["gateway_url"], server.credentials["gateway_tls_url"]
        # In this order because a balance may be asked for ten times in 2 s per account, whichever its keys.
        expected_codes(steps, server, plain)
        right = command_line.run(server)
        steps.run("the command line reports its steps", lambda: equal(command_line.steps.count, 10, "steps"))
        steps.run("both spellings of a comma", lambda: both_spellings(server, plain))
        steps.run("TLS needs the sandbox's CA", lambda: tls_needs_the_ca(server, tls))
        steps.run("demo header", lambda: demo_header(server, plain))
        steps.run("the credentials name the sockets", lambda: socket_addresses(server))
        for base in (plain, tls):
            for script, only in CYCLES.items():
                # Each makes two transfers, and an account may make two of a currency in a second.
                time.sleep(1.1)
                steps.run(f"{script} {base}", lambda: script_passes(HERE / script, only, server, base))
            for script, only in (LIMITS | APPROVALS | SUB_ACCOUNTS).items():
                steps.run(f"{script} {base}", lambda: script_passes(HERE / script, only, server, base))
            for script, only in STREAMS.items():
                if has_sockets(script, base):
                    steps.run(f"{script} {base}", lambda: script_passes(HERE / script, only, server, base))
            for script, only in PROBE_STEPS.items() if PROBES.is_dir() else ():
                # Each deletes a key, and an account may delete one in a second.
                time.sleep(1.1)
                steps.run(f"{script} {base}", lambda: probe_passes(PROBES / script, only, server, base))
        expected_codes(steps, server, tls)
    steps.run("exit code after SIGTERM", lambda: equal(server.ended_with, 0, "exit code"))
    return right and not steps.failed


def expected_codes(steps, server, base):
    """Every key gets its code, and the credentials say the same."""
    ca_file, keys = server.credentials["ca_file"], server.credentials["keys"]
    said = {name: key["expect"] for name, key in keys.items()}
    steps.run("the credentials name each key with its code", lambda: equal(said, EXPECT, "expect"))
    for name, wanted in EXPECT.items():
        step = f"{name} expects {wanted} over {base.split(':')[0]}"
        steps.run(step, lambda: equal(signer.code(base, keys[name], ca_file=ca_file), wanted, "code"))


def both_spellings(server, base):
    key = server.credentials["keys"]["trade"]
    for target in ("/api/v5/account/balance?ccy=BTC,USDT", "/api/v5/account/balance?ccy=BTC%2CUSDT"):
        equal(signer.code(base, key, target), "0", target)
    # Each is signed as sent: the signature of one does not fit the other.
    signed = signer.headers(key, "GET", "/api/v5/account/balance?ccy=BTC,USDT")
    _, reply = signer.send(base, "GET", "/api/v5/account/balance?ccy=BTC%2CUSDT", headers=signed)
    equal(reply["code"], "50113", "code of the other spelling")


def tls_needs_the_ca(server, base):
    """Or the runs over TLS would say nothing about certificates."""
    try:
        signer.send(base, "GET", "/api/v5/public/time")
    except ssl.SSLCertVerificationError:
        status, _ = signer.send(base, "GET", "/api/v5/public/time", ca_file=server.credentials["ca_file"])
        equal(status, 200, "status with the CA")
        return
    raise AssertionError("a certificate that nobody vouches for was believed")


def demo_header(server, base):
    key = server.credentials["keys"]["demo"]
    equal(signer.code(base, key, more={"x-simulated-trading": "1"}), "0", "code with the header")
    equal(signer.code(base, key, more={"x-simulated-trading": "0"}), "50101", "code with the header 0")


def socket_addresses(server):
    """Beside the gateway's own addresses, and of its private sockets."""
    for name, base in (("ws_url", "gateway_url"), ("wss_url", "gateway_tls_url")):
        wanted = server.credentials[base].replace("http", "ws", 1) + "/ws/v5/private"
        equal(server.credentials[name], wanted, name)


def has_sockets(script, base):
    return base.startswith("https") or script not in TLS_SOCKETS


def environment(server, base):
    ca_file = server.credentials["ca_file"]
    inherited = {name: value for name, value in os.environ.items()
                 if name not in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")}
    found = {**inherited, "BASE_URL": base, "CREDENTIALS": str(server.file), "CLIENT_DIR": NODE,
             "KEYWARD_BIN": server.program, "SANDBOX_DATA": str(server.data), "PYTHONPATH": str(HERE),
             "PYTHONDONTWRITEBYTECODE": "1"}
    if base.startswith("https"):
        found |= {"SSL_CERT_FILE": ca_file, "REQUESTS_CA_BUNDLE": ca_file, "NODE_EXTRA_CA_CERTS": ca_file}
    return found


def script_passes(script, only, server, base, more=None):
    """The script ends with 0, and reports each of these steps as right and none as wrong."""
    interpreter = "node" if script.suffix == ".mjs" else sys.executable
    done = subprocess.run([interpreter, str(script)], env={**environment(server, base), **(more or {})},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=LIMIT_S)
    sys.stdout.write(done.stdout)
    equal(done.returncode, 0, "exit code")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    equal([line for line in lines if not line["ok"]], [], "steps that failed")
    equal(set(only.split(",")) - {line["step"] for line in lines}, set(), "steps that were not reported")


def probe_passes(script, only, server, base):
    key = server.credentials["keys"]["manage"]
    more = {"API_KEY": key["api_key"], "SECRET": key["secret"], "PASSPHRASE": key["passphrase"]}
    if has_sockets(script.name, base):
        more["WS_URL"] = server.credentials["wss_url" if base.startswith("https") else "ws_url"]
        only += ",ws_login"
    script_passes(script, only, server, base, {**more, "STEPS": only})


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    right = main()
    print(json.dumps({"client": "all", "ok": right}))
    sys.exit(not right)
