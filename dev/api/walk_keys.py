"""The walk: a key from its creation to its end, each change seen at the gateway; then what is shown of keys."""

import time

from gateway import becomes, code, order
from program import wait
from sockets import Socket

NOWHERE = {"reach": "addresses", "addresses": ["203.0.113.5"]}
HERE = {"reach": "addresses", "addresses": ["127.0.0.0/16", "::1"]}


def run(world):
    person = world.holder
    key = creates(world, person)
    changes(world, person, key)
    closes_sockets(world, person, key)
    deletes_unused(person)
    narrows_and_widens(world, person, key)
    fences(world)
    stops_and_starts(world, person, key)
    selects(world, person)
    old, new = rotates(world, person, key)
    reports(person, new)
    finds_orders(world, person, new)
    ends(world, person, old, new)
    alerts(person, new)


def last(world):
    """Stops every key of the trader and of the sub-account, which is why it comes last."""
    person, known = world.holder, world.credentials["keys"]
    # What is frozen or held is disabled as well; the sub-account has one key, which is not listed here.
    living = [one for one in person.get("/keys", limit=100)["keys"] if one["state"] != "disabled"]
    stopped = person.confirmed("POST /keys/stop-trading")
    held = [one for one in living if not person.get("/keys/{id}", one["api_key"])["holds"]]
    stopped.shows(stopped.json["stopped"] > 0 and held == [], "all of them are in quarantine")
    done = person.confirmed("POST /keys/disable-all", by="passkey")
    done.shows(done.json["disabled"] == len(living) + 1, f"{len(living) + 1} keys, and not {done.json['disabled']}")
    done.shows(all(becomes(world.gateway, known[name], "50114") for name in ("read", "unbound", "sub")),
               "the gateway refuses them")
    states = {one["state"] for one in person.get("/keys", limit=100)["keys"]}
    done.shows("active" not in states, "none of them is active")


def deletes_unused(person):
    """No key of a sandbox is two days old, so there is nothing to delete."""
    two_days_ago = int((time.time() - 2 * 86_400) * 1000)
    person.refused("bad_moment", "POST /keys/delete-unused", body={"not_used_since_ms": two_days_ago + 2 * 86_400_000})
    person.refused("none_unused", "POST /keys/delete-unused", body={"not_used_since_ms": two_days_ago})


def creates(world, person):
    wish = world.wish("Walker", tags=["walk"], idempotency_key="walk-1")
    made = person.approved("POST /keys", body=wish, expect=201)
    key = made.json
    made.shows(becomes(world.gateway, key, "0"), "the gateway takes it")
    made.shows((key["name"], key["permissions"], key["passphrase"]) == ("Walker", ["read", "trade"], wish["passphrase"]),
               "what was asked for")
    again = person.do("POST /keys", body=wish)
    again.shows(again.json["api_key"] == key["api_key"] and again.json["secret"] is None, "the same key, without its secret")
    person.refused("idempotency_mismatch", "POST /keys", body={**wish, "name": "Another", "passphrase": "Walk-other-A1"})
    listed = person.do("GET /keys", query={"tag": "walk"})
    listed.shows([one["api_key"] for one in listed.json["keys"]] == [key["api_key"]], "the key of the tag")
    page = person.get("/keys", limit=1)
    following = person.get("/keys", limit=1, cursor=page["next"])
    listed.shows(page["keys"][0]["api_key"] == key["api_key"] != following["keys"][0]["api_key"], "a page after the other")
    return {**key, "name": "Walker"}


def changes(world, person, key):
    shown = person.do("GET /keys/{id}", key["api_key"])
    shown.shows((shown.json["name"], shown.json["tags"], shown.json["state"]) == ("Walker", ["walk"], "active")
                and key["secret"] not in shown.body.decode(), "the key, without its secret")
    edited = person.do("PATCH /keys/{id}", key["api_key"], body={"name": "Walker 1", "tags": ["walk", "edited"]})
    after = person.get("/keys/{id}", key["api_key"])
    edited.shows((after["name"], sorted(after["tags"])) == ("Walker 1", ["edited", "walk"]), "name and tags are changed")
    key["name"] = "Walker 1"


