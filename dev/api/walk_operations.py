"""The walk: what operators look up, freeze, tighten and decide together, with a second holder as their case."""

import inclusion
from client import Broken
from gateway import becomes, code
from walk_trail import proven


def run(world):
    guest = world.newcomer("guest@keyward.example", "127.0.1.2")
    guest.register()
    guest.enrol()
    key = guest.approved("POST /keys", body=world.wish("Guest"), expect=201).json
    becomes(world.gateway, key, "0")
    looks_up(world, guest, key)
    distrusts_new_devices(world, guest)
    freezes(world, guest, key)
    proposes(world, guest)
    grants_and_revokes(world, guest)
    tightens(world, guest)
    reads_the_audit_log(world, guest)


def looks_up(world, guest, key):
    operator = world.operator
    overview = operator.do("GET /operations")
    found = operator.do("GET /operations/accounts", query={"q": guest.email})
    found.shows([(one["id"], one["living_keys"]) for one in found.json["accounts"]] == [(guest.id, 1)], "the account, once")
    every = operator.get("/operations/accounts", limit=100)["accounts"]
    overview.shows((overview.json["accounts"], overview.json["set_up_open"]) == (len(every), False), "as many as are listed")
    shown = operator.do("GET /operations/accounts/{id}", guest.id)
    shown.shows((shown.json["account"]["name"], [one["api_key"] for one in shown.json["keys"]])
                == (guest.email, [key["api_key"]]), "the account with its key")
    keys = operator.do("GET /operations/keys", query={"q": key["api_key"]})
    keys.shows([one["key"]["api_key"] for one in keys.json["keys"]] == [key["api_key"]], "the key, once")
    one = operator.do("GET /operations/keys/{id}", key["api_key"])
    one.shows((one.json["account"], one.json["key"]["name"]) == (guest.email, "Guest")
              and key["secret"] not in one.body.decode(), "the key and its account, without its secret")
    staff = operator.do("GET /operations/staff")
    staff.shows({(member["name"], member["role"]) for member in staff.json}
                == {(world.operator.email, "operator"), (world.operator2.email, "operator")}, "the two operators")


def distrusts_new_devices(world, guest):
    """The sandbox trusts every device at first."""
    operator, known = world.operator, guest.token
    operator.confirmed("PUT /operations/policies/{name}", "new_device_hours", body={"value": "1"}, expect=204)
    guest.sign_in()
    made = guest.approved("POST /keys", body=world.wish("Unknown"), expect=201)
    key = made.json["api_key"]
    made.shows(guest.get("/keys/{id}", key)["works_from_ms"] == made.json["works_from_ms"] > 0, "it only reads until then")
    guest.refused("new_device", "POST /keys/{id}/release", key, body={})
    guest.token = known
    released = guest.approved("POST /keys/{id}/release", key)
    released.shows(guest.get("/keys/{id}", key)["works_from_ms"] is None, "it works now")
    world.settled("policy.loosen new_device_hours none")


def freezes(world, guest, key):
    operator, body = world.operator, {"why": "walk"}
    stopped = operator.confirmed("POST /operations/keys/{id}/stop-trading", key["api_key"], body=body, expect=204)
    holds = lambda: guest.get("/keys/{id}", key["api_key"])["holds"]
    stopped.shows(holds() == ["quarantine: reads and cancels only"] and code(world.gateway, key) == "0", "it still reads")
    guest.approved("POST /keys/{id}/lift-quarantine", key["api_key"])
    stopped.shows(holds() == [], "its holder can lift it")
    frozen = operator.confirmed("POST /operations/keys/{id}/freeze", key["api_key"], body=body, expect=204, by="passkey")
    frozen.shows(becomes(world.gateway, key, "50100"), "the gateway refuses it")
    frozen.shows(guest.get("/keys/{id}", key["api_key"])["state"] == "frozen", "its holder sees it")
    world.settled(f"key.thaw {key['api_key']}")
    becomes(world.gateway, key, "0")
    frozen = operator.confirmed("POST /operations/accounts/{id}/freeze", guest.id, body=body, expect=204)
    frozen.shows(becomes(world.gateway, key, "50100"), "the gateway refuses its keys")
    guest.refused("not_signed_in", "GET /account")
    guest.sign_in()
    guest.refused("frozen", "POST /keys/{id}/rotate", key["api_key"], body={"name": "Next", "passphrase": "Walk-next-A1"})
    frozen.shows(operator.get("/operations/accounts/{id}", guest.id)["account"]["frozen_at_ms"], "the account is frozen")
    world.settled(f"account.thaw {guest.id}")
    becomes(world.gateway, key, "0")


