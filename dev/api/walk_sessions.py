"""The walk: the ways in and out, by the sandbox's trader."""


def run(world):
    person = world.holder
    by_password_and_code(person)
    _, _ = person.add_passkey("Laptop")
    by_password_and_passkey(person)
    by_passkey(person)
    ends_sessions(person)


def opens(person, token):
    """The status of a look at the account."""
    return person.send("GET /account", token=token).status


def by_password_and_code(person):
    half = person.half_session()
    half.shows(opens(person, half.json["token"]) == 401, "the half session opens nothing yet")
    whole = person.do("POST /session/second-factor", body={"code": person.authenticator.code()},
                      token=half.json["token"])
    person.token = whole.json["token"]
    whole.shows(person.get("/account")["email"] == person.email, "the whole session opens the account")


def by_password_and_passkey(person):
    half = person.half_session().json["token"]
    asked = person.do("POST /session/second-factor/options", token=half)
    asked.shows(len(asked.json["options"]["allowCredentials"]) == 1, "the question names the account's passkey")
    body = {"passkey": person.passkey.get(asked.json)}
    whole = person.do("POST /session/second-factor", body=body, token=half)
    whole.shows((opens(person, whole.json["token"]), opens(person, half)) == (200, 401), "the token is replaced")


def by_passkey(person):
    asked = person.do("POST /session/passkey/options", token="")
    answer = person.passkey.get(asked.json)
    whole = person.do("POST /session/passkey", body={"passkey": answer}, token="")
    whole.shows(opens(person, whole.json["token"]) == 200, "its token opens the account")
    person.refused("not_signed_in", "POST /session/passkey", body={"passkey": answer}, token="")
    asked.shows(whole.status == 200, "the answer to it signs in, once")


def ends_sessions(person):
    own, tokens = person.token, []
    for _ in range(3):
        tokens.append(person.sign_in_by_passkey().json["token"])
    first, second, third = tokens
    person.token = own
    listed = person.do("GET /sessions")
    here = [one for one in listed.json if one["current"]]
    listed.shows(len(listed.json) >= 4 and len(here) == 1 and here[0]["kind"] == "program", "the sessions, this one marked")
    others = {one["id"] for one in person.do("GET /sessions", token=first).json if one["current"]}
    ended = person.do("DELETE /sessions/{id}", others.pop(), expect=204)
    ended.shows((opens(person, first), opens(person, second)) == (401, 200), "that session has ended, no other")
    out = person.do("DELETE /session", token=second, expect=204)
    out.shows((opens(person, second), opens(person, third)) == (401, 200), "the session has ended, no other")
    all_others = person.do("DELETE /sessions", expect=204)
    all_others.shows((opens(person, third), opens(person, own)) == (401, 200), "all others have ended")
    listed.shows(len(person.get("/sessions")) == 1, "one session is left")
