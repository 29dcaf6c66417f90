"""The walk: refusals. Every operation that needs a session refuses requests without one, and every operation for
operators refuses holders and brokers. The paths hold ids of living objects, so that only the person can be the reason."""

from client import Broken

# What a half session is for; a whole one gets 409 there.
SECOND_STEP = ("POST /session/second-factor", "POST /session/second-factor/options")


def run(world):
    half = world.broker.half_session().json["token"]
    ids = living(world)
    secured = [label for label, one in world.api.document.operations.items() if one.get("security")]
    if len(secured) < 50:
        raise Broken(f"only {len(secured)} operations ask for a session")
    for label in secured:
        given = ids_for(label, ids)
        for token in ("", "kws_" + "A" * 43) + ((half,) if label not in SECOND_STEP else ()):
            # Its body is read first.
            body = {"code": "000000"} if label == SECOND_STEP[0] else None
            refused(world.api.send("visitor", label, *given, token=token, body=body), 401, "not_signed_in")
        if label.startswith(("GET /operations", "POST /operations", "PUT /operations", "DELETE /operations")):
            if label != "POST /operations/set-up":
                for person in (world.holder, world.broker):
                    refused(person.send(label, *given), 403, "no_role")


def refused(answer, status, code):
    if (answer.status, answer.code) != (status, code):
        raise Broken(f"not {status} {code}: {answer}")


def living(world):
    """An id of each kind, by the part of the path that it belongs to."""
    operator = world.operator
    return {
        "keys": operator.get("/operations/keys", limit=1)["keys"][0]["key"]["api_key"],
        "accounts": operator.get("/operations/accounts", limit=1)["accounts"][0]["id"],
        "apps": operator.get("/operations/apps", limit=1)["apps"][0]["id"],
        "proposals": operator.get("/operations/proposals", limit=1)["proposals"][0]["id"],
        "staff": operator.get("/operations/staff")[0]["account"],
        "policies": "max_key_age_days",
    }


def ids_for(label, ids):
    """Living ids for a path's parameters; another one where there is none of the kind."""
    parts = label.split(" ", 1)[1].split("/")
    return [ids.get(before, "1") for before, part in zip(parts, parts[1:]) if part.startswith("{")]
