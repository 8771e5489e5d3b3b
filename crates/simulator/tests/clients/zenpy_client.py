"""The client `zenpy` of PyPI. It only speaks https to a host of zendesk.com, so its session's
transport is led to the simulator; all else is its own."""

import os
import sys

import requests
from requests.adapters import HTTPAdapter
from zenpy import Zenpy
from zenpy.lib.api_objects import Comment, Ticket

url, ticket_id, since = os.environ["SIMULATOR_URL"].rstrip("/"), int(sys.argv[1]), int(sys.argv[2])


class ToSimulator(HTTPAdapter):
    """Sends to the simulator what is for Zendesk, as a proxy would."""

    def send(self, request, **options):
        sent = request.copy()
        sent.url = request.url.replace("https://example.zendesk.com", url)
        sent.headers["X-Forwarded-Host"] = "example.zendesk.com"
        sent.headers["X-Forwarded-Proto"] = "https"
        response = super().send(sent, **options)
        response.url, response.request = request.url, request
        return response


session = requests.Session()
session.mount("https://example.zendesk.com", ToSimulator())
client = Zenpy(
    subdomain="example",
    email=os.environ["SIMULATOR_EMAIL"],
    token=os.environ["SIMULATOR_TOKEN"],
    session=session,
)

tickets = list(client.tickets())
assert len(tickets) == 150 and tickets[0].id == ticket_id, [one.id for one in tickets]
ticket = client.tickets(id=ticket_id)
assert ticket.subject == "Export fails" and ticket.status == "new", ticket.to_dict()
assert ticket.requester.name == "Rita Requester", ticket.requester.to_dict()

ticket.comment = Comment(body="Room: https://d.example/1", public=False)
ticket.status = "open"
audit = client.tickets.update(ticket)
assert audit.ticket.status == "open" and audit.audit.id, audit
comments = list(client.tickets.comments(ticket=ticket_id))
assert [one.public for one in comments] == [True, False], comments
assert comments[1].author.name == "DocSpace Rooms (integration)", comments[1].to_dict()
audits = list(client.tickets.audits(ticket=ticket_id))
assert len(audits) == 2 and audits[1].events, audits

users = list(client.users())
assert any(user.email == "anna.agent@example.com" for user in users), users
assert client.users.me().role == "admin"
assert "Support" in [group.name for group in client.groups()]

made = client.tickets.create(Ticket(subject="Made", description="by zenpy"))
assert made.ticket.id > ticket_id, made
exported = {one.id for one in client.tickets.incremental(start_time=since, paginate_by_time=False)}
assert ticket_id + 1 in exported, exported
by_time = {one.id for one in client.tickets.incremental(start_time=since)}
assert ticket_id + 1 in by_time, by_time
print("ok")
