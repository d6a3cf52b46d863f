"""Settings from the environment: read right, or refused with a sentence."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from musicgen_site import env


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda value: monkeypatch.setenv("A_SETTING", value)


def test_an_empty_value_counts_as_absent(setting: Any) -> None:
    setting("  ")
    assert env.text("A_SETTING", "default") == "default"
    assert env.flag("A_SETTING", True) is True
    assert env.integer("A_SETTING", 3, minimum=1, maximum=5) == 3
    assert env.listing("A_SETTING", ["a"]) == ["a"]


@pytest.mark.parametrize(("value", "meant"), [("1", True), ("True", True), ("on", True), ("0", False), ("NO", False)])
def test_a_flag_is_a_word(setting: Any, value: str, meant: bool) -> None:
    setting(value)
    assert env.flag("A_SETTING", not meant) is meant


@pytest.mark.parametrize("value", ["maybe", "2"])
def test_another_word_is_refused(setting: Any, value: str) -> None:
    setting(value)
    with pytest.raises(ImproperlyConfigured, match=f"A_SETTING must be one of .* Received: '{value}'"):
        env.flag("A_SETTING", False)


@pytest.mark.parametrize("value", ["0", "6", "2.5", "many"])
def test_a_number_out_of_bounds_is_refused(setting: Any, value: str) -> None:
    setting(value)
    with pytest.raises(ImproperlyConfigured, match="A_SETTING"):
        env.integer("A_SETTING", 3, minimum=1, maximum=5)


def test_a_choice_is_one_of_the_options(setting: Any) -> None:
    setting("litert")
    assert env.choice("A_SETTING", ["auto", "litert"], "auto") == "litert"
    setting("torch")
    with pytest.raises(ImproperlyConfigured, match="auto, litert"):
        env.choice("A_SETTING", ["auto", "litert"], "auto")


def test_the_file_fills_what_the_environment_leaves_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("# a comment\n\nFROM_FILE='with spaces'\nFROM_BOTH=file\nURL=redis://host/0?a=b\n")
    monkeypatch.setenv("FROM_BOTH", "environment")
    for name in ("FROM_FILE", "URL"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    env.load_file(file)
    assert env.text("FROM_FILE") == "with spaces"
    assert env.text("FROM_BOTH") == "environment"
    assert env.text("URL") == "redis://host/0?a=b"


def test_a_line_that_makes_no_sense_is_named(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("GOOD=1\nnonsense\n")
    with pytest.raises(ImproperlyConfigured, match="line 2"):
        env.load_file(file)


def test_without_an_address_the_database_is_a_file(tmp_path: Path) -> None:
    settings = env.database("NO_SUCH_SETTING", tmp_path / "music.sqlite3")
    assert settings["NAME"] == str(tmp_path / "music.sqlite3")
    assert settings["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert settings["OPTIONS"]["timeout"] == 20


def test_the_file_may_lie_in_any_folder(tmp_path: Path) -> None:
    file = tmp_path / "my C# music, 100%25 mine?" / "music.sqlite3"
    assert env.database("NO_SUCH_SETTING", file)["NAME"] == str(file)


def test_a_postgresql_address_is_taken_apart(setting: Any, tmp_path: Path) -> None:
    setting("postgresql://music:p%40ss@db.example:5433/site?sslmode=require")
    settings = env.database("A_SETTING", tmp_path)
    assert settings["ENGINE"] == "django.db.backends.postgresql"
    assert (settings["USER"], settings["PASSWORD"]) == ("music", "p@ss")
    assert (settings["HOST"], settings["PORT"], settings["NAME"]) == ("db.example", "5433", "site")
    assert settings["OPTIONS"] == {"sslmode": "require"}


@pytest.mark.parametrize("value", ["mysql://host/name", "postgresql://host", "sqlite://", "postgres://host:port/name"])
def test_a_database_that_cannot_be_is_refused(setting: Any, value: str, tmp_path: Path) -> None:
    setting(value)
    with pytest.raises(ImproperlyConfigured, match="A_SETTING"):
        env.database("A_SETTING", tmp_path)


def test_networks_are_read(setting: Any) -> None:
    setting("127.0.0.1, 10.0.0.0/8,fd00::/8")
    assert list(map(str, env.networks("A_SETTING"))) == ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"]
    setting("")
    assert env.networks("A_SETTING") == []


@pytest.mark.parametrize("value", ["1", "10.0.0.1/8", "proxy.example.org"])
def test_what_is_no_network_is_refused(setting: Any, value: str) -> None:
    setting(value)
    with pytest.raises(ImproperlyConfigured, match=r"A_SETTING must hold addresses or networks"):
        env.networks("A_SETTING")


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("https://music.example.org", "https://music.example.org"),
        ("https://music.example.org/", "https://music.example.org"),
        ("HTTPS://Music.Example.org:443", "https://music.example.org"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_an_origin_is_written_as_browsers_send_it(setting: Any, value: str, meant: str) -> None:
    setting(value)
    assert env.origin("A_SETTING", "") == meant


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("https://example.org/music", "root of its host"),
        ("https://example.org//music/", "root of its host"),
        ("https://example.org?a=b", "root of its host"),
        ("https://example.org/?", "root of its host"),
        ("https://example.org#top", "root of its host"),
        ("https://user:secret@example.org", "username or password"),
        ("https://example.org:port", "Received"),
        ("https://example.org:99999", "Received"),
        ("https://müsik.example.org", "xn--"),
        ("https://my_music.example.org", "letters a to z"),
        ("https://", "Received"),
        ("example.org", "Received"),
        ("ftp://example.org", "Received"),
        ("http://[::1", "Received"),
    ],
)
def test_what_is_no_origin_is_refused_with_the_reason(setting: Any, value: str, why: str) -> None:
    setting(value)
    with pytest.raises(ImproperlyConfigured, match="A_SETTING must be an address") as refused:
        env.origin("A_SETTING", "")
    assert why in str(refused.value)
    assert "secret" not in str(refused.value)
