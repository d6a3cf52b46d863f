"""What Chromium makes of the headers that come with every answer."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_chromium_knows_every_word_of_the_policy_and_reads_the_manifest(
    make_page: Callable[..., Page], live_server
) -> None:
    """It writes a line into the console about each word that it does not know."""
    page = make_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{live_server.url}/privacy/")
    assert said == []
    assert page.evaluate("document.featurePolicy.allowsFeature('camera')") is False
    assert page.evaluate("document.featurePolicy.allowsFeature('autoplay')") is True
    manifest = page.context.new_cdp_session(page).send("Page.getAppManifest")
    assert manifest["url"].endswith("/manifest.webmanifest")
    assert manifest["errors"] == []
    assert "icon-512" in manifest["data"]