def proposes(world, guest):
    first, second = world.operator, world.operator2
    change = "policy.loosen withdraw_needs_addresses false"
    proposed = second.approved("POST /operations/proposals", body={"change": change}, expect=201)
    number = proposed.json["id"]
    shown = first.do("GET /operations/proposals/{id}", number)
    shown.shows((shown.json["change"], shown.json["requester"], shown.json["standing"]) == (change, second.email, "open"),
                "the proposal, as it was made")
    proposed.shows(shown.json["hash"] == proposed.json["hash"], "others see the same")
    listed = first.do("GET /operations/proposals")
    listed.shows(listed.json["proposals"][0]["id"] == number and listed.json["altered"] == 0, "it is the newest")
    first.refused("approvals_missing", "POST /operations/proposals/{id}/carry-out", number)
    cancelled = first.confirmed("POST /operations/proposals/{id}/cancel", number)
    cancelled.shows(second.get("/operations/proposals/{id}", number)["standing"] == "cancelled", "nobody can approve it now")
    first.refused("settled", "POST /operations/proposals/{id}/carry-out", number)


def grants_and_revokes(world, guest):
    operator = world.operator
    guest.refused("no_role", "GET /operations")
    world.settled(f"role.grant {guest.id} auditor")
    guest.do("GET /operations")
    guest.refused("not_allowed", "POST /operations/keys/{id}/freeze", world.credentials["keys"]["read"]["api_key"],
                  body={"why": "an auditor may not", "factor": guest.password})
    revoked = operator.confirmed("DELETE /operations/staff/{id}", guest.id, expect=204)
    guest.refused("no_role", "GET /operations")
    revoked.shows(guest.id not in [one["account"] for one in operator.get("/operations/staff")], "the role is gone")


def tightens(world, guest):
    operator, other = world.operator, world.operator2
    listed = operator.do("GET /operations/policies")
    values = {one["name"]: (one["value"], one["source"]) for one in listed.json}
    listed.shows(values["operators_needed"] == ("2", "default") and "max_key_age_days" in values, "what is in force")
    tightened = operator.confirmed("PUT /operations/policies/{name}", "max_key_age_days", body={"value": "90"}, expect=204)
    after = {one["name"]: (one["value"], one["source"]) for one in other.get("/operations/policies")}
    tightened.shows(after["max_key_age_days"] == ("90", "console"), "it is in force")
    key = guest.approved("POST /keys", body=world.wish("Ninety"), expect=201).json["api_key"]
    shown = guest.get("/keys/{id}", key)
    days = (shown["ends_at_ms"] - shown["created_at_ms"]) / 86_400_000
    tightened.shows(89 <= days <= 91, f"a new key ends by it, and not after {days} days")


def reads_the_audit_log(world, guest):
    operator = world.operator
    found = operator.do("GET /operations/audit", query={"account": guest.id, "action": "account.freeze"})
    records = found.json["records"]
    found.shows(len(records) == 1 and records[0]["actor"] == f"operator:{operator.get('/account')['id']}"
                and records[0]["subject"] == f"account:{guest.id}" and "walk" in records[0]["facts"].values(),
                "the freeze, by whom and why")
    proof = proven(operator, "GET /operations/audit/{n}/proof", 1)
    proof.shows(proof.json["n"] == 1 and inclusion.proves(proof.json), "the first record's path leads to the root")
    if inclusion.proves({**proof.json, "leaf": proof.json["path"][0]}):
        raise Broken("GET /operations/audit/{n}/proof: the same path proves another leaf")
