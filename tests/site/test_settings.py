"""The settings module as a process with another environment sees it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

SECRET = "x" * 40


def start(tmp_path: Path, code: str = "settings.SECRET_KEY", **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a Python process that reads the settings and prints the value of an expression."""
    clean = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    # Empty values keep a .env of this checkout out.
    empty = dict.fromkeys(("SECRET_KEY", "ALLOWED_HOSTS", "DEBUG", "PORT", "SITE_URL"), "")
    return subprocess.run(
        [sys.executable, "-c", f"from django.conf import settings; print(({code}))"],
        cwd=settings.BASE_DIR,
        env={
            **clean,
            **empty,
            "DJANGO_SETTINGS_MODULE": "musicgen_site.settings",
            "VAR_DIR": str(tmp_path),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def value(tmp_path: Path, code: str, **environment: str) -> str:
    result = start(tmp_path, code, **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def sentence(tmp_path: Path, **environment: str) -> str:
    result = start(tmp_path, **environment)
    assert result.returncode != 0
    assert "ImproperlyConfigured" in result.stderr
    return result.stderr.splitlines()[-1]


def test_the_command_line_says_the_sentence_alone(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "manage.py", "run"],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "musicgen_site.settings", "PORT": "abc"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr == "Invalid settings: PORT must be a number. Received: 'abc'.\n"


def test_a_laptop_needs_no_environment(tmp_path: Path) -> None:
    assert value(tmp_path, "settings.DEBUG, settings.SITE_URL") == "(False, 'http://localhost:8000')"


@pytest.mark.parametrize("key", ["", "short", "insecure-key-for-one-laptop-only"])
def test_a_public_site_refuses_a_missing_or_weak_key(tmp_path: Path, key: str) -> None:
    said = sentence(tmp_path, ALLOWED_HOSTS="music.example.org", SECRET_KEY=key)
    assert "SECRET_KEY is missing or shorter than 32 characters" in said


@pytest.mark.parametrize(
    ("environment", "required"),
    [
        ({}, "False"),
        ({"SITE_URL": "https://music.example.org", "SECRET_KEY": SECRET}, "True"),
        ({"SITE_URL": "https://music.example.org", "SECRET_KEY": SECRET, "STAFF_REQUIRE_SECOND_FACTOR": "0"}, "False"),
        ({"STAFF_REQUIRE_SECOND_FACTOR": "1"}, "True"),
    ],
)
def test_staff_need_a_second_step_wherever_the_site_is_public(
    tmp_path: Path, environment: dict[str, str], required: str
) -> None:
    assert value(tmp_path, "settings.STAFF_REQUIRE_SECOND_FACTOR", **environment) == required


def test_a_public_site_over_https_protects_its_cookies(tmp_path: Path) -> None:
    code = "settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE, settings.SECURE_HSTS_SECONDS > 0"
    secure = value(
        tmp_path, code, ALLOWED_HOSTS="music.example.org", SECRET_KEY=SECRET, SITE_URL="https://music.example.org"
    )
    assert secure == "(True, True, True)"
    assert value(tmp_path, code) == "(False, False, False)"


def test_environment_chooses_postgresql_redis_and_s3(tmp_path: Path) -> None:
    code = (
        "settings.DATABASES['default']['ENGINE'], settings.CELERY_BROKER_URL, "
        "settings.STORAGES['default']['BACKEND'], settings.CELERY_BROKER_TRANSPORT_OPTIONS"
    )
    said = value(
        tmp_path,
        code,
        DATABASE_URL="postgresql://music@db/site",
        BROKER_URL="redis://cache:6379/0",
        S3_BUCKET="pieces",
        GENERATION_DEADLINE_SECONDS="7200",
    )
    assert "postgresql" in said
    assert "redis://cache:6379/0" in said
    assert "library.storage_s3.PrivateS3Storage" in said
    # Longer than the longest job, or Redis delivers it a second time while it runs.
    assert "'visibility_timeout': 14400" in said


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("DEBUG", "perhaps"),
        ("PORT", "99999"),
        ("BROKER_URL", "kafka://host"),
        ("DATABASE_URL", "oracle://host/name"),
        ("RUNTIME", "torch"),
        ("SITE_URL", "music.example.org"),
        ("ALLOWED_HOSTS", "https://music.example.org"),
        ("ALLOWED_HOSTS", "music.example.org:8000"),
        ("ALLOWED_HOSTS", "music.example.org/"),
        ("GUEST_SECONDS_PER_HOUR", "-1"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_value_stops_the_site_with_its_name(tmp_path: Path, name: str, wrong: str) -> None:
    assert name in sentence(tmp_path, **{name: wrong})


def test_the_host_of_the_site_is_allowed_where_no_hosts_are_named(tmp_path: Path) -> None:
    code = "settings.ALLOWED_HOSTS, settings.SERVES_OTHERS"
    said = value(tmp_path, code, SITE_URL="https://music.example.org", SECRET_KEY=SECRET)
    assert said == "(['localhost', '127.0.0.1', '[::1]', 'music.example.org'], True)"
    assert "SECRET_KEY is missing" in sentence(tmp_path, SITE_URL="https://music.example.org")
    assert value(tmp_path, code, SITE_URL="http://[::1]:8000") == "(['localhost', '127.0.0.1', '[::1]'], False)"


@pytest.mark.parametrize(("hosts", "is_there"), [("other.example.org", False), (".example.org", True), ("*", True)])
def test_hosts_that_lack_the_one_of_the_site_stop_it(tmp_path: Path, hosts: str, is_there: bool) -> None:
    given = {"SITE_URL": "https://music.example.org", "ALLOWED_HOSTS": hosts, "SECRET_KEY": SECRET}
    if is_there:
        assert value(tmp_path, "settings.SITE_HOST", **given) == "music.example.org"
    else:
        said = sentence(tmp_path, **given)
        assert "ALLOWED_HOSTS must include the host of SITE_URL, music.example.org" in said


def test_every_setting_of_the_environment_is_in_the_example() -> None:
    source = (Path(settings.BASE_DIR) / "musicgen_site" / "settings.py").read_text()
    names = set(re.findall(r"""env\.\w+\(\s*["']([A-Z0-9_]+)["']""", source))
    example = (Path(settings.BASE_DIR) / ".env.example").read_text()
    assert names
    assert names == set(re.findall(r"^#?([A-Z0-9_]+)=", example, re.MULTILINE))
