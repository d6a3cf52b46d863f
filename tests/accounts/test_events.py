"""Recent activity: what is written down, what is not, who sees it, and how long it is kept."""

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail as outbox
from django.test import Client
from django.utils import timezone

from accounts.clean_up import accounts_clean_up
from accounts.devices import COOKIE, device_name
from accounts.events import Kind, event_log
from accounts.exports import export_claim, export_create, export_make
from accounts.models import SecurityEvent, User
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("exports_folder")]

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(autouse=True)
def _no_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    from accounts.tasks import make_exports

    monkeypatch.setattr(make_exports, "delay", lambda: None)


def kinds(user: User) -> list[str]:
    """What happened, the oldest first."""
    return list(SecurityEvent.objects.of(user).order_by("pk").values_list("kind", flat=True))


def sign_in(client: Client, password: str = "secret-enough", **fields: Any) -> Any:  # noqa: S107
    return client.post("/account/login/", {"login": "alice", "password": password}, **fields)


def test_sign_ins_and_failures_are_written_down(client: Client, alice: User) -> None:
    sign_in(client, "wrong", HTTP_USER_AGENT=FIREFOX)
    sign_in(client, HTTP_USER_AGENT=FIREFOX)
    failed, signed_in = SecurityEvent.objects.of(alice).order_by("pk")
    assert (failed.kind, signed_in.kind) == (Kind.SIGN_IN_FAILED, Kind.SIGN_IN)
    assert (signed_in.device, signed_in.detail) == ("Firefox on Linux", "password, new device")
    assert len(failed.address_hash) == 32 and failed.address_hash == signed_in.address_hash


def test_a_failure_with_a_name_that_nobody_has_costs_the_same(client: Client, alice: User) -> None:
    """One row either way: what an attempt does must not tell who has an account here."""
    client.post("/account/login/", {"login": "nobody", "password": "my-own-secret"})
    event = SecurityEvent.objects.get()
    assert (event.user, event.kind) == (None, Kind.SIGN_IN_FAILED)
    assert "nobody" not in str(SecurityEvent.objects.values().get()), "some people type their password there"


def test_an_unproven_address_gets_no_one_elses_attempts(client: Client, alice: User) -> None:
    """Who writes down somebody's address must not see when that person signs in."""
    EmailAddress.objects.create(user=alice, email="bob@example.org", verified=False, primary=True)
    client.post("/account/login/", {"login": "bob@example.org", "password": "x"})
    assert kinds(alice) == []


def test_no_row_holds_a_secret_or_an_address(alices: Client, alice: User) -> None:
    plain = alices.post("/account/tokens/", {"name": "script", "scopes": ["read"]}).context["plain"]
    alices.post("/account/email/", {"email": "alice@example.org"})
    form = {"oldpassword": "secret-enough", "password1": "harps-and-ships", "password2": "harps-and-ships"}
    alices.post("/account/password/", form)
    everything = str(list(SecurityEvent.objects.values()))
    for secret in (plain, "secret-enough", "harps-and-ships", "alice@example.org", "127.0.0.1"):
        assert secret not in everything
    assert "a…@example.org" in everything and plain[:8] in everything


def test_a_guess_in_a_session_is_written_down_wherever_it_is_made(alices: Client, alice: User) -> None:
    guess = {"oldpassword": "guessed", "password1": "harps-and-ships", "password2": "harps-and-ships"}
    for url, form in (
        ("/account/password/", guess),
        ("/account/again/", {"password": "guessed"}),
        ("/account/delete/", {"password": "guessed"}),
    ):
        SecurityEvent.objects.all().delete()
        assert alices.post(url, form).status_code == 422
        assert kinds(alice) == [Kind.SIGN_IN_FAILED], url


