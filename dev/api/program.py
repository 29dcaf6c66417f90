"""The built program, running: a sandbox, or a server of one's own with a mail server beside it.

Both wait until it is ready, end it in order and refuse any exit code but 0.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

FREE = "127.0.0.1:0"


def binary():
    path = os.environ.get("KEYWARD_BIN")
    if not path or not os.path.isfile(path):
        raise SystemExit("KEYWARD_BIN must name the built program")
    return os.path.abspath(path)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait(what, seconds, ask):
    """Asks until the answer is true; gives it. Whatever `ask` raises ends the wait at once."""
    until = time.monotonic() + seconds
    while True:
        if answer := ask():
            return answer
        if time.monotonic() > until:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def is_ready(url):
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def ended(child):
    """Ends the program as an operator would; gives its exit code, or says that it had to be killed."""
    child.send_signal(signal.SIGTERM)
    try:
        return child.wait(30)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return "none: it had to be killed"


class Running:
    """A program in a temporary folder; `start` of a subclass gives the child."""

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="keyward-api-")
        self.folder = pathlib.Path(self.temporary.name)
        try:
            self.child = self.start()
            self.when_ready()
        except BaseException:
            if child := getattr(self, "child", None):
                ended(child)
            self.temporary.cleanup()
            raise
        return self

    def __exit__(self, kind, *_):
        code = ended(self.child)
        self.temporary.cleanup()
        # A step that failed is the news; the exit code is only where every step was right.
        if kind is None and code != 0:
            raise AssertionError(f"the program's exit code is {code}")

    def alive(self):
        if self.child.poll() is not None:
            raise AssertionError(f"the program ended by itself with {self.child.returncode}")
        return True


class Sandbox(Running):
    """`keyward sandbox` on free ports; `credentials` is what it wrote about itself. Its log goes to the file `log`."""

    def __init__(self, *options, log=None):
        self.options, self.log = options, log

    def start(self):
        self.file = self.folder / "credentials.json"
        listeners = [word for name in ("console", "gateway", "gateway-tls", "metrics") for word in (f"--{name}", FREE)]
        self.data = self.folder / "data"
        line = [binary(), "sandbox", "--data", str(self.data), "--credentials", str(self.file), *listeners, *self.options]
        loud = {"stderr": self.log, "env": {**os.environ, "RUST_LOG": "debug"}} if self.log else {"stderr": subprocess.DEVNULL}
        return subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **loud)

    def when_ready(self):
        # The program puts the file there whole, once everything listens.
        wait("the sandbox starts", 60, lambda: self.alive() and self.file.exists())
        self.credentials = json.loads(self.file.read_text())
        self.url = self.credentials["console_url"]


class Server(Running):
    """`keyward serve` with console and mail, fresh: nobody has an account, and there is no operator.

    `mail` is the mail server's URL; `more` gives further lines of that section, given the folder.
    """

    def __init__(self, mail, more=lambda folder: ""):
        self.mail, self.more = mail, more

    def start(self):
        # A server refuses secrets that others on the machine may read.
        os.umask(0o077)
        console, gateway = free_port(), free_port()
        self.url = f"http://localhost:{console}"
        subprocess.run([binary(), "init", "--dir", self.folder / "etc"], check=True, capture_output=True)
        self.config = self.folder / "keyward.toml"
        self.config.write_text(f"""
[store]
url = "{self.folder}/data"
master_key_file = "{self.folder}/etc/master.key"
[gateway]
listen = "127.0.0.1:{gateway}"
[upstream]
url = "http://127.0.0.1:9"
[console]
listen = "127.0.0.1:{console}"
origin = "{self.url}"
gateway = "http://127.0.0.1:{gateway}"
[mail]
url = "{self.mail}"
from = "Keyward <keyward@keyward.example>"
{self.more(self.folder)}
""")
        return subprocess.Popen([binary(), "serve", "--config", self.config], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def when_ready(self):
        wait("the server starts", 60, lambda: self.alive() and is_ready(self.url))

    def keyward(self, *words):
        """Runs the command line on this server's store; gives what it printed as JSON."""
        done = subprocess.run([binary(), *words, "--config", self.config, "--json"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout)
