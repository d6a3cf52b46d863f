"""Passkeys: the ceremony with a software authenticator of our own, and everything that is no passkey."""

import hashlib
import json
import os
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

from accounts.models import User
from library.models import Piece
from tests import factories

pytestmark = pytest.mark.django_db

URL = "/account/passkeys/"
ORIGIN = "http://localhost"


class Key:
    """A key that signs as a phone would."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        self.id = os.urandom(16)
        self.user_handle = b""

    def create(self, options: dict[str, Any], origin: str = ORIGIN) -> dict[str, Any]:
        self.user_handle = websafe_decode(options["user"]["id"])
        public = ES256.from_cryptography_key(self._private.public_key())
        credential = AttestedCredentialData.create(b"\0" * 16, self.id, public)
        flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV | AuthenticatorData.FLAG.AT
        data = AuthenticatorData.create(_hash(b"localhost"), flags, 0, credential)
        client = CollectedClientData.create("webauthn.create", options["challenge"], origin)
        response = {
            "clientDataJSON": websafe_encode(client),
            "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
        }
        return self._answer(response)

    def get(self, options: dict[str, Any], origin: str = ORIGIN, *, verified: bool = True) -> dict[str, Any]:
        flags = AuthenticatorData.FLAG.UP | (AuthenticatorData.FLAG.UV if verified else 0)
        data = AuthenticatorData.create(_hash(b"localhost"), flags, 1)
        client = CollectedClientData.create("webauthn.get", options["challenge"], origin)
        signature = self._private.sign(data + client.hash, ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": websafe_encode(client),
            "authenticatorData": websafe_encode(data),
            "signature": websafe_encode(signature),
            "userHandle": websafe_encode(self.user_handle),
        }
        return self._answer(response)

    def _answer(self, response: dict[str, str]) -> dict[str, Any]:
        name = websafe_encode(self.id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}}


def _hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


@pytest.fixture
def here(alice: User) -> Client:
    """Alice's browser at the address where passkeys work, the password just given once more."""
    client = Client(HTTP_HOST="localhost")
    client.post("/account/login/", {"login": "alice", "password": "secret-enough"})
    client.post(f"/account/again/?next={URL}", {"password": "secret-enough"})
    return client


@pytest.fixture
def key(here: Client) -> Key:
    key = Key()
    options = here.get(f"{URL}options/").json()["publicKey"]
    answer = here.post(URL, {"name": "My phone", "credential": json.dumps(key.create(options))})
    assert answer.status_code == 302, answer.context["form"].errors
    return key


def sign_in(client: Client, key: Key, **fields: Any) -> Any:
    options = client.get(f"{URL}login/").json()["publicKey"]
    found = key.get(options, **{name: fields.pop(name) for name in ("origin", "verified") if name in fields})
    return client.post(f"{URL}login/", {"credential": json.dumps(found), **fields})


def test_a_passkey_is_made_and_signs_in(key: Key, here: Client, alice: User) -> None:
    assert "My phone" in here.get(URL).content.decode()
    visitor = Client(HTTP_HOST="localhost")
    session = visitor.session
    session["guest_key"] = "guest-alice"
    session.save()
    visitor.cookies["sessionid"] = str(session.session_key)
    factories.make_piece(factories.guest())
    assert sign_in(visitor, key, next="/recent/")["Location"] == "/recent/"
    assert visitor.get("/account/").status_code == 200
    assert Piece.objects.get().owner == alice


