"""The smallest OKX client: the standard library only, and every byte of the request under our control."""
import base64
import datetime
import hashlib
import hmac
import http.client
import json
import ssl
import urllib.parse


def timestamp():
    now = datetime.datetime.now(datetime.timezone.utc)
    return now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"


def headers(key, method, target, body="", stamp=None):
    stamp = stamp or timestamp()
    text = (stamp + method + target + body).encode()
    mac = hmac.new(key["secret"].encode(), text, hashlib.sha256).digest()
    return {
        "OK-ACCESS-KEY": key["api_key"],
        "OK-ACCESS-SIGN": base64.b64encode(mac).decode(),
        "OK-ACCESS-TIMESTAMP": stamp,
        "OK-ACCESS-PASSPHRASE": key["passphrase"],
        "Content-Type": "application/json",
    }


def send(base, method, target, body="", headers=None, ca_file=None):
    """One request on its own connection; the target goes out exactly as given. Returns status and reply."""
    url = urllib.parse.urlsplit(base)
    if url.scheme == "https":
        context = ssl.create_default_context(cafile=ca_file)
        connection = http.client.HTTPSConnection(url.hostname, url.port, timeout=15, context=context)
    else:
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=15)
    try:
        connection.request(method, target, body=body.encode() or None, headers=headers or {})
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


def code(base, key, target="/api/v5/account/balance", ca_file=None, more=None):
    """The OKX code of a signed GET."""
    signed = {**headers(key, "GET", target), **(more or {})}
    return send(base, "GET", target, headers=signed, ca_file=ca_file)[1]["code"]
