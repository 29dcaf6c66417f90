"""How the operations follow each other, for the stateful phase: what the document itself does not say.

A list leads to every operation on one of its members, and what changes or deletes a member leads to a look at it. There
are no more, so that the few requests of a sequence get from a list over a deletion to the look.
"""

import re

from document import label_of

# Where a list names its first member, and the path that the name belongs into.
LISTS = {
    "GET /keys": ("keys/0/api_key", "/keys/{id}"),
    "GET /channels": ("0/id", "/channels/{id}"),
    "GET /account/passkeys": ("0/id", "/account/passkeys/{id}"),
    "GET /sessions": ("0/id", "/sessions/{id}"),
    "GET /trail": ("records/0/n", "/trail/{n}"),
    "GET /third-party-apps": ("apps/0/id", "/third-party-apps/{id}"),
    "GET /apps": ("0/id", "/apps/{id}"),
    "POST /apps": ("app/id", "/apps/{id}"),
    "GET /operations/accounts": ("accounts/0/id", "/operations/accounts/{id}"),
    "GET /operations/keys": ("keys/0/key/api_key", "/operations/keys/{id}"),
    "GET /operations/apps": ("apps/0/id", "/operations/apps/{id}"),
    "GET /operations/audit": ("records/0/n", "/operations/audit/{n}"),
    "GET /operations/policies": ("0/name", "/operations/policies/{name}"),
    "GET /operations/proposals": ("proposals/0/id", "/operations/proposals/{id}"),
    "GET /operations/staff": ("0/account", "/operations/staff/{id}"),
}
VERSIONS = {
    "GET /apps/{id}/ranges": "/apps/{id}/ranges/{number}",
    "GET /operations/apps/{id}": "/operations/apps/{id}/ranges/{number}",
}


def add_links(document):
    """Puts the links into a loaded document; gives how many."""
    found = {label_of(method, path): (path, method, operation)
             for path, item in document["paths"].items() for method, operation in item.items()}
    count = 0
    for source, (pointer, path) in LISTS.items():
        name = re.search(r"\{(\w+)\}", path)[1]
        for label in found:
            if label.split(" ", 1)[1].startswith(path) and label.count("{") == 1:
                count += link(found, source, label, {name: f"$response.body#/{pointer}"})
        show = f"GET {path}"
        for changing in (f"{method} {path}" for method in ("DELETE", "PUT", "PATCH")):
            if show in found and changing in found:
                count += link(found, changing, show, {name: f"$request.path.{name}"})
    for source, path in VERSIONS.items():
        for label in found:
            if label.split(" ", 1)[1].startswith(path):
                count += link(found, source, label, {"id": "$request.path.id",
                                                     "number": "$response.body#/versions/0/number"})
    return count


def link(found, source, target, parameters):
    """One link from every success of an operation."""
    path, method, _ = found[target]
    reference = "#/paths/" + path.replace("~", "~0").replace("/", "~1") + f"/{method}"
    name = re.sub(r"\W+", "_", f"{target} by {sorted(parameters.values())}")
    for status, response in found[source][2]["responses"].items():
        if status.startswith("2"):
            response.setdefault("links", {})[name] = {"operationRef": reference, "parameters": parameters}
    return 1
