"""Names of accounts: shown as typed, told apart by what they say and how they look."""

from functools import partial
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client, TransactionTestCase

from accounts.clean_up import accounts_clean_up
from accounts.models import User
from accounts.names import RESERVED, RULES, name_check, name_is_reserved, name_keys, shown_name
from scripts import make_confusables
from tests import factories
from tests.at_once import at_once

FORM = {"username": "Ana Producer", "password1": "ships-and-harps"}
CYRILLIC_ANA = "\u0410na Producer"


def sign_up(name: str, client: Client | None = None) -> Any:
    return (client or Client()).post("/account/signup/", {**FORM, "username": name})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ana Producer", "anaproducer"),
        ("Ana Producer", "  ANA   producer "),
        ("Ana Producer", CYRILLIC_ANA),
        ("Alice", "AIice"),
        ("Alice", "A1ice"),
        ("modern", "rnodern"),
        ("O'Brien", "o’brien"),
        ("BOB", "\u0412\u041e\u0412"),  # Cyrillic capitals, whose small letters look otherwise
        ("NINA", "\u039d\u0399\u039d\u0391"),  # Greek ones
        ("Straße", "STRASSE"),
        ("fiona", "ﬁona"),
        ("Zoe\u0308", "Zoë"),
    ],
)
def test_names_that_could_be_taken_for_one_another_share_a_key(one: str, other: str) -> None:
    mine, others = name_keys(one), name_keys(other)
    assert mine.says == others.says or mine.looks == others.looks


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["admin.", "-admin-", "a.d.m.i.n", "Admin_", "Support+", "_ro\u043et_", "music.gen"])
def test_marks_around_a_reserved_name_make_no_other_one(name: str) -> None:
    assert name_is_reserved(name)
    assert sign_up(name).status_code == 422


@pytest.mark.parametrize(
    ("one", "other"), [("Ana", "Anna"), ("Zoe", "Zoë"), ("ana-b", "ana_b"), ("山田", "山口"), ("\u0430на", "\u0430нна")]
)
def test_other_names_share_none(one: str, other: str) -> None:
    assert not set(name_keys(one)) & set(name_keys(other))