def closes_sockets(world, person, key):
    """Two sockets of a key: one is closed by its number, the other with all that are open."""
    name = key["api_key"]
    older = Socket(world.gateway, key)
    older.subscribe(channel="orders", instType="SPOT")
    newer = Socket(world.gateway, key)
    listed = person.do("GET /keys/{id}/sockets", name)
    shown = [(one["path"], one["from"], one["channels"]) for one in listed.json]
    both = [("private", "127.0.0.1", channels) for channels in ([], ["orders SPOT"])]
    listed.shows(shown == both, f"both, the newest first, and not {shown}")
    numbers = lambda: [one["id"] for one in person.get("/keys/{id}/sockets", name)]
    kept, first = numbers()
    closed = person.do("POST /keys/{id}/sockets/close", name, body={"id": first})
    closed.shows(closed.json == {"closed": 1} and older.ends(), "the gateway closes it")
    wait("one socket is left", 5, lambda: numbers() == [kept])
    recorded = [(one["action"], one["subject"]) for one in person.get("/trail", limit=5)["records"]]
    closed.shows(("key.close_sockets", f"key:{name}") in recorded, "it is on record")
    person.refused("no_socket", "POST /keys/{id}/sockets/close", name, body={"id": first})
    rest = person.do("POST /keys/{id}/sockets/close", name, body={})
    rest.shows(rest.json == {"closed": 1} and newer.ends(), "the gateway closes the other one")
    wait("no socket is left", 5, lambda: numbers() == [])
    again = Socket(world.gateway, key)
    rest.shows(len(numbers()) == 1, "the key still works")
    again.close()


def narrows_and_widens(world, person, key):
    body = {"name": key["name"], "from": NOWHERE}
    # Neither holds the other, so this is a widening.
    moved = person.approved("PUT /keys/{id}/addresses", key["api_key"], body=body)
    moved.shows(becomes(world.gateway, key, "50110"), "the gateway refuses it from here")
    both = {"name": key["name"], "from": {"reach": "addresses", "addresses": ["203.0.113.5", *HERE["addresses"]]}}
    widened = person.approved("PUT /keys/{id}/addresses", key["api_key"], body=both)
    widened.shows(becomes(world.gateway, key, "0"), "the gateway takes it from here again")
    narrowed = person.confirmed("PUT /keys/{id}/addresses", key["api_key"], body={"name": key["name"], "from": HERE})
    shown = person.get("/keys/{id}", key["api_key"])["from"]
    narrowed.shows("203.0.113.5" not in shown and "127.0.0.0/16" in shown, "the address is gone")


def fences(world):
    """As a person of their own: the holder gets ten codes by e-mail in an hour, and the other walks need them all."""
    person = world.newcomer("fences@keyward.example", "127.0.1.3")
    person.register()
    person.enrol()
    made = person.approved("POST /keys", body=world.wish("Fenced"), expect=201)
    made.shows(becomes(world.gateway, made.json, "0"), "the gateway takes it")
    key = {**made.json, "name": "Fenced"}
    limits(world, person, key)
    signals(person, key)
    quarantines(world, person, key)
    reviews(person, key)


