"""Privacy, terms, contact: what comes with the site, and what the administration writes instead."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import SiteText, User
from accounts.pages import Block, blocks_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("slug", "word"), [("privacy", "cookie"), ("terms", "warranty"), ("contact", "admin area")])
def test_a_text_comes_with_the_site(client: Client, slug: str, word: str) -> None:
    SiteText.objects.all().delete()
    page = client.get(f"/{slug}/")
    assert page.status_code == 200
    assert word in page.content.decode()
    assert client.post(f"/{slug}/").status_code == 405


def test_numbers_of_days_come_from_the_settings(client: Client, settings: Any) -> None:
    SiteText.objects.all().delete()
    settings.GUEST_DAYS, settings.SECURITY_EVENT_DAYS = 1, 33
    text = client.get("/privacy/").content.decode()
    assert "It lasts 1 day after" in text and "We keep it for 33 days." in text
    assert "{" not in text.partition("<main")[2].partition("</main>")[0]


def test_every_page_leads_there(client: Client) -> None:
    text = client.get("/contact/").content.decode()
    assert all(f'href="/{slug}/"' in text for slug in ("privacy", "terms", "contact"))


def test_the_administration_writes_another(client: Client, carol: User) -> None:
    row, _ = SiteText.objects.get_or_create(slug="contact")
    client.force_login(carol)
    answer = client.post(f"/admin/accounts/sitetext/{row.pk}/change/", {"slug": "contact", "text": "Write to us."})
    assert answer.status_code == 302
    assert "Write to us." in client.get("/contact/").content.decode()
    client.post(f"/admin/accounts/sitetext/{row.pk}/change/", {"slug": "contact", "text": "  "})
    assert "contact details yet" in client.get("/contact/").content.decode()


def test_no_text_becomes_markup(client: Client) -> None:
    text = "## <b>Head</b>\n\n<script>alert(1)</script>\n\n- <i>x</i> https://example.org/?a=<b>\n\njavascript:alert(1)"
    SiteText.objects.update_or_create(slug="terms", defaults={"text": text})
    page = client.get("/terms/").content.decode()
    body = page[page.index("site-text") :]
    assert not [tag for tag in ("<b>", "<i>", "<script>alert") if tag in body.partition("</main>")[0]]
    assert "&lt;b&gt;Head&lt;/b&gt;" in page
    assert 'href="https://example.org/' in page
    assert 'href="javascript' not in page


def test_texts_are_read_as_blocks() -> None:
    assert blocks_of("one\ntwo\n\n## Head\nthree\n- a\n- b\n\n- c\n") == [
        Block("paragraph", ["one", "two"]),
        Block("heading", ["Head"]),
        Block("paragraph", ["three"]),
        Block("list", ["a", "b"]),
        Block("list", ["c"]),
    ]
    assert blocks_of("") == []
