"""A server of one's own: `keyward serve` with console and mail, its mails taken by an independent SMTP server.

For each way to protect the connection a person registers over the API with the code that arrived by mail. In the first
run the mail server is down at first: the mail waits in the outbox and arrives once it is up, once. At last
`keyward doctor --send-test` sends one more, and tells what the server answered.
"""

import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult


class Inbox:
    """Keeps what arrives."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((message_from_bytes(envelope.content, policy=policy.default), session.ssl is not None))
        return "250 OK"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def certificate(folder):
    files = folder / "mail.pem", folder / "mail.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
         "-out", files[0], "-keyout", files[1]],
        check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return files[0], context


def mail_server(inbox, kind, port, context):
    def authenticator(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == (b"keyward", b"mail password"))

    class StartTls(Controller):
        def factory(self):
            return SMTP(self.handler, tls_context=context, require_starttls=True, hostname="localhost",
                        authenticator=authenticator, auth_required=True)

    if kind == "smtp":
        return StartTls(inbox, hostname="localhost", port=port)
    if kind == "smtps":
        return Controller(inbox, hostname="localhost", port=port, ssl_context=context)
    return Controller(inbox, hostname="localhost", port=port)


def call(url, body=None, token=""):
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(url, json.dumps(body).encode() if body is not None else None, headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def wait(what, seconds, ask):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.05)
    raise SystemExit(f"{what}: not within {seconds} s")


def run(program, kind, late):
    # A server refuses secrets that others on the machine may read.
    os.umask(0o077)
    with tempfile.TemporaryDirectory(prefix="keyward-mail-") as name:
        folder = pathlib.Path(name)
        authority, context = certificate(folder)
        console, mail, gateway = free_port(), free_port(), free_port()
        subprocess.run([program, "init", "--dir", folder / "etc"], check=True, capture_output=True)
        (folder / "password").write_text("mail password\n")
        login = f'user = "keyward"\npassword_file = "{folder}/password"' if kind == "smtp" else ""
        (folder / "keyward.toml").write_text(f"""
[store]
url = "{folder}/data"
master_key_file = "{folder}/etc/master.key"
[gateway]
listen = "127.0.0.1:{gateway}"
[upstream]
url = "http://127.0.0.1:9"
[console]
listen = "127.0.0.1:{console}"
origin = "http://localhost:{console}"
gateway = "http://127.0.0.1:{gateway}"
[mail]
url = "{kind}://localhost:{mail}"
from = "Keyward <keyward@keyward.example>"
ca_file = "{authority}"
{login}
""")
        inbox = Inbox()
        server = mail_server(inbox, kind, mail, context)
        if not late:
            server.start()
        keyward = subprocess.Popen([program, "serve", "--config", folder / "keyward.toml"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        api = f"http://localhost:{console}/api/v1"

        def up():
            try:
                return urllib.request.urlopen(f"http://localhost:{console}/readyz", timeout=1).status == 200
            except (urllib.error.URLError, OSError):
                return False

        try:
            wait("keyward serves", 30, up)
            try:
                urllib.request.urlopen(f"http://localhost:{console}/dev/mail", timeout=5)
                raise SystemExit("a server has a mailbox page")
            except urllib.error.HTTPError as refused:
                assert refused.code == 404
            asked = call(f"{api}/registrations", {"email": "a@keyward.example", "password": "amber-kite-47-fjord-lantern"})
            if late:
                time.sleep(1)
                assert not inbox.mails
                server.start()
            message, secure = wait("the mail arrives", 30, lambda: inbox.mails and inbox.mails[0])
            # With smtps there is no other way in; with smtp it must have become TLS before the mail.
            assert secure == (kind == "smtp"), "the connection is protected as asked"
            text = message.get_body(("plain",)).get_content()
            html = message.get_body(("html",)).get_content()
            code = re.search(r"^ {4}(\d{4}) (\d{4})\s*$", text, re.M)
            assert f"{code[1]} {code[2]}" in html and message["Message-ID"].startswith("<outbox-")
            made = call(f"{api}/registrations/{asked['id']}/confirm", {"code": code[1] + code[2]})
            assert call(f"{api}/account", token=made["token"])["email"] == "a@keyward.example"
            assert len(inbox.mails) == 1, "once"
            examined = subprocess.run([program, "doctor", "--json", "--config", folder / "keyward.toml",
                                       "--send-test", "ops@keyward.example"], capture_output=True)
            found = {one["name"]: one for one in json.loads(examined.stdout)}
            assert found["doctor.mail"]["level"] == "ok", found["doctor.mail"]
            assert found["doctor.mail.test"]["level"] == "ok", found["doctor.mail.test"]
            assert found["doctor.mail.test"]["means"].endswith("250 OK"), found["doctor.mail.test"]
            test, secure = inbox.mails[1]
            assert len(inbox.mails) == 2 and test["To"] == "ops@keyward.example" and secure == (kind == "smtp")
            if target := os.environ.get("KEYWARD_KEEP_MAIL"):
                pathlib.Path(target).write_text(html)
        finally:
            keyward.send_signal(signal.SIGTERM)
            ended = keyward.wait(20)
            server.stop()
        assert ended == 0, f"exit code {ended}"
        print(json.dumps({"mail": kind, "server down at first": late, "ok": True}), flush=True)


if __name__ == "__main__":
    for kind, late in [("smtp", True), ("smtps", False), ("smtp+plain", False)]:
        run(os.environ["KEYWARD_BIN"], kind, late)
    sys.exit(0)