def test_a_limit_that_is_hit_many_times_is_one_event(client: Client, alice: User) -> None:
    for _ in range(9):
        sign_in(client, "wrong")
    assert kinds(alice) == [Kind.SIGN_IN_FAILED] * 5 + [Kind.LIMIT]
    assert SecurityEvent.objects.of(alice).first().detail == "Sign-in"  # type: ignore[union-attr]


def test_a_limit_at_the_door_is_written_down_too(client: Client) -> None:
    for number in range(33):
        answer = client.post("/account/login/", {"login": f"name{number}", "password": "x"})
    assert answer.status_code == 429
    event = SecurityEvent.objects.get(kind=Kind.LIMIT)
    assert event.user is None and event.detail == "/account/login/"


def test_every_limit_is_written_down_without_the_key_of_a_mail(
    mail: None, alices: Client, alice: User, settings: Any
) -> None:
    settings.API_WRITES_PER_MINUTE = 0
    assert alices.post("/account/email/undo/secret-key/").status_code == 429
    assert alices.post("/nowhere/secret-key/").status_code == 429
    details = SecurityEvent.objects.of(alice).filter(kind=Kind.LIMIT).values_list("detail", flat=True)
    assert sorted(details) == ["/account/email/undo/<str:key>/", "A page that isn't there"]


def test_what_a_member_changes_is_written_down(alices: Client, alice: User) -> None:
    alices.post("/account/tokens/", {"name": "one", "scopes": ["read"]})
    token = alice.api_tokens.get()
    alices.post(f"/account/tokens/{token.pk}/revoke/")
    alices.post("/account/tokens/", {"name": "two", "scopes": ["read"]})
    alices.post("/account/sessions/end/", {"session": "others"})
    alices.post("/account/export/")
    form = {"oldpassword": "secret-enough", "password1": "harps-and-ships", "password2": "harps-and-ships"}
    alices.post("/account/password/", form)
    alices.post("/account/delete/", {"password": "harps-and-ships"})
    sign_in(alices, "harps-and-ships")
    alices.post("/account/restore/")
    assert kinds(alice) == [
        Kind.SIGN_IN,
        Kind.TOKEN_MADE,
        Kind.TOKEN_REMOVED,
        Kind.TOKEN_MADE,
        Kind.SESSIONS_ENDED,
        Kind.EXPORT_ASKED,
        Kind.TOKENS_ENDED,
        Kind.PASSWORD_CHANGED,
        Kind.DELETION_ASKED,
        Kind.DELETION_UNDONE,
        Kind.SIGN_IN,
    ]


def test_the_administration_changes_no_role_without_a_trace(client: Client, carol: User, alice: User) -> None:
    client.force_login(carol)
    url = f"/admin/accounts/user/{alice.pk}/change/"
    initial = client.get(url).context["adminform"].form.initial
    form = {name: value for name, value in initial.items() if value is not None}
    form |= {"date_joined_0": "2026-01-01", "date_joined_1": "10:00:00"}
    form = {name: value for name, value in form.items() if name not in ("groups", "user_permissions", "last_login")}
    assert client.post(url, {**form, "first_name": "Alice"}).status_code == 302
    assert Kind.ROLE not in kinds(alice)
    assert client.post(url, {**form, "is_staff": "on", "is_superuser": "on"}).status_code == 302
    event = SecurityEvent.objects.of(alice).get(kind=Kind.ROLE)
    assert event.detail == "staff: yes, superuser: yes (by carol)"


def test_a_password_that_an_admin_sets_ends_sessions_and_tokens(client: Client, carol: User, alices: Client) -> None:
    alice = User.objects.get(username="alice")
    alices.post("/account/tokens/", {"name": "one", "scopes": ["read"]})
    client.force_login(carol)
    form = {"password1": "harps-and-ships", "password2": "harps-and-ships", "usable_password": "true"}
    assert client.post(f"/admin/accounts/user/{alice.pk}/password/", form).status_code == 302
    assert alices.get("/account/").status_code == 302
    assert not alice.api_tokens.usable().exists()
    assert SecurityEvent.objects.of(alice).get(kind=Kind.PASSWORD_CHANGED).detail == "by an admin"


