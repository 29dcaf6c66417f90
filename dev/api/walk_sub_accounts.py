"""The walk: a sub-account from its creation to its freeze and closing, and a member who administers it until the master ends that."""

from program import wait

MEMBER = "walk-member@keyward.example"


def run(world):
    person = world.other()
    sub = creates(person)
    decides(person, sub)
    member = joins(world, person, sub)
    acts(world, person, member, sub)
    leaves(person, member, sub)
    closes(world)


def creates(person):
    before = person.get("/sub-accounts")
    made = person.confirmed("POST /sub-accounts", body={"name": "walkSub1", "label": "Walk"}, expect=201)
    sub = made.json["id"]
    listed = person.do("GET /sub-accounts")
    ids = [one["id"] for one in listed.json]
    for answer in (made, listed):
        answer.shows(ids == [one["id"] for one in before] + [sub], "the new one comes last")
    shown = person.do("GET /sub-accounts/{id}", sub)
    shown.shows((shown.json["sub_account"]["name"], shown.json["sub_account"]["label"], shown.json["members"])
                == ("walkSub1", "Walk", []), "name, label, and nobody else")
    person.refused("name_taken", "POST /sub-accounts", body={"name": "walkSub1", "factor": person.password})
    return sub


def decides(person, sub):
    labelled = person.do("PUT /sub-accounts/{id}", sub, body={"label": "Walked"}, expect=204)
    state = lambda: person.get("/sub-accounts/{id}", sub)["sub_account"]
    labelled.shows(state()["label"] == "Walked", "the label")
    less = person.confirmed("PUT /sub-accounts/{id}/allowed", sub, body={"permissions": ["read"]}, expect=204)
    less.shows(state()["permissions"] == ["read"], "less takes one factor")
    more = person.approved("PUT /sub-accounts/{id}/allowed", sub, body={"permissions": ["read", "trade"]}, expect=204)
    more.shows(state()["permissions"] == ["read", "trade"], "more takes a step-up")
    frozen = person.confirmed("POST /sub-accounts/{id}/freeze", sub, expect=204)
    frozen.shows(state()["frozen_at_ms"] is not None, "it is frozen")
    thawed = person.approved("POST /sub-accounts/{id}/thaw", sub, expect=204)
    thawed.shows(state()["frozen_at_ms"] is None, "it works again")


def joins(world, person, sub):
    member = world.newcomer(MEMBER, "127.0.0.9")
    member.register()
    invited = person.approved("POST /sub-accounts/{id}/members", sub, body={"email": MEMBER}, expect=204)
    waiting = member.do("GET /invitations")
    waiting.shows([one["sub_account"] for one in waiting.json] == [sub], "the invitation waits")
    invited.shows([one["email"] for one in person.get("/sub-accounts/{id}", sub)["invited"]] == [MEMBER], "it is listed")
    accepted = member.confirmed("POST /sub-accounts/{id}/accept", sub, expect=204)
    accepted.shows([one["email"] for one in person.get("/sub-accounts/{id}", sub)["members"]] == [MEMBER],
                   "the member is listed")
    return member


def acts(world, person, member, sub):
    for who in (person, member):
        shown = who.do("GET /keys", headers={"Keyward-Account": sub})
        shown.shows(shown.json["keys"] == [], "the keys are the sub-account's, and not its own")
    member.refused("not_allowed", "PUT /account/limits", body={"limits": {"daily_orders": 5}, "factor": member.password},
                   headers={"Keyward-Account": sub})


def leaves(person, member, sub):
    gone = person.confirmed("DELETE /sub-accounts/{id}/members", sub, body={"email": MEMBER}, expect=204)
    gone.shows(person.get("/sub-accounts/{id}", sub)["members"] == [], "nobody is a member")


def closes(world):
    """The sandbox's exchange refuses: every sub-account has play money there. Somebody else does it, for the codes."""
    person = world.newcomer("walk-closer@keyward.example", "127.0.1.4")
    person.register()
    person.enrol()
    sub = person.confirmed("POST /sub-accounts", body={"name": "walkEnd1"}, expect=201).json["id"]
    person.refused("name_mismatch", "POST /sub-accounts/{id}/close", sub, body={"name": "walkEnd2"})
    asked = person.approved("POST /sub-accounts/{id}/close", sub, body={"name": "walkEnd1"})
    asked.shows(asked.json == {"state": "closing"}, "the exchange is asked")
    state = lambda: person.get("/sub-accounts/{id}", sub)["sub_account"]["state"]
    wait("the exchange's answer", 30, lambda: state() != "closing")
    asked.shows(state() == "active", "it has balances, so it goes on as before")
