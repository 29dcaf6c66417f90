"""What a person proves themselves with: an authenticator's codes, and a passkey in software.

The passkey makes what a browser and a device make together (WebAuthn level 3): ES256, no attestation, its user
verified. Keys and signatures are OpenSSL's.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import struct
import subprocess
import tempfile
import time
import urllib.parse

STEP_S = 30
PRESENT, VERIFIED, WITH_KEY = 0x01, 0x04, 0x40


def totp(secret, step):
    """The code of a time step (RFC 6238: SHA-1, six digits)."""
    mac = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1).digest()
    at = mac[19] & 15
    return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


class Authenticator:
    """Never gives a code twice: each serves once. One step early is accepted, so the second code needs no wait."""

    def __init__(self, secret):
        self.secret, self.used = secret, 0

    def code(self):
        now = lambda: int(time.time()) // STEP_S
        while self.used + 1 > now() + 1:
            time.sleep(0.1)
        self.used = max(now(), self.used + 1)
        return totp(self.secret, self.used)


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*words, given=b""):
    return subprocess.run(["openssl", *words], input=given, check=True, capture_output=True, timeout=30).stdout


class Passkey:
    """A device that holds one passkey for the origin that it was made for."""

    def __init__(self, origin):
        self.origin, self.party = origin, urllib.parse.urlsplit(origin).hostname
        self.folder = tempfile.TemporaryDirectory(prefix="keyward-passkey-")
        self.key = pathlib.Path(self.folder.name, "key.pem")
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(self.key))
        # The point stands at the end: 0x04 and its two coordinates.
        self.point = openssl("pkey", "-in", str(self.key), "-pubout", "-outform", "DER")[-64:]
        self.id = hashlib.sha256(self.point).digest()
        self.holder, self.counter = "", 1

    def client_data(self, kind, question):
        challenge = question["options"]["challenge"]
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def data(self, more=0):
        party = hashlib.sha256(self.party.encode()).digest()
        return party + bytes([PRESENT | VERIFIED | more]) + struct.pack(">I", self.counter)

    def create(self, question):
        """Answers `navigator.credentials.create`."""
        self.holder = question["options"]["user"]["id"]
        # COSE: an elliptic key (1: 2) for ES256 (3: -7) on P-256 (-1: 1), then x and y.
        cose = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" + self.point[:32] + b"\x22\x58\x20" + self.point[32:]
        data = self.data(WITH_KEY) + bytes(16) + struct.pack(">H", len(self.id)) + self.id + cose
        # CBOR: {"fmt": "none", "attStmt": {}, "authData": bytes}.
        attested = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59" + struct.pack(">H", len(data)) + data
        return self.credential(question, {
            "attestationObject": encoded(attested),
            "clientDataJSON": encoded(self.client_data("webauthn.create", question)),
            "transports": ["internal"],
        })

    def get(self, question):
        """Answers `navigator.credentials.get`; the counter goes on."""
        self.counter += 1
        client, data = self.client_data("webauthn.get", question), self.data()
        signed = data + hashlib.sha256(client).digest()
        return self.credential(question, {
            "authenticatorData": encoded(data),
            "clientDataJSON": encoded(client),
            "signature": encoded(openssl("dgst", "-sha256", "-sign", str(self.key), given=signed)),
            "userHandle": self.holder,
        })

    def credential(self, question, response):
        name = encoded(self.id)
        return {"ceremony": question["ceremony"], "credential": {
            "id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}}}