def test_the_administration_has_no_way_of_its_own_to_change_ones_password(carol: User) -> None:
    client = Client()
    client.force_login(carol)
    form = {"old_password": "secret-enough", "new_password1": "harps-and-ships", "new_password2": "harps-and-ships"}
    for answer in (client.get("/admin/password_change/"), client.post("/admin/password_change/", form)):
        assert (answer.status_code, answer["Location"]) == (302, "/account/password/")
    carol.refresh_from_db()
    assert carol.check_password("secret-enough"), "that page would have left API tokens working, and no trace"


def test_sign_up_makes_no_staff(client: Client) -> None:
    form = {"username": "eve", "password1": "ships-and-harps", "is_staff": "on", "is_superuser": "1"}
    client.post("/account/signup/", form)
    eve = User.objects.get()
    assert not eve.is_staff and not eve.is_superuser


# --- who sees it


def test_a_member_sees_the_own_and_nobody_elses(alices: Client, alice: User, bob: User) -> None:
    event_log(user=bob, kind=Kind.TOKEN_MADE, detail="of bob")
    event_log(user=alice, kind=Kind.TOKEN_MADE, detail="<script>of alice</script>")
    for url in ("/account/", "/account/activity/"):
        text = alices.get(url).content.decode()
        assert "&lt;script&gt;of alice" in text and "of bob" not in text
    assert "Kept for 90 days." in alices.get("/account/activity/").content.decode()


def test_it_comes_in_pages(alices: Client, alice: User) -> None:
    for number in range(60):
        event_log(user=alice, kind=Kind.SIGN_IN, detail=f"number {number:02}")
    first, second = (alices.get("/account/activity/", {"page": page}).content.decode() for page in (1, 2))
    assert "number 59" in first and "number 35" in first and "number 34" not in first
    assert "number 34" in second and 'rel="prev"' in second and 'rel="next"' in second
    assert alices.get("/account/activity/", {"page": "nonsense"}).status_code == 200
    assert "Page 3 of 3" in alices.get("/account/activity/", {"page": "999"}).content.decode()


