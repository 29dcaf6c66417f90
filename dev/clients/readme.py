"""The README as a new user follows it: every block of commands, in order, as pasted; one JSON line per step.

Environment: KEYWARD_BIN (the built program). It runs in a folder of its own, and in a network namespace of its own where
that is permitted, because the README's ports are fixed. Two things differ from a user's terminal: `cargo run --release --`
starts the program that is built already, and Ctrl-C is a signal.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import sandbox
import signer
from report import Steps, equal, holds

ROOT = pathlib.Path(__file__).resolve().parents[2]
INSIDE = "KEYWARD_README_INSIDE"
LIMIT_S = 120
# What is shown and not run, by its first words: each with the reason.
SHOWN = {
    "OKX client": "a drawing",
    "Keyward sandbox is ready.": "what the sandbox prints; compared with what it does print",
}
# Commands that are not run, with the reason.
NOT_RUN = {"cargo xtask test": "this script is a part of it"}
CARGO = """#!/bin/sh
# The program is built already.
[ "$1 $2 $3" = "run --release --" ] || { echo "cargo $*: not run here" >&2; exit 1; }
shift 3
exec "$KEYWARD_BIN" "$@"
"""
steps = Steps({"client": "README"})


def main():
    text = (ROOT / "README.md").read_text()
    with tempfile.TemporaryDirectory(prefix="keyward-readme-") as folder:
        user = User(pathlib.Path(folder))
        try:
            for number, block in enumerate(blocks(text), 1):
                steps.run(f"block {number}: {block.first}", lambda: follow(user, block, text))
            steps.run("every key of the table", lambda: table(user, text))
            steps.run("each kind of block was there", lambda: equal(user.did, EXPECTED, "what was done"))
        finally:
            user.end()
    return not steps.failed


EXPECTED = {"sandbox", "banner", "sample", "python", "key", "serve"}


class Block:
    def __init__(self, language, text, before):
        self.language, self.text, self.before = language, text, before
        self.first = text.strip().splitlines()[0].strip()


def blocks(text):
    """The fenced blocks, each with the paragraph before it."""
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(one[1], one[2], text[:one.start()].rstrip().rsplit("\n\n", 1)[-1]) for one in found]


def commands(block):
    """The commands of a block: a line that ends with a backslash goes on in the next."""
    joined = re.sub(r"\\\n\s*", "", block.text)
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def follow(user, block, text):
    if block.language == "sh":
        shell(user, block)
    elif block.language == "python":
        python(user, block)
    elif block.first.startswith("Keyward sandbox is ready."):
        sample(user, block)
    else:
        shown = [reason for words, reason in SHOWN.items() if block.first.startswith(words)]
        holds(shown, "this block is neither run nor known as one that is only shown")


def shell(user, block):
    """Runs the block. What lies between two commands that go on shares one shell, as in a terminal."""
    gathered = []
    for command in commands(block):
        words = command.split("#")[0].strip()
        if words in NOT_RUN:
            continue
        if words.startswith("cargo run --release -- sandbox"):
            user.start_sandbox(command)
            banner(user)
        elif " serve " in words:
            user.run("\n".join(gathered))
            gathered = []
            serve(user, command)
        else:
            if "--config ./server" in words or " init " in words:
                user.stop_sandbox(block)
            gathered.append(command)
    if gathered:
        said = user.run("\n".join(gathered))
        if "key disable" in block.text:
            disabled(user, said)


def banner(user):
    """Every block that the sandbox prints works when it is pasted."""
    parts = user.said.split("\n\n")
    pasted = [part for before, part in zip(parts, parts[1:]) if before.rstrip().endswith(":")]
    equal(len(pasted), 4, "blocks to paste")
    holds(not any(line.startswith(" ") for part in pasted for line in part.splitlines()[:1]), "a block is indented")
    public, trade, stream, key = (user.run(part) for part in pasted)
    equal(json.loads(public)["code"], "0", "code of the public request")
    holds(re.match(r"\d+ \{", trade), f"the trade printed {trade!r}")
    holds(re.fullmatch(r"\d+\.\d+ \{.+\}\n\d+\n", stream), f"the stream printed {stream!r}")
    holds("api_key" in key and "passphrase" in key, "the key's credentials are not shown")
    user.did |= {"sandbox", "banner"}


def sample(user, block):
    """The README shows what is printed, with … for what differs."""
    printed = user.said.split("\n\nLook around")[0]
    pattern = ".*".join(re.escape(part) for part in block.text.strip().split("…"))
    holds(re.fullmatch(pattern, printed.strip()), f"the sandbox prints\n{printed}")
    user.did.add("sample")


def python(user, block):
    said = user.run(block.text, ["python3", "-"])
    codes = re.findall(r"'code': '(\d+)'", said)
    holds(said.strip() and all(code == "0" for code in codes), f"it printed {said[:300]!r}")
    holds(re.search(r"'ordId': '\d+'|^\d+( \{|$)", said, re.MULTILINE), f"there is no order in {said[:300]!r}")
    user.did.add("python")


def disabled(user, said):
    """The key that the block made is refused within a second of being disabled."""
    made = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
    until = time.monotonic() + 1
    while (code := signer.code(user.credentials["gateway_url"], made)) != "50114":
        holds(time.monotonic() < until, f"the disabled key gets {code}")
        time.sleep(0.02)
    holds("50114" in said, "the code is not explained")
    user.did.add("key")


def serve(user, command):
    """Serves until it listens, and ends with 0."""
    server = user.start(command)
    try:
        config = (user.folder / "server" / "keyward.toml").read_text()
        host, port = re.search(r'^listen = "(.+):(\d+)"', config, re.MULTILINE).groups()
        wait("the server listens", server, lambda: listens(host, int(port)))
        server.send_signal(signal.SIGTERM)
        equal(server.wait(LIMIT_S), 0, "exit code of the server")
    finally:
        finish(server)
    user.did.add("serve")


def listens(host, port):
    try:
        socket.create_connection((host, port), timeout=1).close()
        return True
    except OSError:
        return False


def table(user, text):
    """The table of keys says what the credentials say."""
    part = text.split("## The keys of the credentials file")[1].split("\n## ")[0]
    told = {}
    for row in re.findall(r"^\| (`.+?) \|.*\| ([\d, ]+) \|$", part, re.MULTILINE):
        names, codes = re.findall(r"`(\w+)`", row[0]), row[1].split(", ")
        told |= dict(zip(names, codes * len(names) if len(codes) == 1 else codes, strict=True))
    equal(told, {name: key["expect"] for name, key in user.credentials["keys"].items()}, "the table")


class User:
    """Somebody in a terminal, in a folder with the built program where cargo leaves it."""

    def __init__(self, folder):
        self.folder, self.did, self.said, self.child, self.credentials = folder, set(), "", None, None
        program = folder / "target" / "release" / "keyward"
        program.parent.mkdir(parents=True)
        program.symlink_to(sandbox.program())
        cargo = folder / "bin" / "cargo"
        cargo.parent.mkdir()
        cargo.write_text(CARGO)
        cargo.chmod(0o755)
        # `pip install ccxt` of the README is done already, in the environment that runs this.
        path = [str(cargo.parent), os.path.dirname(sys.executable), os.environ["PATH"]]
        self.environment = {**os.environ, "PATH": os.pathsep.join(path), "KEYWARD_BIN": sandbox.program()}

    def run(self, text, program=("bash", "-euo", "pipefail", "-s")):
        """Pastes the text into a program; gives what it printed."""
        if not text.strip():
            return ""
        done = subprocess.run(list(program), input=text + "\n", cwd=self.folder, env=self.environment, capture_output=True,
                              text=True, timeout=LIMIT_S)
        holds(done.returncode == 0, f"exit code {done.returncode}: {(done.stderr or done.stdout).strip()[-400:]}")
        return done.stdout

    def start(self, command, **more):
        """Starts a command that goes on; `exec`, so that signals reach the program."""
        line = ["bash", "-euc", f"exec {command}"]
        return subprocess.Popen(line, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, text=True, **more)

    def start_sandbox(self, command):
        holds(self.child is None, "the sandbox is started twice; the second finds its addresses in use")
        self.child = self.start(command, stdout=subprocess.PIPE)
        threading.Thread(target=self._listen, args=(self.child.stdout,), daemon=True).start()
        wait("the sandbox is ready", self.child, lambda: "Stop with Ctrl-C." in self.said)
        file = re.search(r"^  credentials  (.+)$", self.said, re.MULTILINE)[1]
        self.credentials = json.loads(pathlib.Path(file).read_text())

    def _listen(self, lines):
        for line in lines:
            self.said += line

    def stop_sandbox(self, block):
        if self.child is None or self.child.poll() is not None:
            return
        holds("Stop the sandbox" in block.before, "the README does not say that the sandbox must be stopped before")
        self.child.send_signal(signal.SIGINT)
        equal(self.child.wait(LIMIT_S), 0, "exit code of the sandbox")

    def end(self):
        finish(self.child)


def wait(what, child, so):
    until = time.monotonic() + LIMIT_S
    while not so():
        holds(child.poll() is None, f"{what}: it ended with {child.returncode} before")
        holds(time.monotonic() < until, f"{what}: not within {LIMIT_S} s")
        time.sleep(0.05)


def finish(child):
    if child is not None and child.poll() is None:
        child.kill()
        child.wait()


def in_a_network_of_its_own():
    """Runs this once more where nobody else listens; does not come back from that."""
    if os.environ.get(INSIDE):
        return
    if shutil.which("ip") and subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode == 0:
        again = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$0" "$@"', sys.executable, __file__]
        os.execvpe("unshare", again, {**os.environ, INSIDE: "1"})
    print("network namespaces are not permitted here: on this machine's own ports 8480 to 8483", flush=True)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    in_a_network_of_its_own()
    right = main()
    print(json.dumps({"client": "README", "ok": right}))
    sys.exit(not right)
