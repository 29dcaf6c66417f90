"""Signed requests to the gateway, by OKX's rules: what a key can do right now."""

import base64
import datetime
import hashlib
import hmac
import http.client
import json
import urllib.parse

from client import Broken
from program import wait

# A route with a wide limit, so that asking often is not what gets refused.
TARGET = "/api/v5/trade/orders-pending"
# The product promises one second; here is no place to measure it on a machine that is busy.
BOUND_S = 15


def code(url, key, source="127.0.0.1"):
    """The OKX code of one signed request."""
    return send(url, key, "GET", TARGET, source=source)["code"]


def order(url, key, asked):
    """What is answered to one order: its line of data, or, when the request is refused as a whole, that refusal as such a line.

    The latter is met while a key changes (50013, "try again"): nothing in a walk is about that moment."""
    answer = send(url, key, "POST", "/api/v5/trade/order", json.dumps(asked))
    [line] = answer.get("data") or [{"sCode": answer["code"], "sMsg": answer["msg"], "ordId": ""}]
    return line


def send(url, key, method, target, body="", source="127.0.0.1"):
    """The envelope that answers one signed request."""
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp = now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"
    mac = hmac.new(key["secret"].encode(), f"{stamp}{method}{target}{body}".encode(), hashlib.sha256).digest()
    headers = {"OK-ACCESS-KEY": key["api_key"], "OK-ACCESS-SIGN": base64.b64encode(mac).decode(),
               "OK-ACCESS-TIMESTAMP": stamp, "OK-ACCESS-PASSPHRASE": key["passphrase"]}
    if body:
        headers["Content-Type"] = "application/json"
    place = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=20, source_address=(source, 0))
    try:
        connection.request(method, target, body or None, headers)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def becomes(url, key, wanted, source="127.0.0.1"):
    """Whether the gateway answers with this code soon."""
    seen = []

    def asked():
        seen[:] = [code(url, key, source)]
        return seen == [wanted]

    try:
        return wait(f"the gateway answers {wanted}", BOUND_S, asked)
    except TimeoutError as late:
        raise Broken(f"{late}, but {seen[0]}") from None