def test_the_administration_reads_and_changes_nothing(client: Client, carol: User, alice: User) -> None:
    event = event_log(user=alice, kind=Kind.TOKEN_MADE)
    client.force_login(carol)
    url = "/admin/accounts/securityevent/"
    assert "alice" in client.get(url).content.decode()
    assert client.get(f"{url}{event.pk}/change/").status_code == 200
    assert client.post(f"{url}{event.pk}/change/", {"detail": "x"}).status_code == 403
    assert client.post(f"{url}{event.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.get(f"{url}add/").status_code == 403
    assert client.post(f"/admin/accounts/user/{alice.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not SecurityEvent.objects.filter(pk=event.pk).exists(), "they go with their user"


def test_it_is_part_of_the_export(alices: Client, alice: User) -> None:
    export_create(user=alice)
    claimed = export_claim(worker_id="w")
    assert claimed is not None
    export_make(export=claimed)
    claimed.refresh_from_db()
    with claimed.file.open("rb") as stored:
        account = json.loads(zipfile.ZipFile(io.BytesIO(stored.read())).read("account.json"))
    assert [event["what"] for event in account["recent_activity"]] == ["Data export requested", "Signed in"]


def test_strangers_fill_the_table_only_so_far(alice: User, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.events.MAX_OF_NOBODY", 3)
    monkeypatch.setattr("accounts.events.MAX_FAILURES_OF_ONE", 2)
    event_log(user=alice, kind=Kind.PASSWORD_CHANGED)
    for number in range(5):
        for user in (None, alice):
            event_log(user=user, kind=Kind.SIGN_IN_FAILED, detail=str(number))
    for user in (bob, bob):
        event_log(user=user, kind=Kind.SIGN_IN_FAILED)
    accounts_clean_up()
    assert [event.detail for event in SecurityEvent.objects.filter(user=None)] == ["4", "3", "2"]
    assert [event.detail for event in SecurityEvent.objects.of(alice)] == ["4", "3", ""], "and nothing else goes"
    assert SecurityEvent.objects.of(bob).count() == 2


def test_it_is_kept_as_long_as_it_is_said(alice: User, settings: Any) -> None:
    now = timezone.now()
    old, young = (event_log(user=user, kind=Kind.SIGN_IN) for user in (None, alice))
    SecurityEvent.objects.filter(pk=old.pk).update(created_at=now - timedelta(days=settings.SECURITY_EVENT_DAYS))
    SecurityEvent.objects.filter(pk=young.pk).update(
        created_at=now - timedelta(days=settings.SECURITY_EVENT_DAYS) + timedelta(minutes=1)
    )
    accounts_clean_up()
    assert list(SecurityEvent.objects.all()) == [young]


# --- new devices


@pytest.fixture
def proven(alice: User) -> User:
    EmailAddress.objects.create(user=alice, email="alice@example.org", verified=True, primary=True)
    return alice


def test_a_sign_in_on_a_new_device_is_mailed_once(mail: None, client: Client, proven: User) -> None:
    sign_in(client, HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR="192.0.2.77")
    (message,) = outbox.outbox
    assert message.to == ["alice@example.org"]
    assert "New sign-in" in message.subject
    assert "Firefox on Linux" in str(message.body) and "192.0.2.77" in str(message.body)
    client.post("/account/logout/")
    sign_in(client, HTTP_USER_AGENT=FIREFOX)
    assert len(outbox.outbox) == 1, "the browser is known by now"
    cookie = client.cookies[COOKIE]
    assert cookie["httponly"] and cookie["path"] == "/account/" and cookie["samesite"] == "Lax"
    sign_in(Client(), HTTP_USER_AGENT=FIREFOX)
    assert len(outbox.outbox) == 2


def test_a_device_is_known_for_an_account_not_for_all(mail: None, client: Client, proven: User, bob: User) -> None:
    client.post("/account/login/", {"login": "bob", "password": "secret-enough"})
    client.post("/account/logout/")
    sign_in(client)
    assert [message.to for message in outbox.outbox] == [["alice@example.org"]]


@pytest.mark.parametrize("value", ["", "nonsense", "WzFd:1abc:xyz", "x" * 5000])
def test_a_cookie_of_ones_own_making_is_none(mail: None, client: Client, proven: User, value: str) -> None:
    client.cookies[COOKIE] = value
    sign_in(client)
    assert len(outbox.outbox) == 1


def test_without_a_proven_address_nothing_is_mailed(mail: None, client: Client, alice: User) -> None:
    EmailAddress.objects.create(user=alice, email="typo@example.org", verified=False, primary=True)
    sign_in(client)
    assert [message.subject for message in outbox.outbox if "sign-in" in message.subject.lower()] == []


def test_without_mail_nothing_is_mailed(client: Client, proven: User) -> None:
    sign_in(client)
    assert outbox.outbox == []


def test_a_mail_server_that_is_away_keeps_nobody_out(
    mail: None, client: Client, proven: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Any, messages: Any) -> int:
        raise ConnectionRefusedError("on purpose")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
    assert sign_in(client)["Location"] == "/account/"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Mobile Safari/604.1", "Safari on iPhone"),
        ("curl/8.5", "curl/8.5"),
        ("", "Unknown browser"),
    ],
)
def test_a_device_in_words(agent: str, name: str) -> None:
    assert device_name(agent) == name


def test_a_long_agent_and_detail_fit(client: Client, alice: User) -> None:
    sign_in(client, HTTP_USER_AGENT="x" * 5000)
    event_log(user=alice, kind=Kind.SIGN_IN, detail="y" * 5000)
    assert SecurityEvent.objects.of(alice).count() == 2
    factories.make_user("bob").delete()
