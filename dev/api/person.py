"""Somebody with an account, as a program sees it: signs in, reads mails, answers step-ups, proves one factor."""

import re

from client import Broken
from factors import Authenticator, Passkey
from program import wait

PASSWORD = "amber-kite-47-fjord-lantern"
CODE = re.compile(r"^ {4}(\d{4}) (\d{4})\s*$", re.M)


class Person:
    """`mails` gives the texts that were sent to an address, newest first."""

    def __init__(self, api, mails, role, email, source, password=PASSWORD, totp_secret=None):
        self.api, self.mails, self.role, self.email, self.source = api, mails, role, email, source
        self.password, self.token, self.device, self.passkey, self.recovery = password, "", "", None, []
        self.authenticator = Authenticator(totp_secret) if totp_secret else None
        self.read = set()

    def send(self, label, *ids, **more):
        """A request of this person's session, whatever comes back."""
        return self.api.send(self.role, label, *ids, **{"token": self.token, "source": self.source, **more})

    def do(self, label, *ids, expect=200, **more):
        """The same, with the status that must come back."""
        answer = self.send(label, *ids, **more)
        if answer.status != expect:
            raise Broken(f"not {expect}: {answer}")
        return answer

    def get(self, path, *ids, **query):
        """What a GET shows."""
        return self.do(f"GET {path}", *ids, query=query).json

    def refused(self, code, label, *ids, **more):
        """A request that must be refused with this word."""
        answer = self.send(label, *ids, **more)
        if answer.status < 400 or answer.code != code:
            raise Broken(f"not refused with {code}: {answer}")
        return answer

    def mail_code(self, email=None, says=()):
        """The code of the newest mail that was not read before, and that says these lines."""
        to = email or self.email
        lines = [" ".join(line.split()) for line in says]

        def unread():
            for text in self.mails(to):
                told = " ".join(text.split())
                if text not in self.read and (found := CODE.search(text)) and all(line in told for line in lines):
                    self.read.add(text)
                    self.letter = text
                    return found[1] + found[2]
            return None

        return wait(f"a mail to {to} with a code, that says {lines}", 15, unread)

    def factor(self, question):
        """A second factor as a body takes it: a passkey's answer where there is one, else a code."""
        if self.passkey and question:
            return {"passkey": self.passkey.get(question)}
        if self.recovery:
            return {"factor": self.recovery.pop()}
        return {"factor": self.authenticator.code() if self.authenticator else self.password}

    def approved(self, label, *ids, body=None, expect=200, factor=None):
        """A creation or loosening: asked for, approved by the mail's code and a second factor, asked for again."""
        body = body or {}
        asked = self.refused("step_up_required", label, *ids, body=body).json
        if not asked["approves"]:
            raise Broken(f"{label}: it does not say what the code approves")
        code = self.mail_code(says=asked["approves"])
        given = {"factor": factor} if factor else self.factor(asked.get("passkey"))
        step_up = {"challenge": asked["challenge"], "mail_code": code, **given}
        return self.do(label, *ids, body={**body, "step_up": step_up}, expect=expect)

    def confirmed(self, label, *ids, body=None, expect=200, by="password"):
        """A tightening: asked for without a factor, then with one: the password, or a passkey's answer."""
        body = body or {}
        asked = self.refused("factor_required", label, *ids, body=body).json
        if not asked["approves"]:
            raise Broken(f"{label}: it does not say what the factor approves")
        given = {"factor": self.password} if by == "password" else {"passkey": self.passkey.get(asked["passkey"])}
        return self.do(label, *ids, body={**body, **given}, expect=expect)

    def half_session(self):
        """The first step of signing in; gives its answer."""
        first = self.do("POST /session", body={"email": self.email, "password": self.password}, token="")
        if first.json["next"] != "second_factor":
            raise Broken(f"no second factor is asked for: {first}")
        return first

    def sign_in(self):
        """Both steps, the second by code; gives the second's answer."""
        half = self.half_session().json["token"]
        second = self.do("POST /session/second-factor", body={"code": self.factor(None)["factor"]}, token=half)
        self.token, self.device = second.json["token"], second.json["device"]
        return second

    def sign_in_by_passkey(self):
        """The passkey alone; gives the answer."""
        question = self.do("POST /session/passkey/options", token="").json
        answer = self.do("POST /session/passkey", body={"passkey": self.passkey.get(question)}, token="")
        self.token, self.device = answer.json["token"], answer.json["device"]
        return answer

    def register(self):
        """Registers with the code that comes by mail; gives both answers."""
        asked = self.do("POST /registrations", body={"email": self.email, "password": self.password}, token="",
                        expect=202)
        made = self.do("POST /registrations/{id}/confirm", asked.json["id"], body={"code": self.mail_code()}, token="",
                       expect=201)
        self.token, self.device, self.id = made.json["token"], made.json["device"], made.json["account"]
        return asked, made

    def enrol(self):
        """Sets an authenticator up, on the password as there is no second factor yet; gives both answers."""
        proposed = self.do("POST /account/authenticator/propose")
        authenticator = Authenticator(proposed.json["secret"])
        body = {"secret": authenticator.secret, "code": authenticator.code()}
        enrolled = self.approved("PUT /account/authenticator", body=body, factor=self.password)
        self.authenticator, self.recovery = authenticator, enrolled.json["recovery_codes"]
        return proposed, enrolled

    def add_passkey(self, name):
        """Adds a passkey in software, and answers with it from now on; gives both answers."""
        asked = self.do("POST /account/passkeys/options")
        device = Passkey(f"{self.api.place.scheme}://{self.api.place.netloc}")
        body = {"name": name, "passkey": device.create(asked.json)}
        added = self.approved("POST /account/passkeys", body=body, expect=201)
        self.passkey = device
        return asked, added