def limits(world, person, key):
    """A key for one instrument: the gateway refuses another one, until the limit is taken away."""
    name, one = key["api_key"], {"instruments": ["BTC-USDT"], "daily_orders": 9}
    wish = {"instId": "ETH-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit", "px": "100", "sz": "0.01"}
    person.refused("bad_limits", "PUT /keys/{id}/limits", name, body={"name": key["name"], "limits": {"daily_order": 9}})
    fenced = person.confirmed("PUT /keys/{id}/limits", name, body={"name": key["name"], "limits": one})
    wait("another instrument is refused", 5, lambda: order(world.gateway, key, wish)["sCode"] == "51001")
    fenced.shows(order(world.gateway, key, {**wish, "instId": "BTC-USDT"})["sCode"] == "0", "its own instrument passes")
    shown = person.do("GET /keys/{id}/limits", name)
    used = [(one["sum"], one["used"], one["limit"]) for one in shown.json["used_today"]]
    shown.shows(shown.json["limits"] == one and used == [("orders", "1", "9")], f"the limits and one order, and not {used}")
    freed = person.approved("PUT /keys/{id}/limits", name, body={"name": key["name"], "limits": {}})
    freed.shows(person.get("/keys/{id}", name)["limits"] is None, "it has none")
    wider = person.confirmed("PUT /account/limits", body={"limits": {"instruments": ["SOL-USDT"], "daily_orders": 9}})
    wait("the account's limits refuse it", 5, lambda: order(world.gateway, key, wish)["sCode"] == "51001")
    wider.shows(person.get("/keys/{id}/limits", name)["account_words"] != [], "its key has them too")
    shown = person.do("GET /account/limits")
    shown.shows(shown.json["limits"]["instruments"] == ["SOL-USDT"], "the limits of the account")
    person.approved("PUT /account/limits", body={"limits": {}})


def signals(person, key):
    """What is told of a key is its holder's choice."""
    name = key["api_key"]
    person.refused("bad_signal", "PUT /keys/{id}/signals", name, body={"name": key["name"], "muted": ["storm"]})
    chosen = person.confirmed("PUT /keys/{id}/signals", name, body={"name": key["name"], "muted": ["burst"], "refusals_from": 90}, expect=204)
    shown = person.do("GET /keys/{id}/signals", name)
    chosen.shows((shown.json["muted"], shown.json["refusals_from"]) == (["burst"], 90), "both are chosen")
    shown.shows("new_use" not in shown.json["muted"], "and nothing else")


def quarantines(world, person, key):
    name, named = key["api_key"], {"name": key["name"]}
    holds = lambda: person.get("/keys/{id}", name)["holds"]
    stopped = person.confirmed("POST /keys/{id}/stop-trading", name, body=named)
    stopped.shows(holds() == ["quarantine: reads and cancels only"] and code(world.gateway, key) == "0", "it still reads")
    reads = person.confirmed("POST /keys/{id}/read-only", name, body=named)
    reads.shows("quarantine: reads only" in holds(), "it only reads")
    person.refused("unchanged", "POST /keys/{id}/stop-trading", name, body={**named, "factor": person.password})
    lifted = person.approved("POST /keys/{id}/lift-quarantine", name)
    lifted.shows(holds() == [], "no hold is left")


def stops_and_starts(world, person, key):
    named = {"name": key["name"]}
    person.refused("name_mismatch", "POST /keys/{id}/disable", key["api_key"], body={"name": "walker 1"})
    stopped = person.confirmed("POST /keys/{id}/disable", key["api_key"], body=named)
    stopped.shows(becomes(world.gateway, key, "50114"), "the gateway refuses it")
    stopped.shows(person.get("/keys/{id}", key["api_key"])["state"] == "disabled", "it is shown as disabled")
    started = person.approved("POST /keys/{id}/enable", key["api_key"])
    started.shows(becomes(world.gateway, key, "0"), "the gateway takes it again")
    leaked = person.confirmed("POST /keys/{id}/leaked", key["api_key"], body=named, by="passkey")
    leaked.shows(becomes(world.gateway, key, "50114"), "the gateway refuses it")
    recorded = [(one["action"], one["subject"]) for one in person.get("/trail", limit=5)["records"]]
    leaked.shows(("key.leaked", f"key:{key['api_key']}") in recorded, "the report is on record")
    person.refused("other_way", "POST /keys/enable-selected", body={"api_keys": [key["api_key"]]})
    again = person.approved("POST /keys/{id}/enable", key["api_key"])
    again.shows(becomes(world.gateway, key, "0"), "the gateway takes it again")


