"""The walk: a new holder from registering to a reset password, with every second factor there is."""

from client import Broken

RENEWED = "brass-tulip-88-north-canoe"
RESET = "cedar-anvil-53-south-ferry"


def run(world):
    person = world.newcomer("walk@keyward.example", "127.0.1.1")
    registers(person)
    sets_up_an_authenticator(person)
    renews_recovery_codes(person)
    adds_a_passkey(person)
    chooses_a_phrase(person)
    changes_the_password(person)
    changes_the_address(person)
    resets_the_password(person)
    removes_factors(person)
    return person


def signs_in(person, email=None, password=None):
    """The status that these two get at the door."""
    body = {"email": email or person.email, "password": password or person.password}
    return person.send("POST /session", body=body, token="").status


def registers(person):
    asked, made = person.register()
    shown = person.do("GET /account")
    asked.shows(len(asked.json["id"]) > 20, "it names the registration")
    made.shows(shown.json["id"] == made.json["account"], "its token opens the new account")
    shown.shows((shown.json["email"], shown.json["two_factor"]) == (person.email, False), "the new account")


def sets_up_an_authenticator(person):
    proposed, enrolled = person.enrol()
    secret = proposed.json["secret"]
    proposed.shows(secret in proposed.json["otpauth_url"], "the address of the QR code holds the secret")
    account = person.get("/account")
    state = (account["authenticator"], account["two_factor"], account["recovery_codes_left"])
    enrolled.shows(state == (True, True, 10) and len(set(enrolled.json["recovery_codes"])) == 10,
                   "an authenticator and ten recovery codes")


def renews_recovery_codes(person):
    old = person.recovery[0]
    made = person.approved("POST /account/recovery-codes")
    person.recovery = made.json["recovery_codes"]
    phrase = {"phrase": "never set 1", "factor": old}
    person.refused("factor_wrong", "PUT /account/phrase", body=phrase)
    body = {"phrase": "set by code 2", "factor": person.recovery.pop()}
    person.do("PUT /account/phrase", body=body, expect=204)
    account = person.get("/account")
    made.shows((account["phrase"], account["recovery_codes_left"]) == ("set by code 2", 9),
               "a new code serves, an old one does not")


def adds_a_passkey(person):
    asked, added = person.add_passkey("Phone")
    asked.shows(asked.json["options"]["rp"]["id"] == "localhost", "the question is for this site")
    listed = person.do("GET /account/passkeys")
    listed.shows([one["name"] for one in listed.json] == ["Phone"], "the passkey")
    added.shows(person.get("/account")["passkeys"] == 1, "the account has one passkey")
    renamed = person.do("PATCH /account/passkeys/{id}", listed.json[0]["id"], body={"name": "Blue phone"})
    renamed.shows(person.get("/account/passkeys")[0]["name"] == "Blue phone", "it is listed under the new name")


def chooses_a_phrase(person):
    chosen = person.confirmed("PUT /account/phrase", body={"phrase": "walk and see 7"}, expect=204, by="passkey")
    chosen.shows(person.get("/account")["phrase"] == "walk and see 7", "the account has the phrase")


def changes_the_password(person):
    other = person.token
    person.sign_in_by_passkey()
    changed = person.approved("PUT /account/password", body={"password": RENEWED}, expect=204)
    if "walk and see 7" not in person.letter:
        raise Broken("PUT /account/phrase: the next mail does not carry the phrase")
    old, person.password = person.password, RENEWED
    person.refused("not_signed_in", "GET /account", token=other)
    changed.shows((signs_in(person, password=old), signs_in(person)) == (401, 200),
                  "the new password opens the door, the old one does not")


def changes_the_address(person):
    old, new = person.email, "walked@keyward.example"
    asked = person.approved("PUT /account/email", body={"email": new}, expect=202)
    asked.shows(person.get("/account")["email"] == old, "the address stays until the new one is proven")
    confirmed = person.do("POST /account/email/{id}/confirm", asked.json["id"], body={"code": person.mail_code(new)},
                          expect=204)
    person.email = new
    confirmed.shows(person.get("/account")["email"] == new, "the account has the new address")
    confirmed.shows((signs_in(person, old), signs_in(person)) == (401, 200), "the door knows the new address only")


def resets_the_password(person):
    asked = person.do("POST /recoveries", body={"email": person.email}, token="", expect=202)
    recovery, code = asked.json["id"], person.mail_code()
    question = person.do("POST /recoveries/{id}/passkey/options", recovery, token="")
    question.shows(question.json["options"]["userVerification"] == "required", "a question that verifies the user")
    body = {"mail_code": code, "passkey": person.passkey.get(question.json), "password": RESET}
    done = person.do("POST /recoveries/{id}/confirm", recovery, body=body, token="", expect=204)
    asked.shows(done.status == 204, "the code of its mail serves")
    old, person.password = person.password, RESET
    person.refused("not_signed_in", "GET /account")
    done.shows((signs_in(person, password=old), signs_in(person)) == (401, 200),
               "the new password opens the door, the old one does not")
    person.sign_in_by_passkey()


def removes_factors(person):
    removed = person.approved("DELETE /account/authenticator", expect=204)
    account = person.get("/account")
    removed.shows((account["authenticator"], account["two_factor"]) == (False, True), "the passkey alone is left")
    passkey = person.get("/account/passkeys")[0]["id"]
    removed = person.approved("DELETE /account/passkeys/{id}", passkey, expect=204)
    account = person.get("/account")
    removed.shows((account["passkeys"], account["two_factor"], person.get("/account/passkeys")) == (0, False, []),
                  "no passkey, and no second factor")
    person.refused("no_passkey", "DELETE /account/passkeys/{id}", passkey, body={})
