"""The real nginx, HAProxy and Caddy before the built program, by the recipes in docs/operating/proxies.

Clients have addresses of their own on loopback, so that the proxy's address differs from theirs. By each path: a key that
is bound to one client works from there and from nowhere else, whatever the other writes into headers, for requests and for
sockets; a client that guesses is closed out alone; health checks are green.
"""

import base64
import concurrent.futures
import datetime
import hashlib
import hmac
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from client import Api
from program import Sandbox, ended, free_port, wait
from sockets import Refused, Socket

RECIPES = pathlib.Path(__file__).resolve().parents[2] / "docs" / "operating" / "proxies"
GOOD, BAD, OTHER = "127.0.0.5", "127.0.0.6", "127.0.0.7"
TARGET = "/api/v5/trade/orders-pending"
# Bad signatures after which a source is closed out, and some more.
GUESSES = 130


def step(name, ok, **more):
    print(json.dumps({"step": name, "ok": bool(ok), **more}), flush=True)
    if not ok:
        raise SystemExit(f"failed: {name} {more}")


def signed(key, secret=None):
    """The headers of one signed request, for curl."""
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp = now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"
    mac = hmac.new((secret or key["secret"]).encode(), f"{stamp}GET{TARGET}".encode(), hashlib.sha256).digest()
    return ["-H", f"OK-ACCESS-KEY: {key['api_key']}", "-H", f"OK-ACCESS-SIGN: {base64.b64encode(mac).decode()}",
            "-H", f"OK-ACCESS-TIMESTAMP: {stamp}", "-H", f"OK-ACCESS-PASSPHRASE: {key['passphrase']}"]


def ask(url, source, *more):
    """Status and body of one request from an address of ours."""
    line = ["curl", "--silent", "--show-error", "--insecure", "--max-time", "20", "--interface", source,
            "--write-out", "\n%{http_code}", *more, url]
    done = subprocess.run(line, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    body, _, status = done.stdout.rpartition("\n")
    return int(status or 0), body or done.stderr


def code(url, key, source, *more, secret=None):
    """The code that a signed request gets, or its status where there is none."""
    status, body = ask(url + TARGET, source, *signed(key, secret), *more)
    try:
        return json.loads(body)["code"]
    except (ValueError, KeyError):
        return f"{status} {body[:200]}"


class Proxy:
    """A proxy by its recipe, with addresses and files of this run put in."""

    def __init__(self, folder, recipe, command, replace):
        text = (RECIPES / recipe).read_text()
        for old, new in replace.items():
            if old not in text:
                raise SystemExit(f"{recipe} has no {old!r} any more")
            text = text.replace(old, new)
        self.file = folder / f"{len(list(folder.iterdir()))}-{recipe}"
        self.file.write_text(text)
        self.log = open(self.file.with_suffix(".log"), "wb")
        self.line = [word.format(file=self.file, folder=folder) for word in command]

    def __enter__(self):
        self.child = subprocess.Popen(self.line, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                      env={**os.environ, "HOME": str(self.file.parent)})
        return self

    def __exit__(self, *_):
        ended(self.child)
        self.log.close()


def nginx(folder, recipe, replace):
    return Proxy(folder, recipe, ["nginx", "-c", "{file}", "-e", "{folder}/nginx-error.log", "-g",
                                  "daemon off; pid {file}.pid; user root;" if os.geteuid() == 0 else "daemon off; pid {file}.pid;"],
                 replace)


def haproxy(folder, recipe, replace):
    return Proxy(folder, recipe, ["haproxy", "-db", "-f", "{file}"], replace)


def caddy(folder, recipe, replace):
    return Proxy(folder, recipe, ["caddy", "run", "--adapter", "caddyfile", "--config", "{file}"], replace)


def certificate(folder):
    run = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
           "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,DNS:api.example.com",
           "-keyout", folder / "tls.key", "-out", folder / "tls.pem"]
    subprocess.run(run, check=True, capture_output=True)
    (folder / "both.pem").write_text((folder / "tls.pem").read_text() + (folder / "tls.key").read_text())


