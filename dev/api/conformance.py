"""Holds the management API against its own document: schemathesis sends what the document allows, and what it does not.

Starts a sandbox, signs in as its trader over the API, and looks for server errors, undocumented statuses, answers
that do not fit their schema, and operations that answer without a token.
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

EXAMPLES = os.environ.get("KEYWARD_API_EXAMPLES", "25")
# What would end the session that the run itself needs.
LEFT_OUT = ["/api/v1/sessions/{id}", "/api/v1/session", "/api/v1/sessions"]
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method,ignored_auth"
)


def totp(secret, step):
    key = base64.b32decode(secret)
    mac = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    at = mac[19] & 15
    return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def post(url, body, token=""):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def main():
    program = os.environ["KEYWARD_BIN"]
    with tempfile.TemporaryDirectory(prefix="keyward-api-") as folder:
        file = pathlib.Path(folder, "credentials.json")
        free = "127.0.0.1:0"
        sandbox = subprocess.Popen(
            [program, "sandbox", "--console", free, "--gateway", free, "--gateway-tls", free, "--credentials", str(file)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until = time.monotonic() + 60
            while not file.exists():
                if sandbox.poll() is not None or time.monotonic() > until:
                    sys.exit("the sandbox did not start")
                time.sleep(0.05)
            credentials = json.loads(file.read_text())
            url, trader = credentials["console_url"], credentials["people"]["trader"]
            first = post(f"{url}/api/v1/session", {"email": trader["email"], "password": trader["password"]})
            code = totp(trader["totp_secret"], int(time.time()) // 30)
            token = post(f"{url}/api/v1/session/second-factor", {"code": code}, first["token"])["token"]
            command = [
                str(pathlib.Path(sys.executable).with_name("schemathesis")), "run", f"{url}/api/v1/openapi.json",
                "--header", f"Authorization: Bearer {token}", "--checks", CHECKS, "--max-examples", EXAMPLES,
                "--phases", "examples,coverage,fuzzing", "--seed", "1", "--no-color", "--request-timeout", "20",
                "--suppress-health-check", "all",
            ]
            for path in LEFT_OUT:
                command += ["--exclude-path", path]
            return subprocess.run(command, cwd=folder).returncode
        finally:
            sandbox.send_signal(signal.SIGTERM)
            sandbox.wait(20)


if __name__ == "__main__":
    sys.exit(main())
