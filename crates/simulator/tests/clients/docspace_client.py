"""The official SDK `docspace-api-sdk` of PyPI."""

import os

import docspace_api_sdk as sdk

configuration = sdk.Configuration(host=os.environ["SIMULATOR_URL"].rstrip("/"))
key = "Bearer " + os.environ["SIMULATOR_TOKEN"]

# The SDK sends none of its credentials with calls that may be anonymous; this header goes with all.
with sdk.ApiClient(configuration, header_name="Authorization", header_value=key) as client:
    rooms, folders = sdk.RoomsApi(client), sdk.FoldersApi(client)
    profiles = sdk.ProfilesApi(client)

    me = profiles.get_self_profile().response
    assert me.id and me.email, me
    anna = profiles.get_profile_by_email(email="anna.agent@example.com").response
    assert anna.display_name == "Anna Agent", anna

    wanted = sdk.CreateRoomRequestDto(title="Ticket 1", room_type=sdk.RoomType.CustomRoom, tags=["zendesk:1"])
    room = rooms.create_room(wanted).response
    assert room.title == "Ticket 1" and room.id, room
    shown = rooms.get_room_info(room.id).response
    assert shown.id == room.id and shown.tags == ["zendesk:1"], shown
    listed = rooms.get_rooms_folder(tags='["zendesk:1"]').response
    assert [one.title for one in listed.folders] == ["Ticket 1"], listed

    made = folders.create_folder(room.id, sdk.CreateFolder(title="Logs")).response
    assert made.title == "Logs", made
    inside = folders.get_folders(room.id).response
    assert [one.title for one in inside] == ["Logs"], inside
    contents = folders.get_folder_by_folder_id(room.id).response
    assert contents.current.title == "Ticket 1", contents

    invitation = sdk.RoomInvitation(id=anna.id, access=sdk.FileShare.ContentCreator)
    shared = rooms.set_room_security(room.id, sdk.RoomInvitationRequest(invitations=[invitation], notify=False))
    assert shared.response.members, shared
    members = rooms.get_room_security_info(room.id).response
    assert len(members) >= 2, members

    link = rooms.get_rooms_primary_external_link(room.id).response
    assert link.shared_link or link.shared_to, link
    links = rooms.get_room_links(room.id).response
    assert links, links
    retitled = rooms.update_room(room.id, sdk.UpdateRoomRequest(title="Ticket 1")).response
    assert retitled.title == "Ticket 1", retitled
print("ok")
