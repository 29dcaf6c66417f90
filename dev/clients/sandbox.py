"""`keyward sandbox` as a context: started on free ports, ready, ended in order."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import threading


class Sandbox:
    """Everything under one temporary folder; `credentials` is what the program wrote about itself."""

    def __init__(self, program):
        self.program = program
        self.folder = tempfile.TemporaryDirectory(prefix="keyward-clients-")
        self.data = pathlib.Path(self.folder.name) / "data"
        self.file = pathlib.Path(self.folder.name) / "credentials.json"
        self.credentials = None

    def __enter__(self):
        listeners = [word for name in ("console", "gateway", "gateway-tls", "metrics")
                     for word in (f"--{name}", "127.0.0.1:0")]
        line = [self.program, "sandbox", "--data", str(self.data), "--credentials", str(self.file), *listeners]
        self.child = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        ready = threading.Event()
        threading.Thread(target=self._listen, args=(ready,), daemon=True).start()
        if not ready.wait(60) or self.credentials is None:
            self.child.kill()
            self.child.wait()
            self.folder.cleanup()
            raise RuntimeError("keyward sandbox did not get ready")
        return self

    def __exit__(self, *_):
        self.child.send_signal(signal.SIGTERM)
        try:
            self.ended_with = self.child.wait(15)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.ended_with = self.child.wait()
        self.folder.cleanup()

    def _listen(self, ready):
        # It says something once it is ready, and the file is whole before that. Reading goes on, or a full
        # pipe would stop it.
        for _ in self.child.stdout:
            if self.credentials is None and self.file.exists():
                try:
                    self.credentials = json.loads(self.file.read_text())
                    ready.set()
                except ValueError:
                    pass
        ready.set()

    def keyward(self, *words):
        """Runs the command line on this sandbox's store; returns what it printed as JSON."""
        line = [self.program, *words, "--data", str(self.data), "--json"]
        done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout)


def program():
    path = os.environ.get("KEYWARD_BIN")
    if not path or not os.path.isfile(path):
        raise SystemExit("KEYWARD_BIN must name the built program")
    return os.path.abspath(path)