@pytest.mark.parametrize(
    "name",
    [
        "Ana Producer",
        "O’Brien",
        "Simon & Co.",
        "Łódź",
        "山田太郎",
        "محمد",
        "می\u200cخواهم",
        "क\u094d\u200dष",
        "x" * 40,
        "é" * 40,
    ],
)
def test_a_name_may_be_in_any_script(name: str) -> None:
    name_check(shown_name(name))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a", "this one has 1"),
        ("x" * 41, "this one has 41"),
        ("bob@example.org", "not “@”"),
        ("😀 ana", "not “😀”"),
        ("a\u200bb", "invisible character (U+200B)"),
        ("a\u200cb", "invisible character (U+200C)"),
        ("a\u202eb", "invisible character (U+202E)"),
        ("a\x00b", "invisible character (U+0000)"),
        ("\u3164\u3164", "invisible character (U+3164)"),
        ("...", "at least one letter or digit"),
        ("Za" + "\u0301\u0302\u0303\u0304\u0305" + "lgo", "up to 4 accents"),
        ("\u0301x", "not"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(name: str, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        name_check(name)
    assert said in refused.value.messages[0]


@pytest.mark.parametrize("name", ["admin", "Root", "S U P P O R T", "\u0430dmin", "ADMlN", "music gen", "API", "nuII"])
def test_reserved_names_are_known_however_they_are_written(name: str) -> None:
    assert name_is_reserved(name)
    assert not name_is_reserved(f"{name} Smith")


def test_every_reserved_name_is_kept_from_visitors() -> None:
    assert all(map(name_is_reserved, RESERVED))


def test_the_table_is_as_the_package_has_it() -> None:
    assert make_confusables.TARGET.read_text(encoding="ascii") == make_confusables.text()


@pytest.mark.django_db
class TestSignUp:
    def test_a_name_is_shown_as_it_was_typed(self, client: Client) -> None:
        assert sign_up(" Ana  Producer ", client)["Location"] == "/account/"
        assert User.objects.get().username == "Ana Producer"
        assert "<bdi>Ana Producer</bdi>" in client.get("/account/").content.decode()

    def test_the_rules_are_said_before(self, client: Client) -> None:
        page = client.get("/account/signup/").content.decode()
        assert 'id="help-username"' in page and 'aria-describedby="help-username"' in page
        assert RULES.replace("'", "&#x27;").replace("&.", "&amp;.") in page
        factories.make_genre()
        piece = factories.make_piece(factories.guest())
        session = client.session
        session["guest_key"] = "guest-alice"
        session.save()
        assert "2 to 40 characters" in client.get(f"/pieces/{piece.pk}/").content.decode()

    @pytest.mark.parametrize("name", ["ana producer", "AnaProducer", CYRILLIC_ANA, "Ana Pr0ducer"])
    def test_a_look_alike_is_refused_beside_its_field(self, name: str) -> None:
        sign_up("Ana Producer")
        answer = sign_up(name)
        assert answer.status_code == 422
        assert "looks like one that is" in answer.context["form"].errors["username"][0]
        assert 'aria-describedby="error-username help-username"' in answer.content.decode()

    @pytest.mark.parametrize("name", ["admin", "\u0410dmin", "Root", "musicgen support"])
    def test_a_reserved_name_is_refused(self, name: str) -> None:
        answer = sign_up(name)
        assert answer.status_code == 422
        assert "reserved" in answer.context["form"].errors["username"][0]

    @pytest.mark.parametrize("name", ["Ana Producer", "ana producer", "ANAPRODUCER", " ana  producer "])
    def test_any_way_to_write_it_signs_in(self, name: str) -> None:
        sign_up("Ana Producer")
        form = {"login": name, "password": FORM["password1"]}
        assert Client().post("/account/login/", form)["Location"] == "/account/"

    def test_attempts_on_one_name_count_together_however_it_is_written(self) -> None:
        sign_up("Ana Producer")
        for name in ("anaproducer", "Ana Producer", "ANA PRODUCER", "AnaProducer", CYRILLIC_ANA):
            assert Client().post("/account/login/", {"login": name, "password": "wrong"}).status_code == 422
        answer = Client().post("/account/login/", {"login": "Ana Producer", "password": FORM["password1"]})
        assert "Too many attempts" in answer.context["form"].non_field_errors()[0]

    def test_the_administrations_sign_in_takes_it_too(self) -> None:
        factories.make_user("Carol Admin", staff=True)
        form = {"username": "caroladmin", "password": "secret-enough", "next": "/admin/"}
        assert Client().post("/admin/login/", form).status_code == 302


@pytest.mark.django_db
class TestOldNames:
    """Names that were given by other rules stay, and no new one is taken for them."""

    @pytest.fixture
    def old(self) -> list[User]:
        """As the release before leaves them, which knows nothing of keys."""
        users = [factories.make_user(f"user{number}") for number in range(3)]
        for user, name in zip(users, ("ana", "\u0430na", "admin@example.org"), strict=True):
            User.objects.filter(pk=user.pk).update(username=name, name_says=None, name_looks=None)
        return users

    def test_all_sign_in_before_and_after_their_keys_are_filled(self, old: list[User]) -> None:
        for _ in range(2):
            for user, name in zip(old, ("ana", "\u0430na", "admin@example.org"), strict=True):
                client = Client()
                form = {"login": name, "password": "secret-enough"}
                assert client.post("/account/login/", form, REMOTE_ADDR=f"192.0.2.{user.pk}").status_code == 302
                assert client.session["_auth_user_id"] == str(user.pk)
            accounts_clean_up()
        assert User.objects.filter(name_says=None).count() == 0

    def test_one_of_two_that_are_alike_keeps_a_key_of_its_own(self, old: list[User]) -> None:
        accounts_clean_up()
        keys = list(User.objects.order_by("pk").values_list("name_says", flat=True))
        assert keys == ["ana", f"ana#{old[1].pk}", "adrnln@exarnple.org"]
        old[1].refresh_from_db()
        old[1].save()
        assert User.objects.get(pk=old[1].pk).name_says == f"ana#{old[1].pk}"
        assert sign_up("\u0430n\u0430").status_code == 422

    def test_the_administration_changes_a_member_whose_name_is_old(self, old: list[User], carol: User) -> None:
        accounts_clean_up()
        client = Client()
        client.force_login(carol)
        for user in old:
            url = f"/admin/accounts/user/{user.pk}/change/"
            form = client.get(url).context["adminform"].form
            values = {name: "" if form[name].value() is None else form[name].value() for name in form.fields}
            values.pop("password")
            joined = values.pop("date_joined")
            values |= {"date_joined_0": f"{joined:%Y-%m-%d}", "date_joined_1": f"{joined:%H:%M:%S}"}
            values |= {"last_login_0": "", "last_login_1": "", "running_jobs": "7"}
            values = {name: value for name, value in values.items() if value not in (False, [], "")}
            assert client.post(url, values).status_code == 302
        assert set(User.objects.filter(running_jobs=7)) == set(old)


@pytest.mark.django_db
def test_the_administration_is_told_of_a_look_alike(carol: User) -> None:
    factories.make_user("Ana Producer")
    client = Client()
    client.force_login(carol)
    form = {"username": CYRILLIC_ANA, "usable_password": "true"} | dict.fromkeys(
        ["password1", "password2"], "ships-and-harps"
    )
    answer = client.post("/admin/accounts/user/add/", form)
    assert "looks like one that is" in answer.context["adminform"].form.errors["username"][0]


@pytest.mark.django_db
def test_the_command_makes_administrators_with_reserved_names_and_refuses_a_taken_one() -> None:
    call_command("createsuperuser", interactive=False, username="admin", email="admin@example.org")
    assert User.objects.get().username == "admin"
    with pytest.raises(CommandError, match="taken"):
        call_command("createsuperuser", interactive=False, username="A D M I N", email="x@example.org")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["anaproducer", CYRILLIC_ANA])
def test_the_database_keeps_look_alikes_out_whoever_writes(name: str) -> None:
    factories.make_user("Ana Producer")
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.make_user(name)


class Race(TransactionTestCase):
    """Visitors who choose names that look alike at the same moment."""

    def test_one_wins_and_the_others_are_told(self) -> None:
        names = ("Ana Producer", "anaproducer", CYRILLIC_ANA)
        answers = at_once(*(partial(sign_up, name) for name in names))
        assert sorted(answer.status_code for answer in answers) == [302, 422, 422]
        assert User.objects.count() == 1
        told = [answer.content.decode() for answer in answers if answer.status_code == 422]
        assert all("looks like one that is" in page for page in told)
