"""One JSON line per step, and whether all of them were right."""
import json
import time


class Measured(dict):
    """What a step measured; it is printed with the step."""


class Steps:
    def __init__(self, about):
        self.about = about
        self.failed = False
        self.count = 0

    def run(self, step, call):
        """Runs `call`, reports it, and returns what it returned; None when it raised."""
        start = time.monotonic()
        try:
            found, problem = call(), None
        except Exception as error:  # whatever a client raises is the step's verdict
            found, problem = None, f"{type(error).__name__}: {error}"[:500]
        self.failed |= problem is not None
        self.count += 1
        line = {**self.about, "step": step, "ok": problem is None, "ms": round((time.monotonic() - start) * 1000)}
        if isinstance(found, Measured):
            line |= found
        if problem:
            line["problem"] = problem
        print(json.dumps(line), flush=True)
        return found


def equal(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what} is {found!r}, not {wanted!r}")
    return found


def holds(condition, what):
    if not condition:
        raise AssertionError(what)