def selects(world, person):
    """Several keys at once: all of them are changed, or none."""
    known = world.credentials["keys"]
    one, other = known["bound_elsewhere"]["api_key"], known["demo"]["api_key"]
    state = lambda key: person.get("/keys/{id}", key)["state"]
    person.refused("bad_keys", "POST /keys/disable-selected", body={"keys": {}})
    both = {one: "bound_elsewhere", other: "demo"}
    person.refused("name_mismatch", "POST /keys/disable-selected", body={"keys": {one: "demo"}})
    stopped = person.confirmed("POST /keys/disable-selected", body={"keys": both})
    stopped.shows((state(one), state(other)) == ("disabled", "disabled"), "both are disabled")
    again = person.approved("POST /keys/enable-selected", body={"api_keys": [one]})
    again.shows(again.json == {"changed": [one]} and state(one) == "active", "the selected one is enabled")
    person.confirmed("POST /keys/disable-selected", body={"keys": {one: "bound_elsewhere"}})
    done = {"keys": both, "factor": person.password}
    person.refused("unchanged", "POST /keys/disable-selected", body=done)
    gone = person.confirmed("POST /keys/delete-selected", body={"keys": {other: "demo"}}, by="passkey")
    gone.shows((state(one), state(other)) == ("disabled", "deleted"), "the selected one is deleted")
    person.refused("key_ended", "POST /keys/delete-selected", body=done)


def rotates(world, person, key):
    body = {"name": "Walker 2", "passphrase": "Walk-second-A1", "overlap_hours": 2}
    made = person.approved("POST /keys/{id}/rotate", key["api_key"], body=body, expect=201)
    successor = made.json
    made.shows(becomes(world.gateway, successor, "0") and becomes(world.gateway, key, "0"), "both keys work")
    old = person.get("/keys/{id}", key["api_key"])
    made.shows((old["successor"], old["ends_by"]) == (successor["api_key"], "overlap"), "the old one ends with the overlap")
    ended = person.confirmed("POST /keys/{id}/end-overlap", key["api_key"], body={"name": key["name"]})
    ended.shows(becomes(world.gateway, key, "50119") and code(world.gateway, successor) == "0", "only the successor works")
    ended.shows(person.get("/keys/{id}", key["api_key"])["state"] == "expired", "the old one is shown as expired")
    return key, successor


def reports(person, key):
    """What the requests of above left behind: counted by now or soon."""
    name = key["api_key"]
    outlook = person.do("GET /keys/{id}/outlook", name, query={"from": "203.0.113.77"})
    outlook.shows({one["code"] for one in outlook.json} == {"50110"}, "from elsewhere nothing works")
    outlook.shows([one["code"] for one in person.get("/keys/{id}/outlook", name)][:1] == ["0"], "from here it reads")
    found = soon(person, "GET /keys/{id}/requests", name, "requests", {"verdict": "0"})
    one = found.json["requests"][0]
    found.shows(one["code"] == "0" and "orders-pending" in one["what"] and one["from"] == "127.0.0.1", "the request of above")
    found.shows(person.get("/keys/{id}/requests", name, source="203.0.113.1")["requests"] == [], "none from elsewhere")
    # Where it was used from is noted at once; how often, some seconds later.
    wait("its requests are counted", 30, lambda: sum(person.get("/keys/{id}/activity", name)["passed"]) > 0)
    day = soon(person, "GET /keys/{id}/activity", name, "sources")
    day.shows(sum(day.json["passed"]) > 0 and day.json["sources"][0]["from"] == "127.0.0.1", "requests that passed, from here")
    for label, ids in (("GET /keys/{id}/chart", name), ("GET /account/chart", None)):
        chart = soon(person, label, ids, "verdicts", {"range": "hour"})
        pieces = (chart.json["piece_ms"], len(chart.json["passed"]))
        chart.shows(sum(chart.json["passed"]) > 0 and pieces == (60_000, 60), "an hour with requests that passed")


