"""An independent SMTP server, and what it took."""

import socket
import threading
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

LOGIN = (b"keyward", b"mail password")


class Inbox:
    """Keeps what arrives, each with whether it came over TLS."""

    def __init__(self):
        self.mails = []
        self.greetings = set()

    async def handle_DATA(self, server, session, envelope):
        self.greetings.add(session.host_name)
        self.mails.append((message_from_bytes(envelope.content, policy=policy.default), session.ssl is not None))
        return "250 OK"

    def texts(self, to):
        """The texts that were sent to an address, newest first."""
        return [mail.get_body(("plain",)).get_content() for mail, _ in reversed(self.mails) if mail["To"] == to]


class StartTls(Controller):
    """Takes mails only after STARTTLS and the login."""

    def __init__(self, *given, context, **more):
        self.context = context
        super().__init__(*given, **more)

    def factory(self):
        def authenticator(server, session, envelope, mechanism, data):
            # Not handled here: the server itself answers 535 to a wrong one.
            return AuthResult(success=(data.login, data.password) == LOGIN, handled=False)

        return SMTP(self.handler, tls_context=self.context, require_starttls=True, hostname="localhost",
                    authenticator=authenticator, auth_required=True)


def mail_server(inbox, kind, port, context=None):
    """A mail server for a kind of connection, not yet started."""
    if kind == "smtp":
        return StartTls(inbox, hostname="localhost", port=port, context=context)
    if kind == "smtps":
        return Controller(inbox, hostname="localhost", port=port, ssl_context=context)
    return Controller(inbox, hostname="localhost", port=port)


def silent_at_first(mails, port):
    """A mail server that takes one connection and never says a word, before it works; gives what ends the silence."""
    listener = socket.create_server(("localhost", port))
    kept = []

    def take_one():
        kept.append(listener.accept()[0])
        listener.close()
        mails.start()

    threading.Thread(target=take_one, daemon=True).start()
    return lambda: [one.close() for one in kept]
