"""The walk: transfers by a sub-account's key, approved and refused, each seen at the gateway; then thresholds."""

import json
import time

from client import Broken
from gateway import send
from program import wait

TARGET = "/api/v5/asset/transfer"


def transfer(world, amount):
    """The envelope that answers a transfer from the sub-account to its master. An account may make two of a currency in a second."""
    time.sleep(0.6)
    body = {"ccy": "USDT", "amt": amount, "from": "6", "to": "18", "type": "3", "clientId": f"c{time.monotonic_ns()}"}
    return send(world.gateway, world.credentials["keys"]["sub"], "POST", TARGET, json.dumps(body))


def waits(world, amount):
    """The number under which a transfer waits."""
    answer = transfer(world, amount)
    if answer["code"] != "90450" or answer["data"][0]["state"] != "waiting":
        raise Broken(f"{amount} does not wait: {answer}")
    return answer["data"][0]["approvalId"]


def state(world, number):
    key = world.credentials["keys"]["sub"]
    return send(world.gateway, key, "GET", f"/api/v5/users/approvals?id={number}")["data"][0]["state"]


def run(world):
    person = world.holder
    one, other = waits(world, "1"), waits(world, "2")
    listed = person.do("GET /approvals")
    shown = {row["id"]: row for row in listed.json["waiting"]}
    listed.shows(shown[one]["amount"] == "1" and shown[one]["sub_account"] == "probeSub01"
                 and listed.json["count"] == 2, "what waits, and of which sub-account")
    world.broker.refused("no_approval", "POST /approvals/approve", body={"approvals": [one]})
    approved = person.approved("POST /approvals/approve", body={"approvals": [one]})
    approved.shows(approved.json["decided"] == [one] and state(world, one) == "approved", "its client is told")
    # The sandbox's exchange may refuse the transfer itself: what counts is that the gateway let it out, once.
    passed = transfer(world, "1")
    approved.shows(not passed["code"].startswith("9") and state(world, one) == "used", "it passes once")
    refused = person.confirmed("POST /approvals/refuse", body={"approvals": [other]}, by="passkey")
    refused.shows(transfer(world, "2")["code"] == "90451", "its client is told")
    person.refused("decided_already", "POST /approvals/approve", body={"approvals": [other]})
    person.refused("bad_approvals", "POST /approvals/refuse", body={"approvals": []})
    page = person.do("GET /approvals", query={"limit": 1})
    older = person.get("/approvals", limit=1, cursor=page.json["next"])
    page.shows({page.json["settled"][0]["id"], older["settled"][0]["id"]} == {one, other}, "the history, page by page")
    thresholds(world, person)


def thresholds(world, person):
    raised = person.approved("PUT /approvals/thresholds", body={"thresholds": {"USDT": "10"}})
    raised.shows(not transfer(world, "4")["code"].startswith("9"), "a small transfer passes without asking")
    shown = person.do("GET /approvals/thresholds")
    shown.shows(shown.json["thresholds"] == [{"currency": "USDT", "limit": "10", "used": "4", "used_demo": "0"}],
                "what is used of it today")
    number = waits(world, "7")
    lowered = person.confirmed("PUT /approvals/thresholds", body={"thresholds": {}})
    lowered.shows(lowered.json["thresholds"] == [] and waits(world, "3") != number, "every transfer is asked for again")
    person.refused("bad_thresholds", "PUT /approvals/thresholds", body={"thresholds": {"USDT": "0"}})
    person.confirmed("POST /approvals/refuse", body={"approvals": [number]})
    wait("nothing of this waits", 5, lambda: number not in [row["id"] for row in person.get("/approvals")["waiting"]])