def finds_orders(world, person, key):
    """One order that the exchange takes and one that it refuses: each is found by its client id, with its answer."""
    name = key["api_key"]
    wish = {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit", "px": "20000", "sz": "0.001"}
    taken = order(world.gateway, key, {**wish, "clOrdId": "walk1"})
    refused = order(world.gateway, key, {**wish, "clOrdId": "walk2", "sz": "100000"})
    for answer in (taken, refused):
        found = soon(person, "GET /keys/{id}/requests", name, "requests", {"client_id": answer["clOrdId"]})
        [line] = found.json["requests"][0]["orders"]
        found.shows((line["action"], line["instrument"], line["price"]) == ("place", "BTC-USDT", "20000"), "what was asked for")
        told = (line["result_code"], line["result_text"], line.get("exchange_id", ""))
        found.shows(told == (answer["sCode"], answer["sMsg"], answer["ordId"]), "what the exchange answered")
    found.shows(taken["sCode"] == "0" and refused["sCode"] != "0", "one was taken and one refused")
    both = person.get("/keys/{id}/requests", name, instrument="BTC-USDT")["requests"]
    found.shows(len(both) == 2, "both are about the instrument")
    one = person.get("/keys/{id}/requests", name, exchange_id=taken["ordId"])["requests"]
    found.shows(one == both[1:], "the exchange's id finds the one that was taken")
    none = person.get("/keys/{id}/requests", name, instrument="BTC-USD")["requests"]
    found.shows(none == [], "a part of a name finds nothing")


def soon(person, label, name, member, query=None):
    """What is counted a moment later: the answer once this list has something in it."""
    def asked():
        answer = person.do(label, *([name] if name else []), query=query or {})
        return answer if answer.json[member] else None
    return wait(f"{label} has {member}", 20, asked)


def ends(world, person, old, key):
    body = {"name": "Walker 2"}
    deleted = person.confirmed("DELETE /keys/{id}", key["api_key"], body=body)
    deleted.shows(becomes(world.gateway, key, "50119"), "the gateway knows it no more")
    deleted.shows(person.get("/keys/{id}", key["api_key"])["state"] == "deleted", "it is shown as deleted")
    living = [one["api_key"] for one in person.get("/keys", limit=100)["keys"]]
    ended = {one["api_key"] for one in person.get("/keys", limit=100, ended="true")["keys"]}
    deleted.shows(not {old["api_key"], key["api_key"]} & set(living) and {old["api_key"], key["api_key"]} <= ended,
                  "it is listed among the ended ones only")
    person.refused("key_ended", "POST /keys/{id}/disable", key["api_key"], body={**body, "factor": person.password})


def alerts(person, key):
    listed = person.do("GET /alerts", query={"limit": 100})
    told = [(one["kind"], one["api_key"]) for one in listed.json["alerts"]]
    listed.shows(("key_deleted", key["api_key"]) in told and "key_created" in dict(told), "what happened to the keys")
    own = {"key_created", "key_rotated", "key_deleted"}
    listed.shows(all(one["seen"] for one in listed.json["alerts"] if one["kind"] in own and one["api_key"] == key["api_key"]),
                 "what one does is not new")
    newest, unseen = listed.json["alerts"][0], [one["id"] for one in listed.json["alerts"] if not one["seen"]]
    seen = person.do("POST /alerts/seen", body={"upto": newest["id"]}, expect=204)
    after = person.get("/alerts", limit=100)["alerts"]
    seen.shows(unseen and all(one["seen"] for one in after if one["id"] <= newest["id"]), "they are marked")


def reviews(person, key):
    """A review finds what is wrong with a key, takes one answer for each, and is recorded."""
    name = key["api_key"]
    shown = person.do("GET /review")
    one = shown.json["keys"][0]
    shown.shows((one["api_key"], one["answers"][0]) == (name, "keep"), "the key, which can be kept")
    shown.shows(0 < shown.json["score"] < 100 and shown.json["deductions"], "a score that explains itself")
    answer = lambda text: {"keys": {name: {"answer": text, "name": key["name"]}}}
    person.refused("remedy_refused", "POST /review", body=answer("narrow 127.0.0.0/8"))
    person.refused("review_changed", "POST /review", body={"keys": {}})
    finished = person.confirmed("POST /review", body=answer("expire 30"))
    finished.shows(finished.json["changed"] == [name], "the key was changed")
    finished.shows(person.get("/keys/{id}", name)["ends_by"] == "date", "it ends by its date")
    past = person.do("GET /reviews")
    past.shows([done["done"] for done in past.json[0]["keys"]] == ["expire"], "the review is recorded")
