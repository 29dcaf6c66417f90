"""Living objects for the fuzzing, made by real people in a sandbox of the run's own.

Each run gets samples: for an operation, requests that succeed, with path, query and body. What a request uses up
(a key to delete, a proposal to cancel) is an object that no other operation gets. `$name` in a body stands for the
name that the key of the path has at that moment.
"""

import time

from picture import point
from walk_approvals import waits

CHOICES = {"which": "all", "digest": "at_once"}
RANGES = "127.0.0.0/16 ::1"


def kept(body):
    """A body as JSON; bytes as hexadecimal digits."""
    return {"$bytes": body.hex()} if isinstance(body, bytes) else body


class Seeds:
    """What a run starts from."""

    def __init__(self, person):
        self.person, self.samples, self.tokens = person, {}, {}

    def add(self, label, *paths, body=None, query=None, headers=None):
        """Samples of an operation, one for each path."""
        for path in paths or ({},):
            path = path if isinstance(path, dict) else {"id": path}
            one = {"path": {name: str(value) for name, value in path.items()}, "query": query or {}, "body": body,
                   "headers": headers or {}}
            self.samples.setdefault(label, []).append(one)

    def add_all(self, labels, *paths, **more):
        for label in labels:
            self.add(label, *paths, **more)

    def as_json(self):
        own = [one["id"] for one in self.person.get("/sessions") if one["current"]][0]
        samples = {label: [dict(one, body=kept(one["body"]))
                           for one in several] for label, several in self.samples.items()}
        return {"role": self.person.role, "token": self.person.token, "tokens": self.tokens, "own_session": own,
                "password": self.person.password, "samples": samples}


def for_run(name, role, world):
    """The samples of a run of `fuzz.py`, as a role."""
    person = getattr(world, role)
    seeds = Seeds(person)
    person.sign_in()
    person.add_passkey("Fuzz")
    {"keys": keys, "door": door, "apps": apps, "operations": operations}[name](world, seeds)
    return seeds.as_json()


def keys(world, seeds):
    keys_of_holder(world, seeds)
    channels_of_holder(world, seeds)
    transfers_of_holder(world, seeds)
    seeds.add("POST /alerts/seen", body={"upto": 3})
    oldest = world.holder.get("/trail", limit=100)["records"][-1]["n"]
    seeds.add("GET /trail/{n}/proof", {"n": oldest})


def sub_accounts(world, seeds):
    person, broker = world.holder, world.broker
    factor = {"factor": person.password}
    made = lambda name: person.do("POST /sub-accounts", body={"name": name, **factor}, expect=201).json["id"]
    sub, frozen, other, ended = made("fuzzSub1"), made("fuzzSub2"), made("fuzzSub3"), made("fuzzEnd1")
    for number in range(4, 8):
        seeds.add("POST /sub-accounts", body={"name": f"fuzzSub{number}", "label": "Fuzz", **factor})
    seeds.add("GET /sub-accounts/{id}", sub)
    seeds.add("PUT /sub-accounts/{id}", sub, frozen, other, body={"label": "Fuzzed"})
    seeds.add("PUT /sub-accounts/{id}/allowed", sub, frozen, other, body={"permissions": ["read"], **factor})
    seeds.add("POST /sub-accounts/{id}/freeze", frozen, body=factor)
    seeds.add("POST /sub-accounts/{id}/thaw", other, body={})
    seeds.add("POST /sub-accounts/{id}/close", ended, body={"name": "fuzzEnd1"})
    seeds.add("POST /sub-accounts/{id}/members", other, body={"email": "fuzz-member@keyward.example"})
    invited = {"email": "fuzz-invited@keyward.example"}
    person.approved("POST /sub-accounts/{id}/members", sub, body=invited, expect=204)
    seeds.add("DELETE /sub-accounts/{id}/members", sub, body={**invited, **factor})
    broker.sign_in()
    theirs = broker.confirmed("POST /sub-accounts", body={"name": "fuzzSub1"}, expect=201).json["id"]
    broker.approved("POST /sub-accounts/{id}/members", theirs, body={"email": person.email}, expect=204)
    seeds.add("POST /sub-accounts/{id}/accept", theirs, body=factor)


def transfers_of_holder(world, seeds):
    approve, refuse = waits(world, "1001"), waits(world, "1002")
    seeds.add("POST /approvals/approve", body={"approvals": [approve]})
    seeds.add("POST /approvals/refuse", body={"approvals": [refuse], "factor": world.holder.password})
    seeds.add("GET /approvals", query={"limit": "1"})
    world.holder.approved("PUT /approvals/thresholds", body={"thresholds": {"BTC": "1"}})
    seeds.add("PUT /approvals/thresholds", body={"thresholds": {}, "factor": world.holder.password})


