"""What was seen of each operation: statuses by role, what a success was shown to have done, and what went wrong."""

import collections
import threading

ROLES = ("holder", "broker", "operator", "visitor")


class Tally:
    """Counts while the walk and the fuzzing go on; says at the end what is missing."""

    def __init__(self, operations):
        self.operations = list(operations)
        self.statuses = {label: collections.Counter() for label in self.operations}
        self.shown = collections.Counter()
        self.faults = []
        self.lock = threading.Lock()

    def count(self, role, label, status, times=1):
        with self.lock:
            if label not in self.statuses:
                self.faults.append(f"{label}: asked for, but it is no operation of the document")
                return
            self.statuses[label][role, status] += times

    def fault(self, text):
        with self.lock:
            if text not in self.faults:
                self.faults.append(text)

    def of(self, label, kind, role=None):
        """How many answers of 2xx, 4xx or 5xx."""
        return sum(times for (who, status), times in self.statuses[label].items()
                   if status // 100 == kind and role in (None, who))

    def missing(self, exceptions):
        """What nobody got done, against the exceptions, each with its reason."""
        for label in self.operations:
            done, shown = self.of(label, 2), self.shown[label]
            if label in exceptions:
                if done and shown:
                    yield f"{label}: it is an exception ({exceptions[label]}), and needs to be none any more"
            elif not done:
                yield f"{label}: never a 2xx, by anybody"
            elif not shown:
                yield f"{label}: a 2xx, but nothing shows that it had its effect"
            for (role, status), times in sorted(self.statuses[label].items()):
                if status >= 500:
                    yield f"{label}: {times} times {status} as {role}"
        for label in exceptions.keys() - set(self.operations):
            yield f"{label}: it is an exception, but no operation of the document"

    def table(self):
        """One line for each operation: 2xx/4xx/5xx for each role, and what showed the effect."""
        width = max(map(len, self.operations), default=0)
        yield f"{'2xx/4xx/5xx':{width}}" + "".join(f"  {role:>12}" for role in ROLES) + "  effect shown"
        for label in self.operations:
            cells = []
            for role in ROLES:
                counts = [self.of(label, kind, role) for kind in (2, 4, 5)]
                cells.append("/".join(map(str, counts)) if any(counts) else "-")
            yield f"{label:{width}}" + "".join(f"  {cell:>12}" for cell in cells) + f"  {self.shown[label]:>12}"
