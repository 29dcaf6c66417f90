"""The walk: a third-party app from its draft to a demand for successors, by its broker, two operators and a holder."""

import time

from client import Broken
from gateway import becomes
from picture import point

HERE, WIDER = "127.0.0.0/16\n::1 # this machine", "127.0.0.0/16 ::1 203.0.113.0/24"


def run(world):
    app = registers(world)
    is_reviewed(world, app)
    ranges_are_sent_back(world, app)
    ranges_are_approved(world, app)
    key = a_holder_binds_a_key(world, app)
    is_frozen(world, app, key)
    demands_successors(world, app, key)


def registers(world):
    broker = world.broker
    wish = {"name": "Walk Pal", "home_page": "https://walkpal.example", "contact": "ops@walkpal.example",
            "permissions": ["read"]}
    made = broker.confirmed("POST /apps", body=wish, expect=201)
    app = made.json["app"]["id"]
    shown = broker.do("GET /apps/{id}", app)
    shown.shows(shown.json == made.json, "the app as it was registered")
    made.shows({name: shown.json["app"][name] for name in wish} == wish and shown.json["app"]["standing"] == "draft",
               "a draft of what was asked for")
    edited = broker.confirmed("PATCH /apps/{id}", app, body={"permissions": ["read", "trade"]}, by="passkey")
    edited.shows(broker.get("/apps/{id}", app)["app"]["permissions"] == ["read", "trade"], "the permissions are changed")
    listed = broker.do("GET /apps")
    listed.shows(app in [one["id"] for one in listed.json] and len(listed.json) == 3, "the broker's apps")
    logo(broker, app)
    return app


def logo(broker, app):
    broker.refused("factor_required", "PUT /apps/{id}/logo", app, body=point(), media="image/png")
    done = broker.do("PUT /apps/{id}/logo", app, body=point(), media="image/png",
                     headers={"keyward-factor": broker.password})
    shown = broker.do("GET /apps/{id}/logo", app)
    done.shows(broker.get("/apps/{id}", app)["app"]["has_logo"], "the app has a logo")
    shown.shows(len(shown.body) > 60, "a picture")


def is_reviewed(world, app):
    broker, operator = world.broker, world.operator
    handed = broker.do("POST /apps/{id}/submit", app)
    queue = operator.do("GET /operations/apps/queue")
    queue.shows(app in [one["id"] for one in queue.json["apps"]], "the app waits")
    handed.shows(broker.get("/apps/{id}", app)["app"]["standing"] == "submitted", "it waits for operators")
    sent_back = operator.confirmed("POST /operations/apps/{id}/reject", app, body={"why": "which servers?"}, expect=204)
    after = broker.get("/apps/{id}", app)["app"]
    sent_back.shows((after["standing"], after["reason"]) == ("rejected", "which servers?"), "the broker reads why")
    broker.do("POST /apps/{id}/submit", app)
    world.settled(f"app.verify {app}")
    shown = operator.do("GET /operations/apps/{id}", app)
    shown.shows((shown.json["app"]["standing"], shown.json["owner_name"]) == ("verified", broker.email),
                "a verified app and its broker")
    picture = operator.do("GET /operations/apps/{id}/logo", app)
    picture.shows(picture.body == broker.do("GET /apps/{id}/logo", app).body, "the broker's picture")
    listed = operator.do("GET /operations/apps", query={"limit": 100})
    listed.shows({app} < {one["id"] for one in listed.json["apps"]}, "this app and the others")


def standings(broker, app):
    """The standing of each version of the ranges, by its number."""
    listed = broker.do("GET /apps/{id}/ranges", app, query={"limit": 100})
    return {one["number"]: one["standing"] for one in listed.json["versions"]}


