"""Checks the identity that a Keyward gateway puts on each request and on each frame of a socket.

Needs `pip install blake3`.

    key = read_key("/etc/exchange/keyward-identity.key")
    identity = verify(1, key, headers, "POST", b"/api/v5/trade/order", body, now_ms)
    identity, request = verify_frame(1, key, frame, b"/ws/v5/private", now_ms)

`headers` is a list of (name, value) pairs as they came. The target is the raw path with its query; that of a frame is the
target of its socket's upgrade. `frame` is the whole text of a frame. Both return the identity as a dict, or raise
`Refused`: then the request must not be acted on. See docs/IDENTITY.md.
"""

import base64
import binascii
import hmac
import json

from blake3 import blake3

PREFIX = "keyward-"
SIGNATURE = "keyward-identity"
DEADLINE = "keyward-deadline"
# In the order in which they are signed.
FIELDS = [
    "keyward-account", "keyward-sub-account", "keyward-key", "keyward-label", "keyward-ip", "keyward-permissions",
    "keyward-environment", "keyward-route", "keyward-request-id", DEADLINE, "keyward-client-address",
]
REQUIRED = {"keyward-permissions", "keyward-environment", "keyward-route", "keyward-request-id", DEADLINE,
            "keyward-client-address", SIGNATURE}
# Stands for the method of a frame.
FRAME = "WS"
# Digits of the largest number of 64 bits.
DEADLINE_DIGITS = 20


class Refused(Exception):
    """The request does not come from the gateway as it is, or comes too late."""


def read_key(path):
    """The 32 bytes in a file that `keyward identity-key` wrote: 64 hexadecimal digits and a line feed. Its number is 1."""
    with open(path, encoding="ascii") as file:
        key = bytes.fromhex(file.read().strip())
    if len(key) != 32:
        raise ValueError("the key must have 32 bytes")
    return key


def mac(key, told, method, target, body):
    """The MAC over all fields. An absent field is None, which differs from an empty one."""
    message = bytearray()

    def field(label, value):
        length = 0xFFFFFFFF if value is None else len(value)
        message.extend(label.encode() + b"\0" + length.to_bytes(4, "big") + (value or b""))

    field("format", b"keyward identity 2")
    for name in FIELDS:
        value = told.get(name)
        if name == DEADLINE:
            field(name, int(value).to_bytes(8, "big"))
        else:
            field(name, None if value is None else value.encode())
    field("method", method.encode())
    field("target", target)
    field("body", blake3(body).digest())
    return blake3(bytes(message), key=key).digest()


def verify(key_id, key, headers, method, target, body, now_ms):
    """The verified identity. `body` is empty bytes for a request without one."""
    if method == FRAME:
        raise Refused("a frame's identity does not work for a request")
    told = {}
    for name, value in headers:
        name = name.lower()
        if not name.replace("_", "-").replace(".", "-").startswith(PREFIX):
            continue
        put(told, name, value)
    return check(key_id, key, told, method, target, body, now_ms)


def verify_frame(key_id, key, frame, target, now_ms):
    """The verified identity and the request of a text frame. `target` is the raw target of the socket's upgrade."""
    line, line_feed, request = frame.partition("\n")
    if not line_feed:
        raise Refused("the frame has no line of identity")
    try:
        # Objects become tuples of pairs, so that no name is lost; arrays become lists.
        members = json.loads(line, object_pairs_hook=tuple)
    except (ValueError, RecursionError) as error:
        raise Refused("the line of identity is not JSON") from error
    if not isinstance(members, tuple) or not all(isinstance(value, str) for _, value in members):
        raise Refused("the line of identity is not an object of strings")
    told = {}
    for name, value in members:
        put(told, name, value)
    return check(key_id, key, told, FRAME, target, request.encode(), now_ms), request


def put(told, name, value):
    """Takes one name of the gateway. No other name is known, and none may come twice."""
    if name not in FIELDS and name != SIGNATURE or name in told:
        raise Refused(f"{name} is unknown or comes twice")
    if not value.isascii():
        raise Refused(f"{name} has a character that the gateway never sends")
    told[name] = value


def check(key_id, key, told, method, target, body, now_ms):
    """The identity without its signature, if it fits the request and is not late."""
    missing = REQUIRED - told.keys()
    if missing:
        raise Refused(f"missing: {', '.join(sorted(missing))}")
    parts = told.pop(SIGNATURE).split(",")
    if len(parts) != 3 or parts[0] != "v2" or parts[1] != str(key_id) or len(parts[2]) != 44:
        raise Refused("the identity is malformed or was made with another key")
    until = told[DEADLINE]
    if not until.isdigit() or len(until) > DEADLINE_DIGITS or int(until) >= 1 << 64:
        raise Refused("the deadline is no number")
    try:
        claimed = base64.b64decode(parts[2], validate=True)
    except binascii.Error as error:
        raise Refused("the MAC is no Base64") from error
    if base64.b64encode(claimed).decode() != parts[2]:
        raise Refused("the MAC has another spelling")
    if not hmac.compare_digest(mac(key, told, method, target, body), claimed):
        raise Refused("the identity does not fit the request")
    if int(until) < now_ms:
        raise Refused("the deadline has passed")
    return told
