"""Files that programs look for: icons, manifest, robots.txt, security.txt, and what a link to the site shows."""

import re
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site_settings
from django.contrib.staticfiles import finders
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from musicgen_site import env


def png_size(data: bytes) -> tuple[int, int]:
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def body(response: Any) -> bytes:
    return b"".join(response)


def test_icons_lie_where_browsers_look(client: Client) -> None:
    favicon = client.get("/favicon.ico")
    assert favicon.status_code == 200
    assert body(favicon).startswith(b"\0\0\1\0")
    touch = client.get("/apple-touch-icon.png")
    assert png_size(body(touch)) == (180, 180)


def test_the_manifest_names_icons_that_are_there(client: Client) -> None:
    response = client.get("/manifest.webmanifest")
    assert response["Content-Type"] == "application/manifest+json"
    manifest = response.json()
    assert manifest["name"] == "Musicgen" and manifest["start_url"] == "/"
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
    for icon in manifest["icons"]:
        size = "x".join(map(str, png_size(body(client.get(icon["src"])))))
        assert size == icon["sizes"]


@pytest.mark.parametrize(
    ("agent", "path", "is_open"),
    [
        ("Googlebot", "/", True), ("Googlebot", "/s/", False), ("Googlebot", "/api/", False),
        ("Googlebot", "/account/", False), ("Googlebot", "/privacy/", True), ("Twitterbot", "/s/", True),
        ("Twitterbot", "/account/", False),
    ],
)  # fmt: skip
def test_robots_are_kept_out_of_what_is_private(client: Client, agent: str, path: str, is_open: bool) -> None:
    from urllib.robotparser import RobotFileParser

    response = client.get("/robots.txt")
    assert response["Content-Type"].startswith("text/plain")
    rules = RobotFileParser()
    rules.parse(body(response).decode().splitlines())
    assert rules.can_fetch(agent, f"https://music.example.org{path}abc" if path != "/" else path) is is_open


@pytest.mark.django_db
def test_a_link_to_the_site_has_a_title_and_a_picture(client: Client, settings: Any) -> None:
    settings.SITE_URL = "https://music.example.org"
    page = client.get("/").content.decode()
    found = dict(re.findall(r'<meta (?:property|name)="([\w:-]+)" content="([^"]*)"', page))
    assert found["og:url"] == "https://music.example.org/"
    assert found["og:image"].startswith("https://music.example.org/static/img/card.")
    assert found["description"] and found["og:description"] and found["og:title"] == "Musicgen"
    card = Path(str(finders.find("img/card.png"))).read_bytes()
    assert png_size(card) == (int(found["og:image:width"]), int(found["og:image:height"]))
    assert len(card) <= 100_000
    assert set(re.findall(r'name="theme-color" content="(#\w+)" media="\(prefers-color-scheme: (\w+)\)"', page)) == {
        ("#f7f3ec", "light"), ("#14121a", "dark"),
    }  # fmt: skip
    assert page.count('rel="manifest"') == page.count('rel="apple-touch-icon"') == 1
    assert "og:image" not in client.get("/privacy/").content.decode()


class TestSecurityTxt:
    def test_it_names_the_contact_for_less_than_a_year(self, client: Client, settings: Any) -> None:
        settings.SECURITY_CONTACT, settings.SITE_URL = "mailto:security@example.org", "https://music.example.org"
        response = client.get("/.well-known/security.txt")
        assert response["Content-Type"] == "text/plain; charset=utf-8"
        fields = dict(line.split(": ", 1) for line in response.content.decode().splitlines())
        assert fields["Contact"] == "mailto:security@example.org"
        assert fields["Canonical"] == "https://music.example.org/.well-known/security.txt"
        left = datetime.fromisoformat(fields["Expires"]) - datetime.now(UTC)
        assert timedelta(days=30) < left < timedelta(days=365)

    @pytest.mark.django_db
    def test_without_a_contact_there_is_none(self, client: Client) -> None:
        assert site_settings.SECURITY_CONTACT == ""
        assert client.get("/.well-known/security.txt").status_code == 404

    @pytest.mark.parametrize(
        ("given", "meant"),
        [
            ("security@example.org", "mailto:security@example.org"),
            ("mailto:a@example.org", "mailto:a@example.org"),
            ("https://example.org/report", "https://example.org/report"),
            ("", ""),
        ],
    )
    def test_a_contact_is_an_address(self, monkeypatch: pytest.MonkeyPatch, given: str, meant: str) -> None:
        monkeypatch.setenv("A_SETTING", given)
        assert env.contact("A_SETTING") == meant

    @pytest.mark.parametrize("given", ["security", "http://example.org", "a@b@c", "https://a b", "x@y z"])
    def test_anything_else_is_refused(self, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
        monkeypatch.setenv("A_SETTING", given)
        with pytest.raises(ImproperlyConfigured, match="A_SETTING must be an email address"):
            env.contact("A_SETTING")
