"""The client `jira` of PyPI, with its own calls only. Each assertion is about what it has read."""

import os
import sys

from jira import JIRA

url, key = os.environ["SIMULATOR_URL"], sys.argv[1]
if os.environ["DEPLOYMENT"] == "cloud":
    client = JIRA(url, basic_auth=(os.environ["SIMULATOR_EMAIL"], os.environ["SIMULATOR_TOKEN"]))
else:
    client = JIRA(url, token_auth=os.environ["SIMULATOR_TOKEN"])
cloud = client._is_cloud

info = client.server_info()
assert info["deploymentType"] == ("Cloud" if os.environ["DEPLOYMENT"] == "cloud" else "Server"), info
assert cloud == (os.environ["DEPLOYMENT"] == "cloud")
me = client.myself()
assert me["displayName"] == "DocSpace Rooms", me

if cloud:
    found = client.enhanced_search_issues("project = SUP ORDER BY updated ASC", fields=["summary"])
else:
    found = client.search_issues("project = SUP ORDER BY updated ASC", fields="summary")
assert [issue.key for issue in found] == [key], found
assert found[0].fields.summary == "Export fails", found[0].raw

issue = client.issue(key)
assert issue.fields.status.name == "Waiting for support", issue.raw
assert issue.fields.reporter.displayName == "Rita Requester", issue.raw
assert issue.fields.comment.comments == [], issue.raw

comment = client.add_comment(issue, "Room: https://d.example/1", is_internal=True)
assert comment.id, comment.raw
comments = client.comments(issue)
assert [one.id for one in comments] == [comment.id], comments
assert "d.example" in str(comments[0].body), comments[0].raw

link = {"url": "https://d.example/1", "title": "Room"}
client.add_simple_link(issue, link)
client.add_remote_link(issue, destination=link, globalId="ticketroom=1", application={"name": "DocSpace"})
links = client.remote_links(issue)
assert len(links) == 2 and all(one.object.url == link["url"] for one in links), links
by_id = client.remote_link(issue, links[1].id)
assert by_id.globalId == "ticketroom=1", by_id.raw

issue.update(fields={"labels": ["room"]})
assert client.issue(key, fields="labels").fields.labels == ["room"]
assert client.project("SUP").name == "Customer Support"
assert any(field["name"] == "DocSpace room" for field in client.fields())
print("ok")