def ranges_are_sent_back(world, app):
    broker, operator = world.broker, world.operator
    checked = broker.do("POST /apps/{id}/ranges/check", app, body={"ranges": HERE + "\n8.8.8.8/24"})
    checked.shows([one["verdict"] for one in checked.json["entries"]] == ["taken", "taken", "refused"]
                  and not standings(broker, app), "each entry's verdict, and nothing is kept")
    submitted = broker.approved("POST /apps/{id}/ranges", app, body={"ranges": HERE, "note": "walk"}, expect=201)
    number = submitted.json["number"]
    submitted.shows(standings(broker, app) == {number: "submitted"}, "they wait for operators")
    taken_back = broker.do("POST /apps/{id}/ranges/{number}/withdraw", app, number, expect=204)
    taken_back.shows(standings(broker, app)[number] == "withdrawn", "they are withdrawn")
    entered = operator.confirmed("POST /operations/apps/{id}/ranges", app, body={"ranges": HERE}, expect=201)
    second = entered.json["number"]
    entered.shows(standings(broker, app)[second] == "submitted", "the broker sees them wait")
    read = operator.do("POST /operations/apps/{id}/ranges/{number}/read", app, second)
    records = operator.get("/operations/audit", action="app.ranges.read")["records"]
    read.shows(read.json["ranges"] == ["127.0.0.0/16", "::1"] and [one["subject"] for one in records] == [f"app:{app}"],
               "the ranges, and that they were read is on record, once")
    sent_back = operator.confirmed("POST /operations/apps/{id}/ranges/{number}/reject", app, second,
                                   body={"why": "ask the broker"}, expect=204)
    history = broker.do("GET /apps/{id}/ranges", app)
    newest = history.json["versions"][0]
    sent_back.shows((newest["standing"], newest["reason"]) == ("rejected", "ask the broker"), "the broker reads why")
    history.shows([one["number"] for one in history.json["versions"]] == [second, number], "the newest first")


def ranges_are_approved(world, app):
    broker, holder = world.broker, world.holder
    number = broker.approved("POST /apps/{id}/ranges", app, body={"ranges": WIDER}, expect=201).json["number"]
    world.settled(f"app.ranges.approve {app} {number}")
    if standings(broker, app)[number] != "active":
        raise Broken(f"app.ranges.approve: version {number} is {standings(broker, app)[number]}")
    narrowed = broker.confirmed("POST /apps/{id}/ranges", app, body={"ranges": HERE}, expect=201)
    now = standings(broker, app)
    narrowed.shows((now[number], now[narrowed.json["number"]]) == ("retired", "active"), "in force at once")
    choices = holder.do("GET /third-party-apps", query={"q": "walk pal"})
    choices.shows([one["id"] for one in choices.json["apps"]] == [app], "the app, by its name")
    shown = holder.do("GET /third-party-apps/{id}/logo", app)
    shown.shows(shown.body == broker.do("GET /apps/{id}/logo", app).body, "the broker's picture")


def a_holder_binds_a_key(world, app):
    wish = world.wish("Pal", app=app, purpose="third_party_app")
    del wish["from"]
    key = world.other().approved("POST /keys", body=wish, expect=201).json
    if world.other().get("/keys/{id}", key["api_key"])["app"]["id"] != app:
        raise Broken("POST /keys: the key is not bound to the app")
    becomes(world.gateway, key, "0")
    seen = world.operator.do("GET /operations/apps/{id}/preview", app)
    seen.shows((seen.json["keys"], seen.json["accounts"]) == (1, 1), "one key of one account")
    return key


def is_frozen(world, app, key):
    broker, operator = world.broker, world.operator
    frozen = broker.confirmed("POST /apps/{id}/freeze", app, expect=204, by="passkey")
    frozen.shows(becomes(world.gateway, key, "50100"), "the gateway refuses its keys")
    frozen.shows(broker.get("/apps/{id}", app)["app"]["frozen_by"] == "broker", "the broker froze it")
    thawed = broker.approved("POST /apps/{id}/thaw", app, expect=204)
    thawed.shows(becomes(world.gateway, key, "0"), "the gateway takes its keys again")
    frozen = operator.confirmed("POST /operations/apps/{id}/freeze", app, body={"why": "broken into"}, expect=204)
    frozen.shows(becomes(world.gateway, key, "50100"), "the gateway refuses its keys")
    tried = broker.approved("POST /apps/{id}/thaw", app, expect=409)
    frozen.shows((tried.code, broker.get("/apps/{id}", app)["app"]["frozen_by"]) == ("frozen", "operator"),
                 "the broker cannot thaw it")
    world.settled(f"app.thaw {app}")
    becomes(world.gateway, key, "0")


def demands_successors(world, app, key):
    due = int(time.time() * 1000) + 2 * 60 * 60 * 1000
    demanded = world.operator.confirmed("POST /operations/apps/{id}/demand", app,
                                        body={"due_ms": due, "why": "after the break-in"}, expect=204)
    own = world.broker.get("/apps/{id}", app)["app"]["successors_due_ms"]
    demanded.shows((own, world.other().get("/keys/{id}", key["api_key"])["app"]["successor_due_ms"]) == (due, due),
                   "broker and holder see by when")
