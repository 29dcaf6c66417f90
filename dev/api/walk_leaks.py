"""The walk: unused keys, a canary, a secret that a scanner reports, and one that somebody pastes."""

import base64
import hashlib
import http.client
import json
import subprocess
import urllib.parse

from client import Broken
from gateway import becomes


def run(world):
    person = world.other()
    unused(person)
    canary(world, person)
    reported(world, person)
    pasted(world, person)


def unused(person):
    listed = person.do("GET /keys", query={"unused_days": 1})
    listed.shows(listed.json["keys"] == [], "no key of a sandbox is a day old")
    person.refused("bad_unused_days", "GET /keys", query={"unused_days": 0})


def canary(world, person):
    wish = world.wish("Canary", purpose="canary", permissions=["read"])
    del wish["from"]
    made = person.approved("POST /keys", body=wish, expect=201)
    made.shows(becomes(world.gateway, made.json, "50110"), "the gateway answers as for a key that is bound elsewhere")
    shown = person.get("/keys/{id}", made.json["api_key"])
    made.shows((shown["purpose"], shown["from"]) == ("canary", "nowhere"), "it is listed as a canary")
    addresses = {"reach": "addresses", "addresses": ["127.0.0.1"]}
    person.refused("canary", "PUT /keys/{id}/addresses", made.json["api_key"], body={"from": addresses, "name": "Canary"})
    person.confirmed("DELETE /keys/{id}", made.json["api_key"], body={"name": "Canary"})


def signed(world, findings):
    """A report and its headers, signed with openssl."""
    scanner = world.credentials["scanner"]
    body = json.dumps(findings).encode()
    command = ["openssl", "dgst", "-sha256", "-sign", scanner["private_key_file"]]
    signature = base64.b64encode(subprocess.run(command, input=body, capture_output=True, check=True).stdout).decode()
    return body, {"Github-Public-Key-Identifier": scanner["key_id"], "Github-Public-Key-Signature": signature}


def reported(world, person):
    key = person.approved("POST /keys", body=world.wish("Leaky"), expect=201).json
    becomes(world.gateway, key, "0")
    place = "https://git.example/walk/.env"
    findings = [{"token": key["secret"], "type": "keyward", "url": place, "source": "content"},
                {"token": key["api_key"], "type": "keyward"}]
    body, headers = signed(world, findings)
    answer = person.do("POST /leaks", body=body, headers=headers, token="")
    expected = [{"token_hash": hashlib.sha256(one["token"].encode()).hexdigest(), "token_type": "keyward", "label": label}
                for one, label in zip(findings, ("true_positive", "false_positive"))]
    answer.shows(answer.json == expected, "the secret is true, the API key alone is not")
    answer.shows(becomes(world.gateway, key, "50120"), "the gateway refuses the key")
    shown = person.get("/keys/{id}", key["api_key"])
    answer.shows(shown["state"] == "held", "it is in quarantine")
    alerts = person.get("/alerts")["alerts"]
    told = [one for one in alerts if one["kind"] == "secret_leaked"]
    answer.shows(len(told) == 1 and place in told[0]["detail"], "its owner is told where it was found")
    person.refused("not_signed", "POST /leaks", body=body + b" ", headers=headers, token="")
    person.confirmed("DELETE /keys/{id}", key["api_key"], body={"name": "Leaky"})


def pasted(world, person):
    """The page is no operation of the document, so it is asked directly."""
    key = person.approved("POST /keys", body=world.wish("Pasted"), expect=201).json
    becomes(world.gateway, key, "0")
    place = urllib.parse.urlsplit(world.credentials["console_url"])
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=20)
    form = urllib.parse.urlencode({"text": f"{key['api_key']} {key['secret']}"})
    connection.request("POST", "/found", form, {"Host": place.netloc, "Sec-Fetch-Site": "same-origin",
                                                "Content-Type": "application/x-www-form-urlencoded"})
    reply = connection.getresponse()
    page = reply.read().decode()
    connection.close()
    if reply.status != 200 or "it is stopped now" not in page or key["api_key"] in page:
        raise Broken(f"/found: {reply.status} {page[:600]}")
    if not becomes(world.gateway, key, "50120"):
        raise Broken("/found: the gateway does not refuse the key")
    person.confirmed("DELETE /keys/{id}", key["api_key"], body={"name": "Pasted"})
