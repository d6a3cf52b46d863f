"""Passwords that are easy to guess are refused with the reason, wherever one is chosen."""

from functools import partial
from typing import Any

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client

from accounts import passwords
from accounts.models import User
from accounts.passwords import RULES
from tests.at_once import at_once

EASY = (
    "Summer2026!",
    "musicgen",
    "Musicgen2026",
    "P@ssw0rd123",
    "qwertyuiop1",
    "iloveyou2",
    "January-2026",
    "allahuakbar",
)


@pytest.mark.parametrize("password", EASY)
def test_what_is_common_or_leaked_is_refused(password: str) -> None:
    with pytest.raises(ValidationError) as refused:
        validate_password(password)
    (sentence,) = refused.value.messages
    assert sentence.startswith("This password is easy to guess: it ")


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "ships-and-harps",
        "plink-plonk-27",
        "Xk9vTq2p",
        "k7#mQ2!x",
        "ana loves fast trains",
        "мой дядя самых честных правил",
        "the long evening of a quiet day " * 20,
    ],
)
def test_long_phrases_and_chance_pass(password: str) -> None:
    validate_password(password, User(username="Ana Producer"))


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "this password has 5 characters"),
        ("anaproducer", "too similar to your username"),
        ("producer2026", "too similar to your username"),
        ("musicgen1", "the name of this site"),
        ("zxcvbnm,./", "keyboard"),
        ("xyxyxyxyxyxyxyxyxyxy", "repeats the same characters"),
        ("01/02/1990", "date"),
    ],
)
def test_the_reason_is_said(password: str, reason: str) -> None:
    with pytest.raises(ValidationError) as refused:
        validate_password(password, User(username="Ana Producer"))
    assert reason in refused.value.messages[0]


def test_signs_for_letters_are_looked_at_only_as_far_as_that_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []

    def zxcvbn(password: str, user_inputs: list[str]) -> dict[str, Any]:
        looked_at.append(password)
        return {"guesses": 10**9}

    monkeypatch.setattr("zxcvbn.zxcvbn", zxcvbn)
    validate_password("4@8({[<369|!1705+$%2" * 20)
    validate_password("a long sentence of plain words " * 20)
    assert [len(password) for password in looked_at] == [16, 40]


def test_two_who_choose_at_once_do_not_see_each_others_names() -> None:
    def chosen(name: str) -> list[str]:
        try:
            validate_password("wilhelmine-xaver", User(username=name))
        except ValidationError as error:
            return error.messages
        return []

    answers = at_once(*(partial(chosen, name) for name in ("wilhelmine-xaver", "bob smith") * 4))
    assert [bool(answer) for answer in answers] == [True, False] * 4


@pytest.mark.django_db
class TestWhereOneIsChosen:
    def test_sign_up(self, client: Client) -> None:
        page = client.get("/account/signup/").content.decode()
        assert RULES in page and 'aria-describedby="help-password1"' in page
        for password in ("Summer2026!", "musicgen"):
            answer = client.post("/account/signup/", {"username": "Ana Producer", "password1": password})
            assert answer.status_code == 422
            assert "easy to guess" in answer.context["form"].errors["password1"][0]

    def test_change(self, alices: Client) -> None:
        assert RULES in alices.get("/account/password/").content.decode()
        form = {"oldpassword": "secret-enough"} | dict.fromkeys(["password1", "password2"], "Summer2026!")
        answer = alices.post("/account/password/", form)
        assert answer.status_code == 422 and "easy to guess" in answer.content.decode()

    def test_the_administration(self, client: Client, carol: User, alice: User) -> None:
        client.force_login(carol)
        form = {"usable_password": "true"} | dict.fromkeys(["password1", "password2"], "Summer2026!")
        answer = client.post(f"/admin/accounts/user/{alice.pk}/password/", form)
        assert "easy to guess" in answer.content.decode()
        answer = client.post("/admin/accounts/user/add/", form | {"username": "dave"})
        assert "easy to guess" in answer.content.decode()

    def test_the_command(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        answers = iter(["Summer2026!", "Summer2026!", "plink-plonk-27", "plink-plonk-27"])
        monkeypatch.setattr("getpass.getpass", lambda prompt="": next(answers))
        monkeypatch.setattr("builtins.input", lambda prompt="": "n")
        options = {"interactive": True, "username": "carol", "email": "c@example.org"}
        call_command("createsuperuser", **options, stdin=type("Terminal", (), {"isatty": lambda self: True})())
        assert "easy to guess" in capsys.readouterr().err
        assert User.objects.get().check_password("plink-plonk-27")


def test_the_packages_own_lists_are_not_loaded_before_they_are_needed() -> None:
    assert "zxcvbn" not in vars(passwords)
