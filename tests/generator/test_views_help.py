import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_the_help_page_leads_through_each_program(client: Client):
    response = client.get("/help/garageband/")
    assert response.status_code == 200
    page = response.content.decode()
    for wanted in (
        "GarageBand on a Mac",
        "GarageBand on an iPhone or iPad",
        "Logic Pro",
        "Ableton Live",
        "off the grid",
    ):
        assert wanted in page


def test_it_is_only_read(client: Client):
    assert client.post("/help/garageband/").status_code == 405
