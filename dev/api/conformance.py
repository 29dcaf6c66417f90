"""Holds the management API against its own document, by people who do everything that it describes and by fuzzing.

The walk does each operation at least once with success, as holder, broker or operator, and shows by another request
that it had its effect. The fuzzing sends what the document allows and what it does not, with living objects and in
sequences. Every answer is judged against the document that the program serves, which must be docs/openapi.json.

Red when an operation never gave a 2xx, when nothing shows its effect, when it stands in no run of the fuzzing, and at
every answer that the document does not describe. KEYWARD_API_EXAMPLES and KEYWARD_API_SEED set how much is made up.
"""

import concurrent.futures
import os
import pathlib
import sys
import time
import traceback
import urllib.request

import fuzz
import walk_account
import walk_approvals
import walk_apps
import walk_channels
import walk_keys
import walk_leaks
import walk_operations
import walk_refusals
import walk_sessions
import walk_set_up
import walk_sub_accounts
import walk_trail
from client import Api
from document import Document
from program import Sandbox
from receiver import Receiver
from tally import Tally
from world import World

COMMITTED = pathlib.Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
# In this order: the sessions come first, and what stops every key last.
WALK = (walk_sessions.run, walk_account.run, walk_approvals.run, walk_keys.run, walk_leaks.run, walk_channels.run,
        walk_sub_accounts.run, walk_apps.run, walk_operations.run, walk_trail.run, walk_refusals.run, walk_keys.last)
# Operations that cannot be done here, each with the reason; one that is done after all must go from the list.
EXCEPTIONS = {
    "POST /keys/delete-unused": "takes a key that was unused for a day, and keys of a sandbox are minutes old; the console's tests "
                                "do it with a clock of their own",
}


def number(name, otherwise):
    text = os.environ.get(name, str(otherwise))
    if not text.isdecimal() or int(text) < 1:
        sys.exit(f"{name} must be a number from 1 on, and not {text!r}")
    return int(text)


def step(tally, name, call):
    """Runs a part, says how it went, and keeps what went wrong; the other parts go on."""
    began = time.monotonic()
    try:
        call()
        said = "done"
    except Exception as problem:  # Whatever a part raises is its verdict.
        tally.fault(f"{name}: {type(problem).__name__}: {problem}")
        traceback.print_exc()
        said = "FAILED"
    print(f"{name}: {said} in {time.monotonic() - began:.1f} s", flush=True)


def walk(sandbox, document, tally, receiver):
    world = World(sandbox, Api(sandbox.url, document, tally), receiver)
    for person in (world.broker, world.operator, world.operator2):
        person.sign_in()
        person.add_passkey("Walk")
    for part in WALK:
        step(tally, f"{part.__module__}.{part.__name__}", lambda: part(world))
    step(tally, "walk_set_up.run", lambda: walk_set_up.run(document, tally))


def fuzz_all(document, tally, examples, seed):
    """The runs at the same time, as they mostly wait; what each printed comes one after the other."""
    def run(name):
        try:
            return name, fuzz.Fuzzing(name, document, tally, examples, seed).run()
        except Exception:  # As above: the other runs go on.
            tally.fault(f"the fuzzing of {name} did not come to its end: {traceback.format_exc()}")
            return name, ""

    with concurrent.futures.ThreadPoolExecutor(len(fuzz.RUNS)) as pool:
        for name, printed in pool.map(run, fuzz.RUNS):
            print(f"---- fuzzing {name} ----\n{printed}", flush=True)


def main():
    examples, seed = number("KEYWARD_API_EXAMPLES", 25), number("KEYWARD_API_SEED", 1)
    receiver = Receiver(400, 400, 204)
    with Sandbox("--allow-receiver", receiver.place) as sandbox:
        with urllib.request.urlopen(f"{sandbox.url}/api/v1/openapi.json", timeout=20) as answer:
            document = Document(answer.read())
        tally = Tally(document.operations)
        for fault in (*document.faults(COMMITTED.read_text()), *fuzz.faults_of_runs(document)):
            tally.fault(fault)
        walk(sandbox, document, tally, receiver)
    walked = {label for label in tally.operations if tally.of(label, 2)}
    fuzz_all(document, tally, examples, seed)
    return verdict(tally, walked)


def verdict(tally, walked):
    """Prints what was seen; whether all of it was right."""
    print("\n".join(tally.table()))
    wrong = [*tally.faults, *tally.missing(EXCEPTIONS)]
    for line in wrong:
        print(f"WRONG: {line}")
    done = sum(1 for label in tally.operations if tally.of(label, 2))
    print(f"{len(tally.operations)} operations, {done} done ({len(walked)} by the walk), "
          f"{sum(map(bool, tally.shown.values()))} with their effect shown, {len(EXCEPTIONS)} exceptions; "
          f"{sum(sum(one.values()) for one in tally.statuses.values())} answers judged; {len(wrong)} wrong")
    return not wrong


if __name__ == "__main__":
    sys.exit(not main())
