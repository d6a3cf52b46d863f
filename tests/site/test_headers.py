"""What a browser is told with every answer."""

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import User
from library.models import ShareLink
from tests import factories

PATHS = [
    "/",
    "/privacy/",
    "/api/v1/genres/",
    "/healthz",
    "/nothing",
    "/static/js/theme.js",
    "/robots.txt",
    "/admin/login/",
]


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
def test_every_answer_turns_off_what_no_page_uses_and_stays_on_this_site(client: Client, path: str) -> None:
    response = client.get(path)
    assert "camera=()" in response["Permissions-Policy"]
    assert "publickey-credentials-get=(self)" in response["Permissions-Policy"]
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in response
    if not path.startswith(("/static/", "/robots")):
        assert response["Cross-Origin-Opener-Policy"] == "same-origin"
        assert response["Referrer-Policy"] == "same-origin"


@pytest.mark.django_db
def test_pictures_for_messages_may_be_shown_elsewhere(client: Client, alice: User) -> None:
    link = ShareLink.objects.create(piece=factories.make_piece(factories.member(alice)))
    for path in (f"/s/{link.token}/picture.png", "/static/img/card.png"):
        assert client.get(path)["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert client.get(f"/s/{link.token}/")["Cross-Origin-Resource-Policy"] == "same-origin"


def test_the_policy_of_the_page_lets_the_manifest_in() -> None:
    assert settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]["manifest-src"] == ["'self'"]
