"""One request to the API at a time: judged against the document, counted, and kept with what it showed."""

import http.client
import json
import re
import urllib.parse

from document import PREFIX


class Broken(AssertionError):
    """A step of the walk that did not go as it must."""


class Answer:
    """What came back."""

    def __init__(self, api, role, label, status, headers, body):
        self.api, self.role, self.label, self.status, self.headers, self.body = api, role, label, status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The problem's word; empty where it is none."""
        found = json.loads(self.body or b"null")
        return found.get("code", "") if isinstance(found, dict) else ""

    def shows(self, holds, what):
        """Keeps that this success had its effect; `what` says which."""
        if self.status // 100 != 2:
            raise Broken(f"{self.label}: {self.status} shows nothing")
        if not holds:
            raise Broken(f"{self.label}: it answered {self.status}, but not: {what}")
        self.api.tally.shown[self.label] += 1
        return self

    def __str__(self):
        return f"{self.label} as {self.role}: {self.status} {self.body[:600].decode(errors='replace')}"


class Api:
    """The API of one running program; without a document nothing is judged or counted."""

    def __init__(self, url, document=None, tally=None):
        self.place, self.document, self.tally = urllib.parse.urlsplit(url), document, tally

    def send(self, role, label, *ids, token="", body=None, query=None, headers=None, media="application/json",
             source="127.0.0.1"):
        """One request by an operation's label, the ids filled in. The body is JSON unless it is bytes."""
        method, path = label.split(" ", 1)
        given = iter(ids)
        path = PREFIX + re.sub(r"\{\w+\}", lambda _: urllib.parse.quote(str(next(given)), safe=""), path)
        if query:
            path += "?" + urllib.parse.urlencode(query)
        sent = {"Host": self.place.netloc, "User-Agent": "keyward-conformance/1", **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = media
        # Codes before a sign-in are counted by address: each person has one of their own on the loopback network.
        connection = http.client.HTTPConnection("127.0.0.1", self.place.port, timeout=20, source_address=(source, 0))
        try:
            connection.request(method, path, data, sent)
            reply = connection.getresponse()
            answer = Answer(self, role, label, reply.status, reply.headers, reply.read())
        finally:
            connection.close()
        if self.document:
            # A body that is signed as it is sent comes as bytes, and is JSON all the same.
            plain = json.loads(body) if isinstance(body, bytes) and media == "application/json" else body
            self.judge(answer, media, plain, query or {})
        return answer

    def judge(self, answer, media, body, query):
        self.tally.count(answer.role, answer.label, answer.status)
        if answer.label not in self.document.operations:
            return
        kind = answer.headers.get("Content-Type", "")
        faults = self.document.judge_answer(answer.label, answer.status, kind, answer.body)
        if answer.status // 100 == 2:
            faults += self.document.judge_request(answer.label, media, body, query)
        for fault in faults:
            self.tally.fault(f"{answer.label}: {answer.status}: {fault}")
