"""Who takes part in the walk: the sandbox's people and two who register."""

import json
import urllib.request

from person import Person


def mailbox(url):
    """Reads the sandbox's mailbox: the texts that were sent to an address, newest first."""
    def mails(to):
        with urllib.request.urlopen(f"{url}.json", timeout=10) as answer:
            return [mail["text"] for mail in json.load(answer) if mail["to"] == to]
    return mails


class World:
    """A running sandbox with its people, each at an address of their own."""

    def __init__(self, sandbox, api, receiver=None):
        self.credentials, self.data, self.api, self.receiver = sandbox.credentials, sandbox.data, api, receiver
        self.gateway, self.mails = self.credentials["gateway_url"], mailbox(self.credentials["mail_url"])
        self.holder = self.known("trader", "holder", "127.0.0.1")
        self.broker = self.known("broker", "broker", "127.0.0.2")
        self.operator = self.known("operator", "operator", "127.0.0.3")
        self.operator2 = self.known("operator2", "operator", "127.0.0.4")
        self.registered = None

    def known(self, name, role, source):
        who = self.credentials["people"][name]
        return Person(self.api, self.mails, role, who["email"], source, who["password"], who["totp_secret"])

    def newcomer(self, email, source):
        """Somebody who has no account yet."""
        return Person(self.api, self.mails, "holder", email, source)

    def other(self):
        """Another holder, for what the trader has no codes left for: an account gets ten of them in an hour."""
        if self.registered is None:
            person = self.newcomer("walk-other@keyward.example", "127.0.1.2")
            person.register()
            person.enrol()
            person.add_passkey("Walk")
            self.registered = person
        return self.registered

    def wish(self, name, **more):
        """A key to ask for; each has a passphrase of its own."""
        return {"name": name, "permissions": ["read", "trade"], "passphrase": f"Walk-{name.encode().hex()[-16:]}-A1",
                "from": {"reach": "addresses", "addresses": ["127.0.0.0/16", "::1"]}, **more}

    def settled(self, change):
        """A change that takes two operators: proposed by one, and carried out when the other approves."""
        first, second = self.operator, self.operator2
        proposed = first.approved("POST /operations/proposals", body={"change": change}, expect=201)
        number, read = proposed.json["id"], {"hash": proposed.json["hash"]}
        approved = second.approved("POST /operations/proposals/{id}/approve", number, body=read)
        approvals = [one["by"] for one in first.get("/operations/proposals/{id}", number)["approvals"]]
        approved.shows(approvals == [second.email], "the approval is kept")
        approved.shows(approved.json["standing"] == "done", "the last approval carries it out")
        again = second.do("POST /operations/proposals/{id}/carry-out", number)
        again.shows(again.json == first.get("/operations/proposals/{id}", number), "what is done stays as it is")
        return approved