def test_one_too_many_is_refused_in_a_sentence(
    key: Key, here: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page offers none then; a script may still send one."""
    monkeypatch.setattr("accounts.passkey_views.MAX_PASSKEYS", 1)
    options = here.get(f"{URL}options/").json()["publicKey"]
    refused = here.post(URL, {"name": "Another", "credential": json.dumps(Key().create(options))})
    assert refused.status_code == 422
    assert "You already have 1 passkeys. Remove one you no longer use." in refused.content.decode()
    assert Authenticator.objects.filter(user=alice).count() == 1


def test_a_browser_is_asked_for_a_key_that_knows_its_owner(here: Client) -> None:
    chosen = here.get(f"{URL}options/").json()["publicKey"]["authenticatorSelection"]
    assert (chosen["residentKey"], chosen["userVerification"]) == ("required", "required")
    assert here.get(f"{URL}login/").json()["publicKey"]["userVerification"] == "required"


def test_the_password_goes_on_working_alone(key: Key) -> None:
    visitor = Client(HTTP_HOST="localhost")
    visitor.post("/account/login/", {"login": "alice", "password": "secret-enough"})
    assert visitor.get("/account/").status_code == 200


@pytest.mark.parametrize("fields", [{"origin": "https://elsewhere.example"}, {"verified": False}])
def test_what_was_signed_elsewhere_or_by_nobody_opens_nothing(key: Key, fields: dict[str, Any]) -> None:
    visitor = Client(HTTP_HOST="localhost")
    assert sign_in(visitor, key, **fields)["Location"] == "/account/login/"
    assert visitor.get("/account/").status_code == 302


def test_an_answer_is_good_once(key: Key) -> None:
    visitor, thief = Client(HTTP_HOST="localhost"), Client(HTTP_HOST="localhost")
    options = visitor.get(f"{URL}login/").json()["publicKey"]
    found = {"credential": json.dumps(key.get(options))}
    thief.get(f"{URL}login/")
    assert thief.post(f"{URL}login/", found)["Location"] == "/account/login/"
    assert visitor.post(f"{URL}login/", found)["Location"] == "/account/"


@pytest.mark.parametrize(
    "credential",
    ["", "nonsense", "null", "[]", "7", "{}", '{"response": 1}', '{"id": "x", "rawId": "x", "response": {}}', '"x"'],
)
def test_what_is_no_passkey_is_refused_in_a_sentence(here: Client, credential: str) -> None:
    here.get(f"{URL}options/")
    assert here.post(URL, {"name": "x", "credential": credential}).status_code == 422
    visitor = Client(HTTP_HOST="localhost")
    visitor.get(f"{URL}login/")
    assert visitor.post(f"{URL}login/", {"credential": credential})["Location"] == "/account/login/"
    assert not Authenticator.objects.exists()


def test_a_removed_passkey_opens_nothing(key: Key, here: Client) -> None:
    row = Authenticator.objects.get()
    assert here.post(f"{URL}{row.pk}/remove/")["Location"] == URL
    assert sign_in(Client(HTTP_HOST="localhost"), key)["Location"] == "/account/login/"
    assert here.post(f"{URL}{row.pk}/remove/").status_code == 404


def test_anothers_passkey_cannot_be_removed(key: Key, bobs: Client) -> None:
    assert bobs.post(f"{URL}{Authenticator.objects.get().pk}/remove/").status_code == 404
    assert Authenticator.objects.exists()


def test_to_begin_with_the_password_is_asked_for(here: Client) -> None:
    session = here.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 3600
    session.save()
    assert here.get(f"{URL}options/").status_code == 302
    answer = here.get(URL)
    assert answer["Location"].startswith("/account/again/")
    assert here.post(answer["Location"], {"password": "wrong"}).status_code == 422
    assert here.post(answer["Location"], {"password": "secret-enough"})["Location"] == URL
    assert here.get(URL).status_code == 200


@pytest.mark.parametrize(
    ("method", "url"), [("get", URL), ("post", URL), ("get", f"{URL}options/"), ("post", f"{URL}1/remove/")]
)
def test_a_guest_is_asked_to_sign_in(client: Client, method: str, url: str) -> None:
    assert getattr(client, method)(url)["Location"].startswith("/account/login/?next=")


@pytest.mark.parametrize(
    ("method", "url"), [("put", URL), ("post", f"{URL}options/"), ("get", f"{URL}1/remove/"), ("put", f"{URL}login/")]
)
def test_other_methods_are_refused(alices: Client, method: str, url: str) -> None:
    assert getattr(alices, method)(url).status_code == 405


def test_a_closed_account_is_offered_back(key: Key, here: Client) -> None:
    here.post("/account/delete/", {"password": "secret-enough"})
    assert sign_in(Client(HTTP_HOST="localhost"), key)["Location"] == "/account/restore/"
