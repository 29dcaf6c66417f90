"""The API's document: which operations there are, and whether an exchange is one that it describes.

It is stricter than a schema validator on one point: an answer may have no member that the document does not name, or
a renamed one would pass as an absent one and an unknown one.
"""

import collections
import copy
import json

import jsonschema_rs

PREFIX = "/api/v1"
METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
# Schemas of requests whose unknown members are ignored, each with the reason; those of all others are refused.
OPEN = {"LeakFinding": "scanning programmes add members to their findings"}
SIGNATURES = {"image/png": b"\x89PNG\r\n\x1a\n"}


def label_of(method, path):
    """How an operation is called here: `POST /keys/{id}/disable`."""
    return f"{method.upper()} {path.removeprefix(PREFIX)}"


def operations_of(document):
    """Every operation of a document by its label."""
    return {label_of(method, path): operation
            for path, item in document["paths"].items() for method, operation in item.items() if method in METHODS}


def sealed(schema):
    """The same schema, in which an object that names its members has no others."""
    if isinstance(schema, list):
        return [sealed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: sealed(part) for name, part in schema.items()}
    if isinstance(found.get("properties"), dict):
        found.setdefault("additionalProperties", False)
    return found


def differences(one, other, at=""):
    """Where two JSON values differ, as pointers."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            if name not in one or name not in other:
                yield f"{at}/{name}"
            else:
                yield from differences(one[name], other[name], f"{at}/{name}")
    elif one != other:
        yield at or "/"


class Document:
    """A document as it was served."""

    def __init__(self, text):
        self.whole = json.loads(text)
        self.operations = operations_of(self.whole)
        self.components = self.whole["components"]
        self.sealed = sealed(copy.deepcopy(self.components))
        self.validators = {}

    def faults(self, committed):
        """What is wrong with the document itself, `committed` being the one in the repository."""
        theirs = json.loads(committed)
        ours, other = set(self.operations), set(operations_of(theirs))
        for label in sorted(ours - other):
            yield f"{label} is served, but does not stand in docs/openapi.json"
        for label in sorted(other - ours):
            yield f"{label} stands in docs/openapi.json, but is not served"
        different = list(differences(self.whole, theirs))
        if different and ours == other:
            yield f"the document served is not docs/openapi.json: {', '.join(different[:5])} ({len(different)} in all)"
        if not self.operations:
            yield "the document has no operation"
        # OpenAPI 3.1, 4.8.10: "The id MUST be unique among all operations described in the API".
        named = collections.Counter(one["operationId"] for one in self.operations.values() if "operationId" in one)
        for name, count in sorted(named.items()):
            if count > 1:
                yield f"operationId {name} names {count} operations"
        # Every unknown member of a body is refused, so a schema that lets them in describes what is not taken.
        for name in sorted({place for label in self.operations for place in self.open_objects(label)} - set(OPEN)):
            yield f"{name} allows members that it does not name, which the API refuses"

    def open_objects(self, label):
        """Where a request's schema has an object that is not closed."""
        waiting, seen = [("", self.operations[label].get("requestBody", {}))], set()
        while waiting:
            place, part = waiting.pop()
            if isinstance(part, list):
                waiting += [(f"{place}/{at}", one) for at, one in enumerate(part)]
            elif isinstance(part, dict):
                if isinstance(part.get("properties"), dict) and part.get("additionalProperties") is not False:
                    yield place or label
                if (name := part.get("$ref", "").rsplit("/", 1)[-1]) and name not in seen:
                    seen.add(name)
                    waiting.append((name, self.components["schemas"][name]))
                waiting += [(f"{place}/{at}" if place else "", one) for at, one in part.items()]

    def validator(self, schema, components, name):
        """Made once for each place in the document."""
        if name not in self.validators:
            whole = {"components": components, **schema}
            self.validators[name] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        return self.validators[name]

    def judge_answer(self, label, status, media, body):
        """What of an answer the document does not describe; nothing is an empty list."""
        described = self.operations[label]["responses"].get(str(status))
        if described is None:
            return [f"status {status} is not documented"]
        content = described.get("content", {})
        if not content:
            return [f"a body of {len(body)} bytes, where none is documented"] if body else []
        media = media.split(";")[0].strip().lower()
        if media not in content:
            return [f"content type {media or 'none'} is not documented for {status}"]
        if media in SIGNATURES:
            return [] if body.startswith(SIGNATURES[media]) else [f"the body is no {media}"]
        try:
            value = json.loads(body)
        except ValueError:
            return ["the body is no JSON"]
        check = self.validator(sealed(content[media]["schema"]), self.sealed, (label, status, media))
        return [f"at /{'/'.join(str(part) for part in wrong.instance_path)}: {wrong.message}"
                for wrong in check.iter_errors(value)]

    def judge_request(self, label, media, body, query):
        """What of a request that was taken the document does not allow."""
        operation = self.operations[label]
        known = {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
        faults = [f"the query's {name} is not documented" for name in query if name not in known]
        content = operation.get("requestBody", {}).get("content", {})
        if body is None:
            return faults
        if media not in content:
            return [*faults, f"a body of {media} was taken, and is not documented"]
        if not media.startswith("image/"):
            check = self.validator(content[media]["schema"], self.components, (label, "request", media))
            faults += [f"a body was taken that does not fit: {wrong.message}" for wrong in check.iter_errors(body)]
        return faults
