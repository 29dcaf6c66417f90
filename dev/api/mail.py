"""A server of one's own: `keyward serve` with console and mail, its mails taken by an independent SMTP server.

For each way to protect the connection a person registers over the API with the code that arrived by mail. In
the first run the mail server is down at first: the mail waits in the outbox and arrives once it is up, once. An
alert and the code of a reset follow. Then `keyward doctor --send-test` sends one more, and tells what the server
answered; with a password that is wrong, or to a server that nobody vouches for, it sends none and says so. Every
mail says that a program sent it, and is of one list. In the last run the mail server takes a connection and falls
silent: that must not hold up everybody's codes.
"""

import json
import logging
import os
import pathlib
import re
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from inbox import LOGIN, Inbox, mail_server, silent_at_first
from person import CODE, PASSWORD
from program import Server, binary, free_port, wait

OWNER = "a@keyward.example"


def certificate(folder, name):
    files = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
         "-out", files[0], "-keyout", files[1]],
        check=True, capture_output=True)
    return files


def call(url, body=None, token=""):
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(url, json.dumps(body).encode() if body is not None else None, headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def has_no_mailbox(url):
    try:
        urllib.request.urlopen(f"{url}/dev/mail", timeout=5)
    except urllib.error.HTTPError as refused:
        return refused.code == 404
    return False


def is_marked(message):
    """Nobody's holiday notice answers a program (RFC 3834), and people sort its mails by their list (RFC 2919)."""
    assert message.get_all("Auto-Submitted") == ["auto-generated"], message
    assert message.get_all("List-Id") == ["Keyward <keyward.keyward.example>"], message


def registers(url, inbox, kind, started):
    """A person with the code that came; `started` starts a mail server that was down."""
    asked = call(f"{url}/api/v1/registrations", {"email": OWNER, "password": PASSWORD})
    if started:
        time.sleep(1)
        assert not inbox.mails, "the mail server is down"
        started()
    message, secure = wait("the mail arrives", 30, lambda: inbox.mails and inbox.mails[0])
    # With smtps there is no other way in; with smtp it must have become TLS before the mail.
    assert secure == (kind == "smtp"), "the connection is protected as asked"
    assert (message["To"], message["From"]) == (OWNER, "Keyward <keyward@keyward.example>"), message
    is_marked(message)
    # Whatever this machine is called.
    assert all(re.fullmatch(r"([a-z0-9-]+\.)+[a-z][a-z0-9-]*", name, re.I) for name in inbox.greetings), inbox.greetings
    text = message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    code = CODE.search(text)
    assert f"{code[1]} {code[2]}" in html and re.fullmatch(r"<[0-9a-f]{32}@keyward\.example>", message["Message-ID"])
    if target := os.environ.get("KEYWARD_KEEP_MAIL"):
        pathlib.Path(target).write_text(html)
    made = call(f"{url}/api/v1/registrations/{asked['id']}/confirm", {"code": code[1] + code[2]})
    assert call(f"{url}/api/v1/account", token=made["token"])["email"] == OWNER


def is_told_of_more(url, inbox):
    """Somebody registers the same address again, which is an alert, and asks for a reset, which is a code."""
    call(f"{url}/api/v1/registrations", {"email": OWNER, "password": PASSWORD})
    alert, _ = wait("the alert arrives", 30, lambda: len(inbox.mails) > 1 and inbox.mails[1])
    assert "tried to register" in alert["Subject"], alert
    assert not CODE.search(alert.get_body(("plain",)).get_content()), "an alert has no code"
    call(f"{url}/api/v1/recoveries", {"email": OWNER})
    reset, _ = wait("the code of the reset arrives", 30, lambda: len(inbox.mails) > 2 and inbox.mails[2])
    assert CODE.search(reset.get_body(("plain",)).get_content()), "a reset has a code"
    for message in [alert, reset]:
        assert message["To"] == OWNER, message
        is_marked(message)
    names = [mail["Message-ID"] for mail, _ in inbox.mails]
    assert len(set(names)) == len(names), f"each mail has a name of its own: {names}"


def examined(config):
    """What the doctor finds, after trying to send a mail: its findings by name."""
    done = subprocess.run([binary(), "doctor", "--json", "--config", config, "--send-test", "ops@keyward.example"],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    return {one["name"]: one for one in json.loads(done.stdout)}


def sends_a_test(server, inbox, kind):
    found, before = examined(server.config), len(inbox.mails)
    assert found["doctor.mail"]["level"] == "ok", found["doctor.mail"]
    assert found["doctor.mail.test"]["level"] == "ok", found["doctor.mail.test"]
    assert found["doctor.mail.test"]["means"].endswith("250 OK"), found["doctor.mail.test"]
    test, secure = inbox.mails[-1]
    seen = (before, test["To"], secure)
    assert seen == (4, "ops@keyward.example", kind == "smtp"), seen
    is_marked(test)


def refuses_bad_servers(server, inbox, kind, foreign):
    """What must send nothing, or the runs above would say little about certificates and logins."""
    # The mail server logs each handshake that fails, which is what is wanted here.
    logging.getLogger("mail.log").disabled = True
    before, text = len(inbox.mails), server.config.read_text()
    others = {"a certificate that nobody vouches for": re.sub(r'ca_file = ".*"', f'ca_file = "{foreign}"', text)}
    if kind == "smtp":
        (server.folder / "wrong").write_text("another password\n")
        others["a wrong password"] = text.replace(f"{server.folder}/password", f"{server.folder}/wrong")
    for what, other in others.items():
        assert other != text, what
        (server.folder / "other.toml").write_text(other)
        found = examined(server.folder / "other.toml")["doctor.mail.test"]
        assert found["level"] != "ok" and len(inbox.mails) == before, f"a mail went out over {what}: {found}"


def run(kind, late):
    with tempfile.TemporaryDirectory(prefix="keyward-mail-") as name:
        authority, key = certificate(pathlib.Path(name), "mail")
        foreign, _ = certificate(pathlib.Path(name), "foreign")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority, key)
        inbox, port = Inbox(), free_port()
        mails = mail_server(inbox, kind, port, context)

        def settings(folder):
            (folder / "password").write_text(LOGIN[1].decode() + "\n")
            login = f'user = "{LOGIN[0].decode()}"\npassword_file = "{folder}/password"' if kind == "smtp" else ""
            return f'ca_file = "{authority}"\n{login}'

        if not late:
            mails.start()
        try:
            with Server(f"{kind}://localhost:{port}", settings) as server:
                assert has_no_mailbox(server.url), "a server has a mailbox page"
                registers(server.url, inbox, kind, mails.start if late else None)
                is_told_of_more(server.url, inbox)
                sends_a_test(server, inbox, kind)
                if kind == "smtp+plain":
                    # What was not settled would be tried again after five seconds.
                    time.sleep(7)
                else:
                    refuses_bad_servers(server, inbox, kind, foreign)
        finally:
            mails.stop()
        all_to = [mail["To"] for mail, _ in inbox.mails]
        assert all_to == [OWNER] * 3 + ["ops@keyward.example"], f"each once, and no other: {all_to}"
    print(json.dumps({"mail": kind, "server down at first": late, "ok": True}), flush=True)


def run_silent():
    """The program's patience with a mail server is 30 s; twice that is enough for another connection."""
    inbox, port = Inbox(), free_port()
    mails = mail_server(inbox, "smtp+plain", port)
    ends = silent_at_first(mails, port)
    try:
        with Server(f"smtp+plain://localhost:{port}") as server:
            call(f"{server.url}/api/v1/registrations", {"email": OWNER, "password": PASSWORD})
            wait("the mail arrives though the first connection is silent", 60, lambda: inbox.mails)
    finally:
        ends()
        mails.stop()
    print(json.dumps({"mail": "smtp+plain", "server silent at first": True, "ok": True}), flush=True)


if __name__ == "__main__":
    for kind, late in [("smtp", True), ("smtps", False), ("smtp+plain", False)]:
        run(kind, late)
    run_silent()
