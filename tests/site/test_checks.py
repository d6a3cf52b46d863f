"""System checks name what would go wrong later."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from musicgen_site import checks


@pytest.fixture(autouse=True)
def files_in_a_folder(settings: Any) -> None:
    """Whatever the tests run on."""
    settings.S3_BUCKET = ""


def ids(messages: list[Any]) -> list[str]:
    return [message.id for message in messages]


@pytest.fixture
def a_file_in_the_way(tmp_path: Path) -> Path:
    """A folder cannot be made below a file, whoever asks: root too."""
    path = tmp_path / "file"
    path.write_text("")
    return path / "folder"


def test_the_test_settings_pass() -> None:
    assert checks.folders_are_writable() == []
    assert checks.broker_folders_share_a_file_system() == []
    assert checks.profile_makes_sense() == []


def test_an_unwritable_broker_folder_is_named(settings: Any, a_file_in_the_way: Path) -> None:
    settings.BROKER_DIR = a_file_in_the_way
    messages = checks.folders_are_writable()
    assert ids(messages) == ["musicgen_site.E001"] * 3
    assert "The broker folder" in messages[0].msg
    assert "BROKER_DIR" in str(messages[0].hint)


def test_an_unwritable_media_folder_is_named(settings: Any, a_file_in_the_way: Path) -> None:
    settings.MEDIA_ROOT = a_file_in_the_way
    (message,) = checks.folders_are_writable()
    assert "The media folder" in message.msg
    assert "MEDIA_ROOT" in str(message.hint)


def test_an_unwritable_folder_keeps_the_site_from_starting(settings: Any, a_file_in_the_way: Path) -> None:
    settings.BROKER_DIR = a_file_in_the_way
    with pytest.raises(SystemCheckError, match=r"The broker folder .* cannot be written"):
        call_command("check")


def test_a_message_must_not_travel_between_file_systems(settings: Any) -> None:
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {
        **settings.CELERY_BROKER_TRANSPORT_OPTIONS,
        "processed_folder": "/proc",
    }
    assert ids(checks.broker_folders_share_a_file_system()) == ["musicgen_site.E002"]


def test_debug_is_not_for_the_public(settings: Any) -> None:
    settings.SERVES_OTHERS, settings.SERVED_OVER_HTTPS, settings.DEBUG = True, True, True
    settings.STAFF_REQUIRE_SECOND_FACTOR = True
    assert ids(checks.profile_makes_sense()) == ["musicgen_site.E003"]


def test_half_a_production_profile_is_warned_of(settings: Any) -> None:
    settings.S3_BUCKET = "pieces"
    settings.DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3"}}
    assert ids(checks.profile_makes_sense()) == ["musicgen_site.W001"]
    settings.S3_BUCKET, settings.USES_FILESYSTEM_BROKER = "", False
    assert ids(checks.profile_makes_sense()) == ["musicgen_site.W002"]
    settings.USES_FILESYSTEM_BROKER, settings.SERVES_OTHERS = True, True
    assert ids(checks.profile_makes_sense()) == ["musicgen_site.W003"]


def test_a_public_administration_that_a_password_alone_opens_is_warned_of(settings: Any) -> None:
    settings.SERVED_OVER_HTTPS, settings.STAFF_REQUIRE_SECOND_FACTOR = True, False
    assert ids(checks.profile_makes_sense()) == ["musicgen_site.W010"]


def test_https_without_a_named_proxy_is_warned_of(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert ids(checks.profile_makes_sense()) == ["musicgen_site.W004"]
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1/32")]
    assert ids(checks.profile_makes_sense()) == []


@pytest.mark.parametrize(
    ("runtime", "gpu", "expected"),
    [
        ("tensorflow", False, ["musicgen_site.W005"]),
        ("tensorflow", True, []),
        ("auto", False, []),
        ("litert", True, []),
    ],
)
def test_tensorflow_without_a_gpu_is_warned_of(
    settings: Any, monkeypatch: pytest.MonkeyPatch, runtime: str, gpu: bool, expected: list[str]
) -> None:
    settings.RUNTIME = runtime
    monkeypatch.setattr(checks, "has_gpu", lambda: gpu)
    assert ids(checks.runtime_fits_the_machine()) == expected
