"""Everything that a page does can be done over the API too: a new form of a page fails here until it says where."""

from tests.site.who_may_see_what import TABLE

# What a page does with POST, and the address of the API that does the same, through the same service.
SAME = {
    "library:bulk": ["POST api:pieces-bulk", "POST api:collection-pieces"],
    "library:bulk-zip": ["POST api:pieces-zip"],
    "library:drafts-trash": ["POST api:drafts-trash"],
    "library:trash-empty": ["DELETE api:trash"],
    "library:undo": ["POST api:pieces-bulk"],
    "library:piece-edit": ["PATCH api:piece"],
    "library:piece-keep": ["POST api:piece-keep"],
    "library:piece-favourite": ["PUT api:piece-favourite"],
    "library:piece-rate": ["PUT api:piece-rating"],
    "library:piece-trash": ["POST api:piece-trash"],
    "library:piece-restore": ["POST api:piece-restore"],
    "library:piece-delete": ["DELETE api:piece"],
    "library:piece-audio": ["POST api:piece-audio", "GET api:piece-audio-list"],
    "library:piece-audio-cancel": ["DELETE api:piece-audio"],
    "library:upload": ["POST api:piece-upload"],
    "library:share-create": ["POST api:share-links"],
    "library:share-revoke": ["DELETE api:share-link"],
    "library:collections": ["POST api:collections"],
    "library:collection-edit": ["PATCH api:collection"],
    "library:collection-delete": ["DELETE api:collection"],
    "library:collection-order": ["PUT api:collection-pieces"],
    "library:collection-remove": ["DELETE api:collection-piece"],
    "generator:compose": ["POST api:generations"],
    "generator:compose-from": ["POST api:generations"],
    "generator:generation-cancel": ["POST api:generation-cancel"],
    "generator:generation-retry": ["POST api:generation-retry"],
    "generator:generation-delete": ["DELETE api:generation"],
    "accounts:exports": ["POST api:exports"],
    "accounts:export-stop": ["DELETE api:export"],
}
# What is read on pages beside what their forms belong to.
READ = {
    "library:pieces": ["GET api:pieces", "GET api:tags"],
    "library:piece": ["GET api:piece"],
    "library:piece-midi": ["GET api:piece-midi"],
    "library:piece-voices": ["GET api:piece-voices"],
    "library:piece-audio": ["GET api:piece-audio"],
    "library:trash": ["GET api:trash"],
    "library:collections": ["GET api:collections"],
    "library:collection": ["GET api:collection-pieces"],
    "generator:generations": ["GET api:generations"],
    "generator:generation": ["GET api:generation", "GET api:generation-notes"],
    "accounts:account": ["GET api:me"],
    "accounts:export-status": ["GET api:export"],
    "accounts:export-download": ["GET api:export-file"],
}
# A token that somebody else got hold of must not take the account over. A shared page is for whoever has its link.
NOT_OVER_THE_API = ("account_", "accounts:", "mfa_", "library:shared-")


def rows() -> set[tuple[str, str]]:
    lines = [line.split() for line in TABLE.splitlines() if line and not line.startswith("#")]
    return {(method, name) for method, name, *_ in lines}


def test_whatever_a_page_does_the_api_does() -> None:
    forms = {name for method, name in rows() if method == "POST" and not name.startswith("api:")}
    assert {name for name in forms if not name.startswith(NOT_OVER_THE_API)} <= set(SAME)
    assert set(SAME) <= forms


def test_the_addresses_are_there() -> None:
    there = {f"{method} {name}" for method, name in rows()}
    assert {f"GET {name}" for name in READ} <= there
    assert {address for found in (SAME, READ) for addresses in found.values() for address in addresses} <= there
