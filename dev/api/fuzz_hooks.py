"""What schemathesis loads: feeds living objects into its requests, and keeps what came back.

The samples of `seeds.py` become the document's examples, which are sent as they are first of all. Afterwards come
variations: generated requests with the ids of living objects, and sample bodies with one generated member.
"""

import atexit
import copy
import json
import os
import pathlib
import random
import re
import urllib.request
import zlib

import schemathesis
from schemathesis.core import NOT_SET
from schemathesis.core.parameters import ParameterLocation

from document import PREFIX, Document, label_of
from fuzz_links import add_links

GIVEN = json.loads(pathlib.Path(os.environ["KEYWARD_FUZZ"]).read_text())
SEEN = {"counts": {}, "faults": [], "links": 0}
JUDGE = []
KNOWN = sorted({GIVEN["password"], *(value for several in GIVEN["samples"].values() for one in several
                                     for value in one["path"].values() if len(value) > 5)})


def value_of(body):
    """A sample's body; bytes are kept as hexadecimal digits."""
    return bytes.fromhex(body["$bytes"]) if isinstance(body, dict) and "$bytes" in body else copy.deepcopy(body)


def label_for(operation):
    return label_of(operation.method, operation.path)


@schemathesis.hook
def before_load_schema(context, raw_schema):
    JUDGE.append(Document(json.dumps(raw_schema)))
    for path, item in raw_schema["paths"].items():
        for method, operation in item.items():
            label = label_of(method, path)
            # Inferred links name operations by id, so each operation gets an id of its own.
            operation["operationId"] = re.sub(r"\W+", "_", label)
            if samples := GIVEN["samples"].get(label):
                put_example(operation, samples[0])
    SEEN["links"] = add_links(raw_schema)


def put_example(operation, sample):
    places = {"path": sample["path"], "query": sample["query"], "header": sample["headers"]}
    for parameter in operation.get("parameters", []):
        values = places.get(parameter["in"], {})
        if parameter["name"] in values:
            parameter["example"] = values[parameter["name"]]
    body = value_of(sample["body"])
    if body is not None and not isinstance(body, bytes):
        for content in operation["requestBody"]["content"].values():
            content["example"] = body


@schemathesis.hook
def before_call(context, case, kwargs):
    label = label_for(case.operation)
    if case.method.lower() != case.operation.method.lower():
        return
    chance = random.Random(zlib.crc32(decides(label, case).encode()))
    phase = case.meta.phase.name.value if case.meta else ""
    if samples := GIVEN["samples"].get(label):
        put_sample(case, samples[0] if phase == "examples" else chance.choice(samples), phase, chance)
    if label == "DELETE /sessions/{id}" and case.path_parameters.get("id") == GIVEN["own_session"]:
        case.path_parameters["id"] = "0" * 32
    # With the right factor this would stop every key of the run.
    if isinstance(case.body, dict) and label not in ("POST /keys/disable-all", "POST /keys/stop-trading"):
        settle(case, chance)


def decides(label, case):
    """The text that decides how a request is changed. It is the same when schemathesis repeats a request that failed, and
    the same in the next run with the same seed, where ids and password are different."""
    text = repr((label, sorted(case.path_parameters.items()), sorted(case.query.items()), case.body))
    for known in KNOWN:
        text = text.replace(known, "known")
    return text


def put_sample(case, sample, phase, chance):
    """Puts as much of a sample into the request as the phase needs."""
    negative = case.meta is not None and case.meta.is_negative_at(ParameterLocation.PATH)
    luck = chance.random()
    # In the stateful phase a link named the object; examples are samples already, except for bytes.
    if phase == "coverage" and not negative or phase == "fuzzing" and luck < 0.85:
        case.path_parameters.update(sample["path"])
    body = value_of(sample["body"])
    if isinstance(body, bytes) and (phase == "examples" or luck < 0.5):
        case.body, case.media_type = body, "image/png"
        case.headers.update(sample["headers"])
        return
    if phase not in ("fuzzing", "stateful") or luck >= 0.85:
        return
    case.query = dict(sample["query"]) if luck < 0.4 else case.query
    if isinstance(body, dict):
        if luck >= 0.4 and isinstance(case.body, dict) and case.body:
            member = chance.choice(sorted(case.body))
            body[member] = case.body[member]
        case.body = body


def settle(case, chance):
    """Fills in the key's present name. Most wrong factors become the right one: after a few wrong ones in a row the program
    pauses, and would refuse the right one too."""
    if case.body.get("name") == "$name":
        case.body["name"] = name_of(case.path_parameters.get("id", ""))
    factor = case.body.get("factor")
    if isinstance(factor, str) and factor not in ("", GIVEN["password"]) and chance.random() < 0.9:
        case.body["factor"] = GIVEN["password"]


def name_of(key):
    """What a key is called; a word where there is none."""
    request = urllib.request.Request(f"{GIVEN['url']}{PREFIX}/keys/{urllib.request.quote(str(key), safe='')}",
                                     headers={"Authorization": f"Bearer {GIVEN['token']}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["name"]
    except urllib.error.HTTPError:
        return "nothing"


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """A deleted key can still be shown, as deleted, with what it did: only that is no use after its deletion."""
    if type(failure).__name__ != "UseAfterFree" or not case.path.startswith(f"{PREFIX}/keys/{{id}}"):
        return True
    return case.path == f"{PREFIX}/keys/{{id}}" and response.json()["state"] not in ("deleted", "expired")


@schemathesis.hook
def after_call(context, case, response):
    if case.method.lower() != case.operation.method.lower():
        return
    label = label_for(case.operation)
    counts = SEEN["counts"].setdefault(label, {})
    counts[response.status_code] = counts.get(response.status_code, 0) + 1
    kind = next(iter(response.headers.get("content-type", [""])), "")
    for fault in JUDGE[0].judge_answer(label, response.status_code, kind, response.content):
        text = f"{label}: {response.status_code}: {fault}"
        if not any(known.startswith(text) for known in SEEN["faults"]):
            sent = "no body" if case.body is NOT_SET else repr(case.body)[:300]
            SEEN["faults"].append(f"{text} (path {case.path_parameters}, query {case.query}, {sent})")


@atexit.register
def keep():
    pathlib.Path(GIVEN["seen"]).write_text(json.dumps(SEEN))