def door(world, seeds):
    person = world.holder
    sub_accounts(world, seeds)
    seeds.add("PUT /account/phrase", body={"phrase": "fuzz 1234", "factor": person.password})
    seeds.add("PUT /account/limits", body={"limits": {"daily_orders": 900000}, "factor": person.password})
    email = person.approved("PUT /account/email", body={"email": "fuzzed@keyward.example"}, expect=202).json["id"]
    seeds.add("POST /account/email/{id}/confirm", email, body={"code": "00000000"})
    passkey = person.get("/account/passkeys")[0]["id"]
    seeds.add("PATCH /account/passkeys/{id}", passkey, body={"name": "Fuzzed"})
    seeds.add("DELETE /account/passkeys/{id}", passkey, body={})
    seeds.add("GET /account/chart", query={"range": "hour"})
    stranger = {"email": "stranger@keyward.example", "password": "amber-kite-47-fjord-lantern"}
    registration = person.do("POST /registrations", body=stranger, token="", expect=202).json["id"]
    seeds.add("POST /registrations", body=stranger)
    report = [{"token": "kws_fuzz", "type": "keyward", "url": "https://git.example/a", "source": "content"}]
    signed_by = {"Github-Public-Key-Identifier": "sandbox", "Github-Public-Key-Signature": "MEUCIQ=="}
    seeds.add("POST /leaks", body=report, headers=signed_by)
    seeds.add("POST /registrations/{id}/confirm", registration, body={"code": "00000000"})
    recovery = person.do("POST /recoveries", body={"email": person.email}, token="", expect=202).json["id"]
    seeds.add("POST /recoveries", body={"email": person.email})
    seeds.add("POST /recoveries/{id}/passkey/options", recovery)
    seeds.add("POST /recoveries/{id}/confirm", recovery, body={"mail_code": "00000000", "password": stranger["password"]})
    sessions_of_holder(world, seeds)


def sessions_of_holder(world, seeds):
    person = world.holder
    own = person.token
    seeds.tokens["DELETE /session"] = person.sign_in_by_passkey().json["token"]
    ids = []
    for _ in range(3):
        person.sign_in_by_passkey()
        ids += [one["id"] for one in person.get("/sessions") if one["current"]]
    person.token = own
    seeds.add("DELETE /sessions/{id}", *ids)
    # The door is another account's: too many sessions would end the run's own.
    other = world.newcomer("door@keyward.example", "127.0.2.1")
    other.register()
    other.enrol()
    other.add_passkey("Door")
    half = other.half_session().json["token"]
    seeds.tokens |= {label: half for label in ("POST /session/second-factor", "POST /session/second-factor/options")}
    seeds.add("POST /session", body={"email": other.email, "password": other.password})
    seeds.add("POST /session/second-factor", body={"code": "000000"})


def keys_of_holder(world, seeds):
    person, known = world.holder, world.credentials["keys"]
    name = lambda *names: [known[one]["api_key"] for one in names]
    confirmed = {"name": "$name", "factor": person.password}
    stays = name("trade", "unbound", "app_here")
    reads = ("GET /keys/{id}", "GET /keys/{id}/activity", "GET /keys/{id}/chart", "GET /keys/{id}/outlook",
             "GET /keys/{id}/requests", "GET /keys/{id}/sockets", "GET /keys/{id}/limits", "GET /keys/{id}/signals")
    seeds.add_all(reads, *stays)
    seeds.add("POST /keys/{id}/sockets/close", *stays, body={})
    seeds.add("GET /keys", query={"tag": "fuzz"})
    seeds.add("PATCH /keys/{id}", *name("trade", "unbound"), body={"name": "Fuzz", "tags": ["fuzz"]})
    seeds.add("DELETE /keys/{id}", *name("no_read", "funding"), body=confirmed)
    seeds.add("POST /keys/{id}/disable", *name("withdraw", "app_elsewhere"), body=confirmed)
    seeds.add("POST /keys/{id}/leaked", *name("manage", "demo"), body=confirmed)
    seeds.add("POST /keys/{id}/enable", *name("disabled"), body={})
    narrow = {"reach": "addresses", "addresses": ["127.0.0.1"]}
    seeds.add("PUT /keys/{id}/addresses", *name("trade"), body={"from": narrow, **confirmed})
    limits = {"instruments": ["BTC-USDT"], "max_order_value": "500"}
    seeds.add("PUT /keys/{id}/limits", *name("trade", "unbound"), body={"limits": limits, **confirmed})
    seeds.add("PUT /keys/{id}/signals", *name("trade", "unbound"), body={"muted": ["burst"], **confirmed})
    seeds.add("POST /keys/{id}/stop-trading", *name("read", "unbound"), body=confirmed)
    seeds.add("POST /keys/{id}/read-only", *name("read", "app_here"), body=confirmed)
    seeds.add("POST /keys/{id}/lift-quarantine", *name("trade"), body={})
    seeds.add("POST /keys/{id}/release", *name("trade"), body={})
    seeds.add("POST /keys/disable-all", body={})
    seeds.add("POST /keys/stop-trading", body={})
    selected = lambda one: {"keys": {name(one)[0]: one}, "factor": person.password}
    seeds.add("POST /keys/disable-selected", body=selected("bound_elsewhere"))
    seeds.add("POST /keys/delete-selected", body=selected("frozen"))
    seeds.add("POST /keys/enable-selected", body={"api_keys": name("disabled")})
    living = {one["api_key"]: {"answer": "keep"} for one in person.get("/review")["keys"]}
    seeds.add("POST /review", body={"keys": living, "factor": person.password})
    # Keys of a sandbox are minutes old, so none of them was unused for two days.
    two_days_ago = int((time.time() - 2 * 86_400) * 1000)
    seeds.add("POST /keys/delete-unused", body={"not_used_since_ms": two_days_ago, "factor": person.password})
    seeds.add("POST /keys", body=world.wish("Fuzz new"))
    seeds.add("GET /keys", query={"unused_days": 30})
    rotation = {"name": "Fuzz next", "passphrase": "Fuzz-next-A1"}
    person.approved("POST /keys/{id}/rotate", *name("read"), body=rotation, expect=201)
    seeds.add("POST /keys/{id}/end-overlap", *name("read"), body=confirmed)
    seeds.add("POST /keys/{id}/rotate", *name("trade"), body={**rotation, "name": "Fuzz third"})
    seeds.add("GET /third-party-apps", query={"q": "sandbox"})
    seeds.add("GET /third-party-apps/{id}/logo", with_logo(world))


