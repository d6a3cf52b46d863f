"""Accounts in the administration."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.test import Client

from accounts.models import ApiToken, SecurityEvent, User
from accounts.tokens import token_create

pytestmark = pytest.mark.django_db


def test_tokens_can_be_looked_at_and_removed_but_not_made(client: Client, carol: User, alice: User) -> None:
    token, plain = token_create(user=alice, name="script", scopes=["read"])
    client.force_login(carol)
    page = client.get(f"/admin/accounts/apitoken/{token.pk}/change/").content.decode()
    assert token.prefix in page
    assert token.token_hash not in page and plain not in page
    assert client.get("/admin/accounts/apitoken/add/").status_code == 403
    client.post(f"/admin/accounts/apitoken/{token.pk}/delete/", {"post": "yes"})
    assert not ApiToken.objects.exists()


def test_a_name_in_other_letters_case_is_refused_in_a_sentence(client: Client, carol: User, alice: User) -> None:
    client.force_login(carol)
    form = {
        "username": "ALICE",
        "usable_password": "true",
        "password1": "ships-and-harps",
        "password2": "ships-and-harps",
    }
    answer = client.post("/admin/accounts/user/add/", form)
    assert answer.status_code == 200
    assert "username" in answer.context["adminform"].form.errors
    assert User.objects.count() == 2


@pytest.mark.parametrize("url", ["/admin/accounts/user/", "/admin/accounts/sitetext/", "/admin/accounts/apitoken/"])
def test_members_see_none_of_it(client: Client, alice: User, carol: User, url: str) -> None:
    client.force_login(alice)
    assert client.get(url).status_code == 302
    client.force_login(carol)
    assert client.get(url).status_code == 200


def test_sign_in_methods_are_removed_for_who_lost_them_and_show_no_secret(
    client: Client, carol: User, alice: User
) -> None:
    app = Authenticator.objects.create(user=alice, type="totp", data={"secret": "a-secret-of-the-app"})
    client.force_login(carol)
    url = "/admin/mfa/authenticator/"
    assert "a-secret-of-the-app" not in client.get(f"{url}{app.pk}/change/").content.decode()
    assert client.get(f"{url}add/").status_code == 403
    client.post(f"{url}{app.pk}/delete/", {"post": "yes"})
    assert not Authenticator.objects.exists()
    assert SecurityEvent.objects.of(alice).get().detail == "Authenticator app (by carol)"


def test_sessions_are_ended_and_their_keys_are_not_shown(client: Client, carol: User, alice: User) -> None:
    hers = Client()
    hers.force_login(alice)
    key = hers.session.session_key or ""
    session = UserSession.objects.create(user=alice, ip="192.0.2.1", session_key=key, user_agent="Firefox")
    client.force_login(carol)
    url = f"/admin/usersessions/usersession/{session.pk}"
    page = client.get(f"{url}/change/").content.decode()
    assert "192.0.2.1" in page and key and key not in page
    assert client.get("/admin/usersessions/usersession/add/").status_code == 403
    client.post(f"{url}/delete/", {"post": "yes"})
    assert not UserSession.objects.filter(user=alice).exists()
    assert hers.get("/account/").status_code == 302


def test_addresses_are_removed_but_changed_by_their_owners_alone(client: Client, carol: User, alice: User) -> None:
    address = EmailAddress.objects.create(user=alice, email="alice@example.org", verified=True, primary=True)
    client.force_login(carol)
    url = f"/admin/account/emailaddress/{address.pk}"
    assert client.post(f"{url}/change/", {"email": "carol@example.org"}).status_code == 403
    action = {"action": "delete_selected", "_selected_action": [address.pk], "post": "yes"}
    client.post("/admin/account/emailaddress/", action)
    assert not EmailAddress.objects.exists()
    assert SecurityEvent.objects.of(alice).get().detail == "a…@example.org (by carol)"
