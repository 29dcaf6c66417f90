"""The walk: the first two operators of a server of one's own, by the links that make them.

A sandbox has its operators from the start, so its set-up is over; a fresh server has none, and sends real mails.
"""

from client import Api
from inbox import Inbox, mail_server
from person import Person
from program import Server, free_port


def run(document, tally):
    inbox, port = Inbox(), free_port()
    mails = mail_server(inbox, "smtp+plain", port)
    mails.start()
    try:
        with Server(f"smtp+plain://localhost:{port}") as server:
            sets_up(server, Api(server.url, document, tally), inbox)
    finally:
        mails.stop()


def sets_up(server, api, inbox):
    first = Person(api, inbox.texts, "operator", "first@keyward.example", "127.0.0.1")
    second = Person(api, inbox.texts, "operator", "second@keyward.example", "127.0.0.2")
    for person in (first, second):
        person.register()
        person.enrol()
    first.refused("no_role", "GET /operations")
    file = server.folder / "data" / "set-up-link"
    assert file.stat().st_mode & 0o777 == 0o600, oct(file.stat().st_mode)
    link = file.read_text().strip()
    taken = first.approved("POST /operations/set-up", body={"token": token_of(server, link)}, expect=204)
    taken.shows(first.get("/operations")["set_up_open"] is True, "an operator, who may invite the next")
    second.refused("no_set_up_link", "POST /operations/set-up", body={"token": token_of(server, link)})
    printed = server.keyward("operator", "link")["link"]
    invited = first.approved("POST /operations/invitations", expect=201)
    second.refused("no_set_up_link", "POST /operations/set-up", body={"token": token_of(server, printed)})
    taken = second.approved("POST /operations/set-up", body={"token": token_of(server, invited.json["link"])}, expect=204)
    invited.shows(second.get("/operations")["set_up_open"] is False, "its link makes the second operator")
    names = {one["name"] for one in first.get("/operations/staff")}
    taken.shows(names == {first.email, second.email}, "both are operators")
    over = first.approved("POST /operations/invitations", expect=409)
    assert over.code == "set_up_is_over", over


def token_of(server, link):
    """The part of a set-up link that is its secret; the link itself leads to this server."""
    place, token = link.split("#")
    assert place == f"{server.url}/set-up", link
    return token