def named(world, name):
    """One of the broker's apps."""
    return [one["id"] for one in world.broker.get("/apps") if one["name"] == name][0]


def with_logo(world):
    """An app of the sandbox that has a logo, and was verified anew."""
    broker = world.broker
    for person in (broker, world.operator, world.operator2):
        if not person.token:
            person.sign_in()
            person.add_passkey("Fuzz")
    app = named(world, "Sandbox Broker Here")
    broker.do("PUT /apps/{id}/logo", app, body=point(), media="image/png", headers={"keyward-factor": broker.password})
    world.settled(f"app.verify {app}")
    return app


def channels_of_holder(world, seeds):
    person = world.holder
    ids = []
    for number in range(3):
        target = {"kind": "webhook", "url": f"http://{world.receiver.place}/fuzz{number}"}
        body = {"name": f"fuzz {number}", "target": target, "choices": CHOICES}
        ids.append(person.approved("POST /channels", body=body, expect=201).json["id"])
    kept, *used_up = ids
    message = person.do("POST /channels/{id}/test", kept, expect=202).json["message"]
    seeds.add_all(("GET /channels/{id}", "GET /channels/{id}/deliveries", "POST /channels/{id}/test"), kept)
    seeds.add("POST /channels/{id}/send-again", kept, body={"message": message})
    seeds.add("PUT /channels/{id}", kept, body={"name": "fuzz", "choices": CHOICES, "factor": person.password})
    seeds.add("DELETE /channels/{id}", *used_up, body={"factor": person.password})
    seeds.add("POST /channels", body={**body, "name": "fuzz new"})


def described(name, broker):
    return {"name": name, "home_page": "https://fuzz.example", "contact": "ops@fuzz.example",
            "permissions": ["read"], "factor": broker.password}


def drafts(world, names):
    """Apps that were registered just now, by name."""
    return {name: world.broker.do("POST /apps", body=described(name, world.broker), expect=201).json["app"]["id"]
            for name in names}


def apps(world, seeds):
    person, confirm = world.broker, {"factor": world.broker.password}
    app = with_logo(world)
    other = named(world, "Sandbox Broker Elsewhere")
    draft = drafts(world, ["Fuzz edit", "Fuzz freeze", "Fuzz submit", "Fuzz ranges"])
    seeds.add_all(("GET /apps/{id}", "GET /apps/{id}/logo", "GET /apps/{id}/ranges", "POST /apps/{id}/thaw"), app)
    seeds.samples["POST /apps/{id}/thaw"][0]["body"] = {}
    seeds.add("POST /apps", body=described("Fuzz new", person))
    seeds.add("PATCH /apps/{id}", draft["Fuzz edit"], body={"home_page": "https://edited.example", **confirm})
    seeds.add("PUT /apps/{id}/logo", draft["Fuzz edit"], body=point(), headers={"keyward-factor": person.password})
    seeds.add("POST /apps/{id}/freeze", draft["Fuzz freeze"], draft["Fuzz edit"], body=confirm)
    seeds.add("POST /apps/{id}/submit", draft["Fuzz submit"], draft["Fuzz edit"])
    seeds.add("POST /apps/{id}/ranges/check", app, body={"ranges": RANGES, "overlap_hours": 2})
    seeds.add("POST /apps/{id}/ranges", other, body={"ranges": "203.0.113.0/25", "note": "fuzz", **confirm})
    for ranges in (RANGES, "192.0.2.0/24"):
        sent = person.approved("POST /apps/{id}/ranges", draft["Fuzz ranges"], body={"ranges": ranges}, expect=201)
        path = {"id": draft["Fuzz ranges"], "number": sent.json["number"]}
        seeds.add("POST /apps/{id}/ranges/{number}/withdraw", path)


