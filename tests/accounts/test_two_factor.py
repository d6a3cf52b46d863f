"""Two-factor authentication: an app, its recovery codes, and what staff need before /admin/ opens."""

import base64
import json
import re
import time
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail as outbox
from django.core.cache import cache
from django.test import Client

from accounts.models import SecurityEvent, User
from accounts.second_factor import MfaAdapter
from tests.accounts.conftest import later
from tests.accounts.test_passkeys import Key

pytestmark = pytest.mark.django_db

APP, CODES, STEP = "/account/two-factor/app/", "/account/two-factor/codes/", "/account/login/step/"


def code_of(secret: str, steps: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def set_up(client: Client) -> str:
    """Scans the code of the page and answers with what the app shows; returns the secret."""
    secret = str(client.get(APP).context["form"].secret)
    assert client.post(APP, {"code": code_of(secret)})["Location"] == CODES
    cache.clear()  # a code is good once, and the next sign-in comes within the same half minute
    return secret


def sign_in(client: Client, name: str = "alice", **fields: str) -> Any:
    return client.post("/account/login/", {"login": name, "password": "secret-enough", **fields})


@pytest.fixture
def secret(alices: Client) -> str:
    return set_up(alices)


@pytest.fixture
def required(settings: Any) -> None:
    settings.STAFF_REQUIRE_SECOND_FACTOR = True


@pytest.fixture
def carols(carol: User) -> Client:
    client = Client(HTTP_HOST="localhost")
    sign_in(client, "carol")
    return client


def test_the_page_shows_a_picture_that_the_strict_policy_allows(alices: Client) -> None:
    page = alices.get(APP)
    source = re.search(r'<img class="qr-code" src="(data:image/svg\+xml;base64,[^"]+)"', page.content.decode())
    assert source and b"<svg" in base64.b64decode(source[1].partition(",")[2])
    assert page.context["form"].secret in page.content.decode()
    assert "img-src 'self' data:" in page["Content-Security-Policy"]
    assert 'autocomplete="one-time-code"' in page.content.decode()


def test_an_app_is_asked_for_after_the_password(secret: str, alice: User) -> None:
    visitor = Client()
    assert sign_in(visitor, next="/recent/")["Location"] == STEP
    assert visitor.get("/account/").status_code == 302, "the password alone opens nothing"
    assert visitor.get(STEP).status_code == 200
    assert visitor.post(STEP, {"code": "000000"}).status_code == 422
    assert visitor.post(STEP, {"code": code_of(secret)})["Location"] == "/recent/"
    assert visitor.get("/account/").status_code == 200
    details = SecurityEvent.objects.of(alice).values_list("kind", "detail")
    assert ("sign_in_failed", "Wrong second step") in details


def test_a_code_is_good_once(secret: str) -> None:
    first, second = Client(), Client()
    code = code_of(secret)
    for client in (first, second):
        sign_in(client)
    assert first.post(STEP, {"code": code}).status_code == 302
    assert second.post(STEP, {"code": code}).status_code == 422


@pytest.mark.parametrize("again", ["{}", " {} ", "{0[0]} {0[1]}{0[2]}-{0[3]}{0[4]}{0[5]}", "{}."])
def test_a_code_is_good_once_as_long_as_it_counts(secret: str, again: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code before the present one counts too, and by then django-allauth has forgotten that it was used."""
    first, second = Client(), Client()
    code = code_of(secret)
    for client in (first, second):
        sign_in(client)
    assert first.post(STEP, {"code": code}).status_code == 302
    monkeypatch.setattr("allauth.mfa.totp.internal.auth.TOTP._mark_code_used", lambda self, code: True)
    assert second.post(STEP, {"code": again.format(code)}).status_code == 422


def test_codes_cannot_be_guessed_for_long(secret: str) -> None:
    visitor = Client()
    sign_in(visitor)
    for number in range(5):
        visitor.post(STEP, {"code": f"00000{number}"})
    answer = visitor.post(STEP, {"code": code_of(secret)})
    assert answer.status_code == 422 and "Too many attempts" in answer.content.decode()


def test_recovery_codes_sign_in_once_each(secret: str, alices: Client) -> None:
    page = alices.get(CODES)
    codes = page.context["unused_codes"]
    assert len(codes) == 10 and codes[0] in page.content.decode()
    assert alices.get(f"{CODES}file/").content.decode().split() == codes
    for client, status in ((Client(), 302), (Client(), 422)):
        sign_in(client)
        assert client.post(STEP, {"code": codes[0]}).status_code == status
    alices.post(f"{CODES}new/")
    assert codes[1] not in alices.get(CODES).content.decode()


def test_an_app_is_removed(secret: str, alices: Client) -> None:
    assert alices.get(f"{APP}remove/").status_code == 200
    assert alices.post(f"{APP}remove/")["Location"] == "/account/two-factor/"
    assert not Authenticator.objects.exists(), "and its recovery codes"
    assert sign_in(Client())["Location"] == "/account/"


def test_a_code_confirms_too(secret: str, alices: Client) -> None:
    later(alices, 3600)
    asked = alices.post("/account/tokens/", {"name": "mine", "scopes": ["read"]})
    assert 'name="code"' in alices.get(asked["Location"]).content.decode()
    assert alices.post("/account/again/", {"code": "000000", "next": "/account/tokens/"}).status_code == 422
    answer = alices.post("/account/again/", {"code": code_of(secret), "next": "/account/tokens/"})
    assert answer.status_code == 200 and answer.context["made"].name == "mine"


@pytest.mark.parametrize(
    ("method", "url"),
    [
        *(("get", url) for url in (CODES, f"{CODES}file/", f"{APP}remove/", "/account/passkeys/")),
        *(("post", url) for url in (f"{CODES}new/", f"{APP}remove/", "/account/tokens/", "/account/email/")),
        *(("get", "/account/passkeys/options/"), ("post", "/account/passkeys/1/remove/")),
    ],
)
def test_a_session_from_before_the_app_shows_it_before_it_takes_anything(
    alices: Client, alice: User, method: str, url: str
) -> None:
    """A thief who knows the password and was signed in already would read the recovery codes, or add a passkey."""
    thief = Client()
    sign_in(thief)
    secret = set_up(alices)
    answer = getattr(thief, method)(url)
    assert answer.status_code == 302 and answer["Location"].startswith("/account/again/?next=")
    assert answer["Location"].endswith("&second=1")
    assert thief.post(answer["Location"], {"password": "secret-enough"}).status_code == 422
    thief.post("/account/again/", {"password": "secret-enough"})
    assert getattr(thief, method)(url).get("Location", "").endswith("&second=1")
    thief.post(answer["Location"], {"code": code_of(secret)})
    assert "/account/again/" not in getattr(thief, method)(url).get("Location", "")


def test_the_api_asks_a_session_from_before_the_app_too(alices: Client, alice: User) -> None:
    thief = Client()
    sign_in(thief)
    set_up(alices)
    refused = thief.post("/api/v1/exports/")
    assert (refused.status_code, refused.json()["type"]) == (403, "/api/v1/docs/#problem-confirm")
    assert refused.json()["confirm_url"].endswith("/account/again/?next=/account/export/&second=1")


def test_the_owner_is_told_by_mail(mail: None, alices: Client, alice: User) -> None:
    EmailAddress.objects.create(user=alice, email="alice@example.org", verified=True, primary=True)
    secret = str(alices.get(APP).context["form"].secret)
    alices.post(APP, {"code": code_of(secret)})
    alices.post(f"{APP}remove/")
    assert "Authenticator app removed" in outbox.outbox[-1].subject


@pytest.mark.django_db(transaction=True)
def test_what_waits_for_the_commit_is_told_and_written_down(mail: None, alices: Client, alice: User) -> None:
    EmailAddress.objects.create(user=alice, email="alice@example.org", verified=True, primary=True)
    set_up(alices)
    assert "Authenticator app added" in [message.subject.partition("] ")[2] for message in outbox.outbox]
    details = SecurityEvent.objects.of(alice).filter(kind="factor_added").values_list("detail", flat=True)
    assert set(details) == {"Authenticator app", "Recovery codes"}


def test_the_database_alone_gives_no_codes_away(secret: str, settings: Any) -> None:
    stored = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in str(Authenticator.objects.values())
    assert MfaAdapter().decrypt(stored) == secret
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-that-is-long-enough-for-anything"
    assert MfaAdapter().decrypt(stored) == secret, "keys change"
    settings.SECRET_KEY_FALLBACKS = []
    lost = {MfaAdapter().decrypt(stored) for _ in range(2)}
    assert len(lost) == 2 and secret not in lost, "a key that is lost opens nothing"


def test_nobody_elses_app_is_seen_or_removed(secret: str, bobs: Client) -> None:
    assert bobs.post(f"{APP}remove/").status_code == 404
    assert bobs.get(CODES).status_code == bobs.get(f"{CODES}file/").status_code == 404
    assert Authenticator.objects.filter(type="totp").exists()


# --- staff


def test_staff_are_led_to_set_it_up_first(required: None, carols: Client) -> None:
    page = carols.get("/admin/", follow=True)
    assert page.redirect_chain == [("/account/two-factor/", 302)]
    assert "Admins of this site need a second step" in page.content.decode()
    assert carols.get("/admin/accounts/user/")["Location"] == "/account/two-factor/"
    assert carols.post("/admin/accounts/user/1/delete/", {"post": "yes"})["Location"] == "/account/two-factor/"
    assert User.objects.exists()
    set_up(carols)
    assert carols.get("/admin/").status_code == 200
    assert "Open the admin area" in carols.get("/account/two-factor/").content.decode()


def test_a_session_from_before_shows_its_second_step_once(required: None, carols: Client, carol: User) -> None:
    before = Client(HTTP_HOST="localhost")
    sign_in(before, "carol")
    secret = set_up(carols)
    asked = before.get("/admin/accounts/user/?q=x")["Location"]
    assert asked == "/account/again/?next=%2Fadmin%2Faccounts%2Fuser%2F%3Fq%3Dx&second=1"
    assert 'type="password"' not in before.get(asked).content.decode()
    before.post(asked, {"password": "secret-enough"})
    assert before.get("/admin/").status_code == 302, "the password is not enough"
    assert before.post(asked, {"code": code_of(secret)})["Location"] == "/admin/accounts/user/?q=x"
    assert before.get("/admin/").status_code == 200


def test_a_passkey_is_a_second_step_for_staff(required: None, carols: Client) -> None:
    key = Key()
    options = carols.get("/account/passkeys/options/").json()["publicKey"]
    carols.post("/account/passkeys/", {"name": "Key", "credential": json.dumps(key.create(options))})
    assert carols.get("/admin/").status_code == 200
    visitor = Client(HTTP_HOST="localhost")
    assert sign_in(visitor, "carol", next="/admin/")["Location"] == STEP
    page = visitor.get(STEP)
    found = re.search(r'<script id="passkey-options" type="application/json">(.+?)</script>', page.content.decode())
    assert found
    wrong = Key().get(json.loads(found[1]))
    assert visitor.post(STEP, {"credential": json.dumps(wrong)}).status_code == 422
    page = visitor.get(STEP)
    found = re.search(r'<script id="passkey-options" type="application/json">(.+?)</script>', page.content.decode())
    assert found
    answer = visitor.post(STEP, {"credential": json.dumps(key.get(json.loads(found[1])))})
    assert answer["Location"] == "/admin/"
    assert visitor.get("/admin/").status_code == 200


def test_without_the_setting_staff_need_none(carols: Client) -> None:
    assert carols.get("/admin/").status_code == 200


def test_members_need_none_wherever_staff_do(required: None, alice: User) -> None:
    assert sign_in(Client())["Location"] == "/account/"


def test_the_administration_asks_again_after_an_hour(carols: Client, settings: Any, alice: User) -> None:
    later(carols, settings.ADMIN_SESSION_SECONDS)
    url = f"/admin/accounts/user/{alice.pk}/delete/"
    asked = carols.post(url, {"post": "yes"})
    assert asked["Location"].startswith("/account/again/?next=")
    assert User.objects.filter(pk=alice.pk).exists()
    answer = carols.post("/account/again/", {"password": "secret-enough", "next": url})
    assert answer.status_code == 302
    assert not User.objects.filter(pk=alice.pk).exists(), "the form went on after the confirmation"
    assert carols.get("/admin/").status_code == 200


def test_an_action_on_a_filtered_list_goes_on_with_its_filter(carols: Client, settings: Any, alice: User) -> None:
    later(carols, settings.ADMIN_SESSION_SECONDS)
    action = {"action": "delete_selected", "_selected_action": [alice.pk], "post": "yes"}
    url = "/admin/accounts/user/?q=alice"
    assert carols.post(url, action).status_code == 302
    answer = carols.post("/account/again/", {"password": "secret-enough", "next": url})
    assert answer["Location"] == url
    assert not User.objects.filter(pk=alice.pk).exists()


def test_a_form_that_has_to_be_corrected_is_sent_again_from_its_own_page(
    carols: Client, settings: Any, alice: User
) -> None:
    later(carols, settings.ADMIN_SESSION_SECONDS)
    url = f"/admin/accounts/user/{alice.pk}/change/"
    carols.post(url, {"username": ""})
    answer = carols.post("/account/again/", {"password": "secret-enough", "next": url})
    assert answer["Location"] == url
    assert "Please send the form again." in carols.get(url).content.decode()


def test_who_wants_to_leave_is_asked_nothing(carols: Client, settings: Any) -> None:
    later(carols, settings.ADMIN_SESSION_SECONDS)
    assert carols.post("/admin/logout/")["Location"] == "/"
    assert carols.get("/account/").status_code == 302


def test_a_member_who_opens_the_administration_is_told_no(alices: Client) -> None:
    answer = alices.get("/admin/", follow=True)
    assert answer.status_code == 403 and "No access" in answer.content.decode()
