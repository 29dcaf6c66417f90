"""A receiver of webhooks on this machine: keeps what comes, and answers as it is told."""

import http.server
import json
import threading


class Receiver:
    """Answers with the statuses of `says` one after the other, the last one for good."""

    def __init__(self, *says):
        self.came, self.says = [], list(says)
        kept = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                kept.came.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(kept.says.pop(0) if len(kept.says) > 1 else kept.says[0])
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.place = f"127.0.0.1:{self.server.server_port}"

    def alerts_of(self, message):
        """What came under a message's id, each as JSON."""
        return [json.loads(body) for _, headers, body in self.came if headers.get("webhook-id") == message]
