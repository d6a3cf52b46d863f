"""A stranger cannot say where a request comes from, or that it came over https."""

from ipaddress import ip_network
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from musicgen_site.proxies import TrustedProxiesMiddleware


def pass_on(remote: str, **headers: str) -> HttpRequest:
    seen: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    TrustedProxiesMiddleware(view)(RequestFactory().get("/", REMOTE_ADDR=remote, headers=headers))
    return seen[0]


@pytest.mark.parametrize(("remote", "is_believed"), [("10.1.2.3", True), ("192.0.2.9", False), ("", False)])
def test_headers_of_strangers_are_forgotten(settings: Any, remote: str, is_believed: bool) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    request = pass_on(remote, X_Forwarded_Proto="https", X_Forwarded_For="203.0.113.1", Forwarded="for=203.0.113.1")
    assert request.is_secure() is is_believed
    assert ("X-Forwarded-For" in request.headers) is is_believed
    assert ("Forwarded" in request.headers) is is_believed


class TestRedirectLoops:
    """A site whose SITE_URL is https, and one answer of its process to a request over http."""

    @pytest.fixture(autouse=True)
    def https(self, settings: Any) -> None:
        settings.SECURE_SSL_REDIRECT = True
        settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        settings.ALLOWED_HOSTS = ["music.example.org"]

    def ask(self, remote: str, path: str = "/privacy/", client: Client | None = None, **headers: str) -> HttpResponse:
        headers = {"Host": "music.example.org", **headers}
        answer: Any = (client or Client()).get(path, headers=headers, REMOTE_ADDR=remote)
        return answer

    @pytest.mark.parametrize("path", ["/privacy/", "/api/v1/genres/"])
    def test_a_proxy_of_ours_that_does_not_say_how_the_request_came(self, path: str, caplog: Any) -> None:
        client = Client()
        for _ in range(2):
            response = self.ask("10.1.2.3", path, client)
            assert response.status_code == 500
            assert "without the header X-Forwarded-Proto" in response.content.decode()
            assert "10.1.2.3" in response.content.decode()
            assert response["Cache-Control"] == "no-store"
        assert caplog.text.count("Stopped a redirect loop") == 1, "once, not at each request"

    def test_a_proxy_that_is_not_among_the_trusted(self, settings: Any) -> None:
        for trusted in ([ip_network("10.0.0.0/8")], []):
            settings.TRUSTED_PROXIES = trusted
            response = self.ask("192.0.2.9", X_Forwarded_Proto="https")
            assert response.status_code == 500
            assert "TRUSTED_PROXIES does not include that address" in response.content.decode()

    def test_a_proxy_that_says_nothing_and_is_not_trusted_is_found_by_the_circle(self, settings: Any) -> None:
        settings.TRUSTED_PROXIES, browser = [], Client()
        answers = [self.ask("192.0.2.9", client=browser).status_code for _ in range(7)]
        assert answers == [301] * 5 + [500] * 2
        assert self.ask("192.0.2.9").status_code == 301, "another browser, which may come over http for once"

    def test_a_proxy_that_calls_every_request_http(self) -> None:
        browser = Client()
        answers = [self.ask("10.1.2.3", client=browser, X_Forwarded_Proto="http").status_code for _ in range(6)]
        assert answers == [301] * 5 + [500]

    @pytest.mark.django_db
    @pytest.mark.parametrize("said", ["https", "HTTPS", "https, http"])
    def test_a_proxy_that_says_https_is_served(self, said: str) -> None:
        assert self.ask("10.1.2.3", X_Forwarded_Proto=said).status_code == 200

    def test_http_is_redirected_once_and_keeps_its_question(self) -> None:
        response = self.ask("10.1.2.3", "/library/?q=a%20b", X_Forwarded_Proto="http")
        assert (response.status_code, response["Location"]) == (301, "https://music.example.org/library/?q=a%20b")

    @pytest.mark.django_db
    def test_the_health_of_the_process_is_asked_over_http(self) -> None:
        assert self.ask("10.1.2.3", "/healthz").status_code == 200

    @pytest.mark.django_db
    def test_without_the_redirect_nothing_is_looked_at(self, settings: Any) -> None:
        settings.SECURE_SSL_REDIRECT = False
        assert self.ask("10.1.2.3").status_code == 200

    @pytest.mark.parametrize("count", ["x", "9" * 50, "-1", "\xb2"])
    def test_a_count_that_is_none_is_not_believed(self, count: str) -> None:
        client = Client()
        client.cookies["https_redirects"] = count
        assert self.ask("192.0.2.9", client=client).status_code == 301