def operations(world, seeds):
    person, why = world.operator, {"why": "fuzz", "factor": world.operator.password}
    guest = world.newcomer("fuzz@keyward.example", "127.0.2.2")
    guest.register()
    guest.enrol()
    seeds.add_all(("GET /operations/accounts", "GET /operations/keys", "GET /operations/proposals"), query={"q": "keyward"})
    seeds.add("GET /operations/audit", query={"q": "key", "limit": 10})
    seeds.add("GET /operations/accounts/{id}", guest.id)
    seeds.add("POST /operations/accounts/{id}/freeze", guest.id, body=why)
    living = [one["api_key"] for one in world.credentials["keys"].values() if one["expect"] in ("0", "50110")]
    seeds.add("GET /operations/keys/{id}", *living)
    seeds.add("POST /operations/keys/{id}/freeze", *living, body=why)
    seeds.add("POST /operations/keys/{id}/stop-trading", *living, body=why)
    seeds.add("GET /operations/audit/{n}/proof", {"n": 1}, {"n": 2})
    apps_to_review(world, seeds, why)
    world.settled(f"role.grant {guest.id} auditor")
    seeds.add("DELETE /operations/staff/{id}", guest.id, body={"factor": person.password})
    seeds.add("PUT /operations/policies/{name}", {"name": "max_key_age_days"}, body={"value": "90", "factor": person.password})
    seeds.add("POST /operations/set-up", body={"token": "kwo_" + "A" * 43})
    seeds.add("POST /operations/invitations", body={})
    proposals(world, seeds)


def apps_to_review(world, seeds, why):
    app = with_logo(world)
    seeds.add("GET /operations/apps", query={"limit": 2})
    seeds.add_all(("GET /operations/apps/{id}", "GET /operations/apps/{id}/logo", "GET /operations/apps/{id}/preview"), app)
    draft = drafts(world, ["Fuzz reject", "Fuzz freeze", "Fuzz demand", "Fuzz enter", "Fuzz ranges"])
    world.broker.do("POST /apps/{id}/submit", draft["Fuzz reject"])
    seeds.add("POST /operations/apps/{id}/reject", draft["Fuzz reject"], body=why)
    seeds.add("POST /operations/apps/{id}/freeze", draft["Fuzz freeze"], draft["Fuzz enter"], body=why)
    due = int(time.time() * 1000) + 24 * 60 * 60 * 1000
    seeds.add("POST /operations/apps/{id}/demand", app, draft["Fuzz demand"], body={"due_ms": due, **why})
    entered = {"ranges": RANGES, "factor": world.operator.password}
    seeds.add("POST /operations/apps/{id}/ranges", draft["Fuzz enter"], body=entered)
    number = world.operator.do("POST /operations/apps/{id}/ranges", draft["Fuzz ranges"], body=entered, expect=201)
    path = {"id": draft["Fuzz ranges"], "number": number.json["number"]}
    seeds.add("POST /operations/apps/{id}/ranges/{number}/read", path)
    seeds.add("POST /operations/apps/{id}/ranges/{number}/reject", path, body=why)


def proposals(world, seeds):
    first, second = world.operator, world.operator2
    made = []
    for change in ("policy.loosen withdraw_needs_addresses false", "policy.loosen operators_needed 1"):
        made.append(first.approved("POST /operations/proposals", body={"change": change}, expect=201).json)
    approved, cancelled = made
    second.approved("POST /operations/proposals/{id}/approve", approved["id"], body={"hash": approved["hash"]})
    seeds.add("GET /operations/proposals/{id}", approved["id"], cancelled["id"])
    seeds.add("POST /operations/proposals/{id}/approve", cancelled["id"], body={"hash": cancelled["hash"]})
    seeds.add("POST /operations/proposals/{id}/carry-out", approved["id"])
    seeds.add("POST /operations/proposals/{id}/cancel", cancelled["id"], body={"factor": first.password})
    seeds.add("POST /operations/proposals", body={"change": "policy.loosen max_key_age_days none"})
