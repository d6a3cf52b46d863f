"""The pages for what goes wrong look like the rest of the site and name the way out."""

from collections.abc import Callable

import pytest
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path


def _raises(error: Exception) -> Callable[[HttpRequest], HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        raise error

    return view


urlpatterns = [
    path("bad/", _raises(BadRequest())),
    path("denied/", _raises(PermissionDenied())),
    path("broken/", _raises(RuntimeError("secret detail"))),
    path("", include("musicgen_site.urls")),
]


@pytest.mark.django_db
@pytest.mark.urls("tests.generator.test_views_errors")
@pytest.mark.parametrize(
    ("address", "status"), [("/bad/", 400), ("/denied/", 403), ("/nowhere/", 404), ("/broken/", 500)]
)
def test_each_error_has_a_page_with_the_way_back(client: Client, address: str, status: int):
    client.raise_request_exception = False
    response = client.get(address)
    assert response.status_code == status
    page = response.content.decode()
    assert 'href="/"' in page
    assert "Musicgen" in page
    assert "secret detail" not in page