def key_for(sandbox, name, address):
    words = ["key", "create", "--data", str(sandbox.data), "--account", sandbox.credentials["people"]["trader"]["email"],
             "--name", name, "--permission", "read", "--ip", address, "--json"]
    done = subprocess.run([os.environ["KEYWARD_BIN"], *words], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def by_path(name, url, key, *more):
    """One path to the gateway: the bound client gets in, and nobody else."""
    seen = []

    def works():
        seen[:] = [code(url, key, GOOD, *more)]
        return seen == ["0"]
    try:
        wait(name, 20, works)
    except TimeoutError:
        step(f"{name}: the bound client gets in", False, seen=seen)
    step(f"{name}: the bound client gets in", True)
    step(f"{name}: another client does not", code(url, key, OTHER, *more) == "50110")
    for header in (f"X-Forwarded-For: {GOOD}", f"Forwarded: for={GOOD}", f"X-Real-IP: {GOOD}", f"X-Forwarded-For: {GOOD}, {GOOD}"):
        got = code(url, key, OTHER, "-H", header, *more)
        # nginx and HAProxy take such a header away. What gets through and contradicts is refused.
        step(f"{name}: {header!r} moves nobody", got in ("50110", "90407"), got=got)


def by_socket(name, url, key):
    """A socket by one path: the bound client logs in and gets a push, and nobody else."""
    got = socket_gets(url, key, GOOD)
    step(f"{name}: the bound client's socket logs in and gets a push", got == "a push", got=got)
    got = socket_gets(url, key, OTHER)
    step(f"{name}: another client's does not", got == "60009", got=got)
    for header in (f"X-Forwarded-For: {GOOD}", f"Forwarded: for={GOOD}"):
        got = socket_gets(url, key, OTHER, header)
        step(f"{name}: {header!r} moves no socket", got in ("60009", "400"), got=got)


def socket_gets(url, key, source, *headers):
    """What a socket gets that logs in and asks for its account: a push, or the code of a refusal."""
    def tried():
        try:
            opened = Socket(url, key, source, headers)
            opened.subscribe(channel="account")
        except Refused as refused:
            # A source may open three sockets a second without a login that holds: then later.
            return refused.code if refused.code != "429" else None
        opened.wait_for(lambda told: "data" in told and told["arg"]["channel"] == "account")
        opened.close()
        return "a push"
    return wait("the source may open a socket", 20, tried)


def checked(name, url, key, *more):
    """For as long as several health checks take, every request is answered: a proxy that sees them fail passes nothing on."""
    wait(name, 20, lambda: code(url, key, GOOD, *more) == "0")
    until, seen = time.monotonic() + 2, []
    while time.monotonic() < until:
        seen.append(code(url, key, GOOD, *more))
        # The route's own limit is 30 a second.
        time.sleep(0.1)
    step(f"{name}: health checks are green", set(seen) == {"0"}, seen=sorted(set(seen)))


def guess(url, key, *more):
    """One client guesses until it is closed out; another one behind the same proxy does not notice."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: code(url, key, BAD, *more, secret="0" * 43), range(GUESSES)))
    step("guesses are refused", 100 <= answers.count("50113") < GUESSES, refused=answers.count("50113"))
    # Refused where the connection is the proxy's; where the client was announced, its connections are closed.
    got = code(url, key, BAD, *more)
    step("who guessed is closed out, with right credentials too", got == "50011" or got.startswith("0 "), got=got)
    step("and who did not is served", code(url, key, GOOD, *more) == "0")


def console(sandbox, port):
    """The console behind a proxy: tries and registrations count by client."""
    trader = sandbox.credentials["people"]["trader"]
    url = f"http://localhost:{port}/api/v1"
    to = ["--resolve", f"localhost:{port}:127.0.0.1", "-H", "Content-Type: application/json"]

    def post(path, body, source):
        return ask(url + path, source, *to, "--data", json.dumps(body))
    wait("the console behind the proxy", 20, lambda: ask(f"http://localhost:{port}/readyz", GOOD, *to)[0] == 200)
    wrong = {"email": trader["email"], "password": "not the password"}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda at: post("/session", {**wrong, "email": f"nobody{at}@keyward.example"}, BAD)[0], range(60)))
    step("wrong sign-ins of one client are refused", set(answers) == {401}, seen=sorted(set(answers)))
    status, body = post("/session", {"email": trader["email"], "password": trader["password"]}, BAD)
    step("its source is paused", status == 401, status=status)
    status, body = post("/session", {"email": trader["email"], "password": trader["password"]}, GOOD)
    step("another client signs in", status == 200, status=status)
    tries = [post("/registrations", {"email": f"new{at}@keyward.example", "password": "tulip-brass-44-canoe-north"}, BAD)[0]
             for at in range(12)]
    step("registrations of one client are limited", tries.count(202) == 10 and tries[-1] == 429, seen=tries)
    status, body = post("/registrations", {"email": "late@keyward.example", "password": "tulip-brass-44-canoe-north"}, OTHER)
    step("another client registers", status == 202, status=status)


def forwarded(folder):
    with Sandbox("--trusted-proxy", "127.0.0.1") as sandbox:
        key, gateway = key_for(sandbox, "behind", GOOD), sandbox.credentials["gateway_url"].removeprefix("http://")
        pages = sandbox.url.removeprefix("http://localhost:")
        status, body = ask(f"http://{gateway}{TARGET}", "127.0.0.1", *signed(key))
        step("a trusted proxy that names no client is refused", (status, json.loads(body)["code"]) == (400, "90407"))
        step("nor does it get a socket", socket_gets(f"http://{gateway}", key, "127.0.0.1") == "400")
        step("its health checks are answered", ask(f"http://{gateway}/readyz", "127.0.0.1")[0] == 200)
        bare = ask(f"http://{gateway}/readyz", "127.0.0.1", "--http1.0", "-H", "Host:")
        step("also by HTTP/1.0 without Host", bare[0] == 200, seen=bare)
        step("and each class by itself", [ask(f"http://{gateway}/readyz?class={one}", GOOD)[0] for one in ("trade", "funds", "x")]
             == [200, 200, 400])
        tls, console_port = free_port(), free_port()
        listen = {"listen 443 ssl http2;\n        server_name api": f"listen {tls} ssl http2;\n        server_name api",
                  "listen 443 ssl http2;\n        server_name keys": f"listen {console_port};\n        server_name keys",
                  "127.0.0.1:8481": gateway, "127.0.0.1:8480": f"127.0.0.1:{pages}",
                  "/etc/keyward/tls.pem": str(folder / "tls.pem"), "/etc/keyward/tls.key": str(folder / "tls.key")}
        with nginx(folder, "nginx.conf", listen):
            by_path("nginx, TLS, HTTP/2", f"https://localhost:{tls}", key, "--http2", "--resolve", f"localhost:{tls}:127.0.0.1")
            by_path("nginx, TLS, HTTP/1.1", f"https://localhost:{tls}", key, "--http1.1", "--resolve", f"localhost:{tls}:127.0.0.1")
            by_socket("nginx, TLS", f"https://localhost:{tls}", key)
            console(sandbox, console_port)
            guess(f"https://127.0.0.1:{tls}", key)
        port = free_port()
        replace = {":443": f"127.0.0.1:{port}", "/etc/keyward/tls-and-key.pem": str(folder / "both.pem"),
                   "127.0.0.1:8481": gateway, "inter 2s": "inter 300ms fall 2", "timeout connect 2s": "timeout connect 2s\n    timeout check 5s"}
        with haproxy(folder, "haproxy.cfg", replace):
            checked("HAProxy", f"https://127.0.0.1:{port}", key)
            by_path("HAProxy, TLS, HTTP/2", f"https://127.0.0.1:{port}", key, "--http2")
            by_path("HAProxy, TLS, HTTP/1.1", f"https://127.0.0.1:{port}", key, "--http1.1")
            by_socket("HAProxy, TLS", f"https://127.0.0.1:{port}", key)
        port = free_port()
        replace = {"https://api.example.com": f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\nhttps://localhost:{port}",
                   "/etc/keyward/tls.pem": str(folder / "tls.pem"), "/etc/keyward/tls.key": str(folder / "tls.key"),
                   "127.0.0.1:8481": gateway, "health_interval 2s": "health_interval 200ms"}
        with caddy(folder, "Caddyfile", replace):
            to = ["--resolve", f"localhost:{port}:127.0.0.1"]
            checked("Caddy", f"https://localhost:{port}", key, *to)
            by_path("Caddy, TLS, HTTP/2", f"https://localhost:{port}", key, "--http2", *to)
            by_path("Caddy, TLS, HTTP/1.1", f"https://localhost:{port}", key, "--http1.1", *to)
            by_socket("Caddy, TLS", f"https://localhost:{port}", key)


def announced(folder):
    with Sandbox("--trusted-proxy", "127.0.0.1", "--client-address", "proxy-protocol") as sandbox:
        key, plain = key_for(sandbox, "announced", GOOD), sandbox.credentials["gateway_url"].removeprefix("http://")
        secure = "127.0.0.1:" + sandbox.credentials["gateway_tls_url"].rpartition(":")[2]
        status, body = ask(f"http://{plain}{TARGET}", "127.0.0.1", *signed(key))
        step("a trusted proxy without a PROXY header is closed", status == 0, status=status)
        step("who is no proxy needs none", code(f"http://{plain}", key, GOOD) == "0")
        step("and is not believed if it sends one", code(f"http://{plain}", key, OTHER, "--haproxy-protocol") != "0")
        port = free_port()
        with nginx(folder, "nginx-stream.conf", {"listen 443": f"listen {port}", "127.0.0.1:8482": secure}):
            by_path("nginx, PROXY, TLS, HTTP/2", f"https://127.0.0.1:{port}", key, "--http2")
            by_path("nginx, PROXY, TLS, HTTP/1.1", f"https://127.0.0.1:{port}", key, "--http1.1")
            by_socket("nginx, PROXY, TLS", f"https://127.0.0.1:{port}", key)
        port = free_port()
        replace = {":443": f"127.0.0.1:{port}", "127.0.0.1:8482": secure, "check port 8481": f"check port {plain.rpartition(':')[2]}",
                   "inter 2s": "inter 300ms fall 2", "timeout connect 2s": "timeout connect 2s\n    timeout check 5s"}
        with haproxy(folder, "haproxy-tcp.cfg", replace):
            checked("HAProxy, PROXY v2", f"https://127.0.0.1:{port}", key)
            by_path("HAProxy, PROXY v2, TLS, HTTP/2", f"https://127.0.0.1:{port}", key, "--http2")
            by_socket("HAProxy, PROXY v2, TLS", f"https://127.0.0.1:{port}", key)
        port = free_port()
        with haproxy(folder, "haproxy-tcp.cfg", {**replace, ":443": f"127.0.0.1:{port}", "127.0.0.1:8482": plain,
                                                 "send-proxy-v2": "send-proxy"}):
            checked("HAProxy, PROXY v1", f"http://127.0.0.1:{port}", key)
            by_path("HAProxy, PROXY v1, HTTP/1.1", f"http://127.0.0.1:{port}", key, "--http1.1")
            by_path("HAProxy, PROXY v1, HTTP/2", f"http://127.0.0.1:{port}", key, "--http2-prior-knowledge")
            by_socket("HAProxy, PROXY v1", f"http://127.0.0.1:{port}", key)
            guess(f"http://127.0.0.1:{port}", key)


def main():
    missing = [name for name in ("nginx", "haproxy", "caddy", "curl", "openssl") if not shutil.which(name)]
    if missing:
        raise SystemExit(f"missing: {', '.join(missing)}")
    for program in (["nginx", "-v"], ["haproxy", "-v"], ["caddy", "version"], ["curl", "--version"]):
        done = subprocess.run(program, capture_output=True, text=True)
        print(json.dumps({"with": re.split(r"\n", (done.stdout + done.stderr).strip())[0]}), flush=True)
    with tempfile.TemporaryDirectory(prefix="keyward-proxies-") as name:
        folder = pathlib.Path(name)
        certificate(folder)
        forwarded(folder)
        announced(folder)


if __name__ == "__main__":
    main()
