"""The walk: an alert channel to a receiver here, which refuses a message until it is given up.

A message is given up after three days. There is no way to wait so long, so the times of that one message are turned
back in the sandbox's store; everything else goes over the API.
"""

import contextlib
import sqlite3

from program import wait

CHOICES = {"which": "all", "digest": "at_once"}
FOUR_DAYS_MS = 4 * 24 * 60 * 60 * 1_000


def run(world):
    person, receiver = world.other(), world.receiver
    target = {"kind": "webhook", "url": f"http://{receiver.place}/walk?token=walk"}
    body = {"name": "walk", "target": target, "choices": CHOICES}
    added = person.approved("POST /channels", body=body, expect=201)
    channel = added.json["id"]
    listed = person.do("GET /channels")
    listed.shows([one["id"] for one in listed.json] == [channel], "the channel")
    shown = person.do("GET /channels/{id}", channel)
    shown.shows((shown.json["name"], shown.json["kind"], shown.json["state"]) == ("walk", "webhook", "active")
                and "token" not in shown.json["goes_to"], "the channel, without what is secret of its address")
    added.shows(added.json["secret"].startswith("whsec_") and added.json["secret"] not in shown.body.decode(),
                "its secret is shown this once")
    sends(world, person, channel)
    changes(person, channel)


def age(world, message):
    """Moves a message four days into the past, so that its next try is the last."""
    with contextlib.closing(sqlite3.connect(world.data / "keyward.db", timeout=20)) as store, store:
        changed = store.execute("UPDATE deliveries SET at = at - ?1, due_at = due_at - ?1, asked_at = asked_at - ?1, "
                                "next_at = 0 WHERE id = ?2", (FOUR_DAYS_MS, message)).rowcount
        store.execute("UPDATE channels SET next_at = 0")
    if changed != 1:
        raise AssertionError(f"{changed} messages have the id {message}")


def sends(world, person, channel):
    receiver = world.receiver
    sent = person.do("POST /channels/{id}/test", channel, expect=202)
    message = sent.json["message"]
    wait("the message comes", 20, lambda: receiver.alerts_of(message))
    sent.shows(receiver.alerts_of(message)[0]["type"].startswith("keyward."), "it came, under its id")
    row = lambda: person.get("/channels/{id}/deliveries", channel)["deliveries"][0]
    wait("the log says that it was refused", 20, lambda: row()["status"] == 400)
    person.refused("no_message", "POST /channels/{id}/send-again", channel, body={"message": message})
    age(world, message)
    wait("the log says that it failed", 20, lambda: row()["state"] == "failed")
    failed = row()
    again = person.do("POST /channels/{id}/send-again", channel, body={"message": message}, expect=202)
    wait("the message comes again", 20, lambda: len(receiver.alerts_of(message)) == 3)
    again.shows(again.json["message"] == message, "it came again, under the same id")
    wait("the log says that it was delivered", 20, lambda: row()["state"] == "delivered")
    log = person.do("GET /channels/{id}/deliveries", channel)
    log.shows((failed["message"], failed["status"], row()["status"]) == (message, 400, 204), "what the receiver answered")
    person.refused("no_message", "POST /channels/{id}/send-again", channel, body={"message": message})


def changes(person, channel):
    body = {"name": "walked", "choices": {"which": "critical", "digest": "daily", "quiet": {"from": "22:00", "to": "06:30"}}}
    changed = person.confirmed("PUT /channels/{id}", channel, body=body)
    shown = person.get("/channels/{id}", channel)
    changed.shows((shown["name"], shown["choices"]) == (body["name"], body["choices"]), "the channel has them")
    removed = person.confirmed("DELETE /channels/{id}", channel, expect=204, by="passkey")
    person.refused("no_channel", "GET /channels/{id}", channel)
    person.refused("no_channel", "GET /channels/{id}/deliveries", channel)
    removed.shows(person.get("/channels") == [], "it is gone, with its log")
