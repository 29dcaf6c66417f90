"""Fuzzing by schemathesis: as each role, in a sandbox of its own, with living objects and in sequences of requests."""

import json
import os
import pathlib
import subprocess
import sys

from client import Api
from program import Sandbox
from receiver import Receiver
from seeds import for_run
from world import World

# The runs: the role, and the tags of the document that it covers; each tag must be here. The holder has two runs,
# because many operations before a sign-in take a third of a second on purpose.
RUNS = {
    "keys": ("holder", ("keys", "alerts", "trail", "channels", "approvals")),
    "door": ("holder", ("account", "sessions", "sub-accounts", "leaks")),
    "apps": ("broker", ("apps",)),
    "operations": ("operator", ("operations",)),
}
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "unsupported_method", "ignored_auth", "use_after_free", "ensure_resource_availability",
)
HERE = pathlib.Path(__file__).resolve().parent

# Operations that no generated request can do, each with the reason; those that take a step-up need no line here.
ONLY_REFUSED = {
    "POST /account/email/{id}/confirm": "takes the code of a mail",
    "POST /registrations/{id}/confirm": "takes the code of a mail",
    "POST /recoveries/{id}/confirm": "takes the code of a mail",
    "POST /session/second-factor": "takes a code of the authenticator",
    "POST /session/passkey": "takes a passkey's signature",
    "POST /channels/{id}/send-again": "takes a message that was given up after three days",
    "POST /review": "names every key of the account, and other operations delete some meanwhile",
    "POST /keys/delete-unused": "keys of a sandbox are minutes old, and none was unused for a day",
    "POST /leaks": "takes a signature of the body as it is sent",
    "POST /keys/stop-trading": "gets no factor here: it would stop the keys that other operations need",
    "POST /keys/disable-all": "gets no factor here: it would stop the keys that other operations need",
}


def takes_step_up(document, operation):
    """Whether nothing but a step-up lets an operation do what it is for."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rsplit("/", 1)[-1]
    members = document.components["schemas"].get(name, {}).get("properties", {})
    return "step_up" in members and "factor" not in members


def run_of(operation):
    """The run that an operation belongs to; none where its tag is in no run."""
    return next((name for name, (_, tags) in RUNS.items() if set(tags) & set(operation.get("tags", []))), None)


class Fuzzing:
    """One run."""

    def __init__(self, name, document, tally, examples, seed):
        self.name, self.document, self.tally, self.examples, self.seed = name, document, tally, examples, seed
        self.role, self.tags = RUNS[name]

    def run(self):
        """Returns what schemathesis printed; faults go to the tally."""
        receiver = Receiver(204)
        with Sandbox("--allow-receiver", receiver.place) as sandbox:
            world = World(sandbox, Api(sandbox.url, self.document, self.tally), receiver)
            given = {**for_run(self.name, self.role, world), "url": sandbox.url, "seen": str(sandbox.folder / "seen.json")}
            (sandbox.folder / "given.json").write_text(json.dumps(given))
            (sandbox.folder / "schemathesis.toml").write_text(self.settings(given))
            done = self.schemathesis(sandbox)
            printed, seen = done.stdout + done.stderr, pathlib.Path(given["seen"])
            if not seen.exists():
                raise AssertionError(f"schemathesis wrote no result: {printed}")
            self.judge(done, json.loads(seen.read_text()))
        return printed

    def settings(self, given):
        """Operations that end or need another session than the run's have a token of their own."""
        lines = ["[headers]", f'Authorization = "Bearer {given["token"]}"']
        for label, token in given["tokens"].items():
            method, path = label.split(" ", 1)
            lines += ["[[operations]]", f'include-name = "{method} /api/v1{path}"',
                      f'headers = {{ Authorization = "Bearer {token}" }}']
        # Outside the stateful phase the samples say which objects an operation may use up.
        for phase in ("examples", "coverage", "fuzzing"):
            lines += [f"[phases.{phase}]", "extra-data-sources.responses = false"]
        # A sequence needs several requests before one of them has an object to work on.
        lines += ["[phases.stateful]", "max-steps = 15", "[phases.stateful.generation]",
                  f"max-examples = {2 * self.examples}"]
        return "\n".join(lines) + "\n"

    def schemathesis(self, sandbox):
        command = [
            str(pathlib.Path(sys.executable).with_name("schemathesis")), "--config-file", "schemathesis.toml", "run",
            f"{sandbox.url}/api/v1/openapi.json", "--checks", ",".join(CHECKS), "--max-examples", str(self.examples),
            "--phases", "examples,coverage,fuzzing,stateful", "--seed", str(self.seed), "--no-color",
            "--request-timeout", "20", "--suppress-health-check", "all", "--warnings", "off",
            "--generation-database", "none", "--continue-on-failure",
        ]
        for tag in self.tags:
            command += ["--include-tag", tag]
        environment = {**os.environ, "KEYWARD_FUZZ": str(sandbox.folder / "given.json"), "PYTHONPATH": str(HERE),
                       "PYTHONDONTWRITEBYTECODE": "1", "SCHEMATHESIS_HOOKS": "fuzz_hooks"}
        return subprocess.run(command, cwd=sandbox.folder, env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=600 + 30 * self.examples)

    def judge(self, done, seen):
        """The exit code, what this code saw of every answer, and whether the requests got anywhere."""
        if done.returncode != 0:
            self.tally.fault(f"schemathesis on {self.name} ended with {done.returncode}: its report is above")
        for fault in seen["faults"]:
            self.tally.fault(f"{fault}, fuzzed as {self.role}")
        if not seen["links"]:
            self.tally.fault(f"on {self.name} there was no link to follow")
        for label, counts in seen["counts"].items():
            for status, times in counts.items():
                self.tally.count(self.role, label, int(status), times)
        for label, operation in self.document.operations.items():
            if run_of(operation) == self.name:
                counts = seen["counts"].get(label, {})
                got = sum(times for status, times in counts.items() if status.startswith("2"))
                self.judge_one(label, operation, counts, got)

    def judge_one(self, label, operation, counts, got):
        if not counts:
            self.tally.fault(f"{label}: not fuzzed as {self.role}")
        elif takes_step_up(self.document, operation):
            if got:
                self.tally.fault(f"{label}: {got} requests without a step-up were done")
        elif label in ONLY_REFUSED:
            if got:
                self.tally.fault(f"{label}: fuzzing gets it done, though it {ONLY_REFUSED[label]}: remove the exception")
        elif not got:
            self.tally.fault(f"{label}: no request of the fuzzing as {self.role} was done, only {counts}")


def faults_of_runs(document):
    """Operations that no run would fuzz, and exceptions for operations that do not exist."""
    for label, operation in document.operations.items():
        if run_of(operation) is None:
            yield f"{label}: its tag is in no run"
    for label in ONLY_REFUSED.keys() - set(document.operations):
        yield f"{label}: an exception of the fuzzing, but no operation"
