"""The walk: the holder's own audit records, and a proof that this code checks by itself."""

import inclusion
from client import Broken
from program import wait


def proven(person, label, n):
    """The proof of a record, once a checkpoint covers it."""
    def signed():
        answer = person.send(label, n)
        if answer.status == 200 or answer.code != "not_yet_signed":
            return answer
        return None

    answer = wait(f"a checkpoint covers record {n}", 60, signed)
    if answer.status != 200:
        raise Broken(f"not 200: {answer}")
    return answer


def run(world):
    person = world.holder
    listed = person.do("GET /trail", query={"limit": 5})
    records = listed.json["records"]
    numbers = [one["n"] for one in records]
    older = person.get("/trail", limit=5, cursor=listed.json["next"])["records"]
    listed.shows(len(records) == 5 and numbers == sorted(numbers, reverse=True) and older[0]["n"] < numbers[-1],
                 "the newest first, then those before")
    mine = f"account:{person.get('/account')['id']}"
    actions = {one["action"] for one in person.get("/trail", limit=100)["records"] if one["actor"] == mine}
    listed.shows({"key.issue", "key.delete", "transfer.approve"} <= actions, f"what this person did, not only {sorted(actions)}")
    oldest = records[-1]
    while page := person.get("/trail", limit=100, cursor=oldest["n"])["records"]:
        oldest = page[-1]
    # A checkpoint is signed when the program starts, and then once a minute: the oldest record needs no wait.
    proof = proven(person, "GET /trail/{n}/proof", oldest["n"])
    proof.shows(oldest["action"] in proof.json["record"] and inclusion.proves(proof.json),
                "the record's path leads to the checkpoint's root")
    forged = {**proof.json, "index": proof.json["index"] + 1, "n": proof.json["n"] + 1}
    if inclusion.proves(forged):
        raise Broken("GET /trail/{n}/proof: the same path proves another record")
