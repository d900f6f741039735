"""Who may write in the data folder owns the server, and nobody else; a member is one of one tenant."""

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from soma.agent.access import accounts
from soma.agent.access.accounts import add_member, change_role, ensure_owner, find_member, remove_member
from soma.agent.access.auth import authenticate
from soma.agent.errors import Conflict, NotFound
from soma.agent.models import Role, Token

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def token_file(folder):
    return folder / "token"


async def owner_of(token_file):
    await sync_to_async(ensure_owner)(token_file)
    return await authenticate(f"Bearer {token_file.read_text()}")


@pytest.mark.usefixtures("stage")
async def test_a_token_that_opens_nothing_any_more_is_made_anew_at_the_next_start(token_file):
    before, text = await owner_of(token_file), token_file.read_text()
    assert await owner_of(token_file) == before
    assert token_file.read_text() == text
    await Token.objects.filter(id=before.token_id).aupdate(revoked_at=timezone.now())
    after = await owner_of(token_file)
    assert (after.user_id, after.is_operator) == (before.user_id, True)
    assert token_file.read_text() != text


@pytest.mark.usefixtures("stage")
async def test_the_operators_token_in_the_data_folder_does_not_end_and_any_other_does(token_file):
    operator = await owner_of(token_file)
    assert (await Token.objects.aget(id=operator.token_id)).expires_at is None
    issued = await sync_to_async(add_member)(accounts.DEFAULT_TENANT, username="guest", role=Role.MEMBER)
    assert issued.row.expires_at is not None


@pytest.mark.usefixtures("stage")
async def test_an_operator_who_was_removed_comes_back_as_nobody_who_was_there(token_file):
    before = await owner_of(token_file)
    await sync_to_async(add_member)(accounts.DEFAULT_TENANT, username="heir", role=Role.OWNER)
    await sync_to_async(remove_member)(accounts.DEFAULT_TENANT, before.username)
    namesake = await sync_to_async(add_member)(accounts.DEFAULT_TENANT, username=before.username, role=Role.MEMBER)
    after = await owner_of(token_file)
    assert after.is_operator
    assert after.role == "owner"
    assert after.user_id not in {before.user_id, namesake.row.membership.user_id}


async def test_a_member_of_another_tenant_is_nobody_here_though_the_id_is_known(stage):
    here, there = (await stage.newcomer()).caller, (await stage.newcomer()).caller
    for verb, *more in ((find_member,), (change_role, Role.VIEWER), (remove_member,)):
        with pytest.raises(NotFound):
            await sync_to_async(verb)(here.tenant_id, there.user_id, *more)
    found = await sync_to_async(find_member)(there.tenant_id, there.user_id)
    assert (found.user_id, found.role) == (there.user_id, Role.OWNER)


async def test_an_owner_elsewhere_is_no_owner_that_is_left(stage):
    here, _ = (await stage.newcomer()).caller, (await stage.newcomer()).caller
    for verb, *more in ((change_role, Role.VIEWER), (remove_member,)):
        with pytest.raises(Conflict):
            await sync_to_async(verb)(here.tenant_id, here.user_id, *more)
