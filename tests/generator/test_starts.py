"""Pieces that start from a file or from another piece."""

import errno
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from generator.engine.midi import write_midi
from generator.models import Generation
from generator.services import clean_up, generation_create
from generator.services.primers import MAX_PRIMER_BYTES
from library.models import Piece
from tests import factories
from tests.generator.conftest import Outbox
from tests.manifests import band_manifest
from tests.music import GRAND_PIANO, scale
from tests.stored import empty_stored, stored_names

pytestmark = pytest.mark.django_db

URL = "/api/v1/generations/"
MIDI = write_midi(scale(64), [GRAND_PIANO], title="Mine")
WISH = {"genre": "rock", "ensemble": "trio", "length_seconds": "0:30"}


@pytest.fixture(autouse=True)
def rock(outbox: Outbox, db: None) -> Any:
    return factories.make_genre_model(
        factories.make_genre("rock", with_model=False), active=True, manifest=band_manifest().as_dict()
    )


def upload(client: Client, midi: bytes = MIDI, **fields: Any) -> Any:
    return client.post(URL, {**WISH, "primer": SimpleUploadedFile("my song.mid", midi), **fields})


def ask(client: Client, **fields: Any) -> Any:
    return client.post(URL, json.dumps(fields), content_type="application/json")


def content(generation: Generation) -> bytes:
    with generation.primer.open("rb") as stored:
        return bytes(stored.read())


class TestFiles:
    def test_a_file_is_kept_with_its_job(self, client: Client) -> None:
        response = upload(client, voices_off=["bass", "rhythm"], style="", starting_note="", bars="")
        assert response.status_code == 201, response.content
        data = response.json()
        assert (data["kind"], data["has_primer"], data["keep_primer"]) == ("new", True, True)
        assert data["params"]["voices_off"] == ["bass", "rhythm"]
        generation = Generation.objects.get()
        assert generation.start == Generation.Start.FILE
        assert content(generation) == MIDI
        assert generation.primer.name == f"primers/{generation.pk.hex[:2]}/{generation.pk}.mid"

    @pytest.mark.parametrize(("sent", "kept"), [("false", False), ("on", True), ("true", True)])
    def test_the_result_keeps_it_or_leaves_it_out(self, client: Client, sent: str, kept: bool) -> None:
        assert upload(client, keep_primer=sent).json()["keep_primer"] is kept

    @pytest.mark.parametrize("midi", [b"", b"no MIDI", MIDI[:40], MIDI + b"x" * MAX_PRIMER_BYTES])
    def test_what_is_no_start_is_told_beside_the_field(self, client: Client, midi: bytes) -> None:
        response = upload(client, midi)
        assert response.status_code == 400
        assert list(response.json()["errors"]) == ["primer"]
        (sentence,) = response.json()["errors"]["primer"]
        assert sentence.endswith(".")
        assert not Generation.objects.exists()
        assert not files_of_primers()

    def test_a_model_that_cannot_start_from_a_file_says_so(self, client: Client) -> None:
        plain = band_manifest().as_dict()
        plain["controls"]["start"] = None
        genre = factories.make_genre("plain", with_model=False)
        factories.make_genre_model(genre, active=True, manifest={**plain, "genre": "plain"})
        response = upload(client, genre="plain")
        assert (response.status_code, list(response.json()["errors"])) == (400, ["primer"])

    def test_a_job_over_the_limits_leaves_no_file(self, client: Client, settings: Any) -> None:
        settings.GUEST_SECONDS_PER_HOUR = 40
        assert upload(client).status_code == 201
        before = files_of_primers()
        assert upload(client).status_code == 429
        assert files_of_primers() == before

    def test_a_row_that_cannot_be_written_leaves_no_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*args: Any, **kwargs: Any) -> None:
            raise RuntimeError("no row")

        monkeypatch.setattr(Generation, "save", fail)
        with pytest.raises(RuntimeError):
            generation_create(
                owner=factories.guest(), genre_slug="rock", params={}, form_token=None, primer=MIDI, keep_primer=True
            )
        assert not files_of_primers()

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            (b"no form at all", "multipart/form-data; boundary=x"),
            (b"--x", "multipart/form-data"),
            (
                b"".join(
                    b'--x\r\nContent-Disposition: form-data; name="f%d"; filename="f"\r\n\r\n1\r\n' % n
                    for n in range(9)
                )
                + b"--x--\r\n",
                "multipart/form-data; boundary=x",
            ),
            (
                b"".join(b'--x\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n' % n for n in range(1500))
                + b"--x--\r\n",
                "multipart/form-data; boundary=x",
            ),
        ],
        ids=["no form", "no boundary", "many files", "many fields"],
    )
    @pytest.mark.parametrize("enforce_csrf_checks", [False, True])
    def test_a_form_that_cannot_be_read_is_answered_in_json(
        self, body: bytes, content_type: str, enforce_csrf_checks: bool
    ) -> None:
        response = Client(enforce_csrf_checks=enforce_csrf_checks).generic("POST", URL, body, content_type)
        assert response.status_code in (400, 403)
        assert response["Content-Type"] == "application/problem+json"
        assert response.json()["detail"].endswith(".")
        assert not Generation.objects.exists()

    def test_a_file_that_cannot_be_stored_is_told(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        def disk_full(*args: Any, **kwargs: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(default_storage, "save", disk_full)
        response = upload(client)
        assert (response.status_code, list(response.json()["errors"])) == (400, ["primer"])
        assert "could not be stored" in response.json()["errors"]["primer"][0]
        assert not Generation.objects.exists()

    def test_it_goes_with_its_job(self, client: Client) -> None:
        upload(client)
        kept = factories.make_succeeded_generation(primer=Generation.objects.get().primer.name)
        old = timezone.now() - timedelta(days=40)
        Generation.objects.exclude(pk=kept.pk).update(status="failed", finished_at=old)
        Generation.objects.filter(pk=kept.pk).update(finished_at=old, primer="primers/kept.mid")
        default_storage.save("primers/kept.mid", io.BytesIO(MIDI))
        clean_up()
        assert list(Generation.objects.all()) == [kept]
        assert files_of_primers() == ["kept.mid"]


class TestPieces:
    @pytest.fixture
    def piece(self) -> Piece:
        """Made with controls, by the guest of the client."""
        params = {"ensemble": "trio", "length_seconds": 60.0, "temperature": 1.2, "top_p": 1.0, "key": "D minor"}
        piece = factories.make_piece(
            midi=MIDI, genre="rock", ensemble="trio", params={**params, "adventurousness": "wild"}, length_seconds=59.5
        )
        factories.make_succeeded_generation(piece=piece, genre_model=None, params=piece.params)
        return piece

    def test_another_like_it_has_its_params_and_a_new_seed(self, guest_client: Client, piece: Piece) -> None:
        data = ask(guest_client, source=str(piece.pk), kind="another").json()
        assert (data["kind"], data["source"], data["genre"]) == ("another", str(piece.pk), "rock")
        assert data["params"] == piece.params
        assert data["seed"] != piece.seed
        assert not data["has_primer"]

    def test_it_is_continued_from_a_copy_of_its_file(self, guest_client: Client, piece: Piece) -> None:
        data = ask(guest_client, source=str(piece.pk), kind="continue", length_seconds=30).json()
        assert (data["params"]["length_seconds"], data["params"]["key"]) == (30, "D minor")
        assert data["length_seconds"] == 30 + 16, "the music of its file is kept and 30 seconds come on top"
        generation = Generation.objects.get(pk=data["id"])
        assert (generation.start, generation.keep_primer) == (Generation.Start.CONTINUE, True)
        piece.delete()
        assert content(generation) == MIDI
        generation.refresh_from_db()
        assert generation.source_piece is None

    def test_a_variation_begins_as_it_does(self, guest_client: Client, piece: Piece) -> None:
        data = ask(guest_client, source=str(piece.pk), kind="vary", takes=3).json()
        assert (data["kind"], data["takes_asked"], data["length_seconds"]) == ("vary", 3, 60)
        assert Generation.objects.get(pk=data["id"]).start == Generation.Start.VARY

    def test_another_like_one_that_began_with_a_file_begins_with_it(self, guest_client: Client) -> None:
        made = Generation.objects.get(pk=upload(guest_client, keep_primer="false").json()["id"])
        piece = factories.make_piece(genre="rock", params=made.params)
        made.takes.create(index=0, seed=1, piece=piece)
        Generation.objects.update(status="succeeded")
        again = Generation.objects.get(pk=ask(guest_client, source=str(piece.pk), kind="another").json()["id"])
        assert (again.start, again.keep_primer, content(again)) == (Generation.Start.FILE, False, MIDI)
        assert again.primer.name != made.primer.name

    def test_what_is_named_counts_before_what_the_piece_had(self, guest_client: Client, piece: Piece) -> None:
        params = ask(guest_client, source=str(piece.pk), kind="another", bars=8, adventurousness="tame", key="").json()[
            "params"
        ]
        assert (params["bars"], params["length_seconds"], params["temperature"]) == (8, 16, 0.8)
        assert "key" not in params

    def test_everyone_may_start_from_an_example(self, client: Client, piece: Piece) -> None:
        Piece.objects.update(is_example=True, guest_key="")
        assert ask(client, source=str(piece.pk), kind="vary").status_code == 201

    def test_a_piece_of_somebody_else_is_no_start(self, client: Client, bob: Any, piece: Piece) -> None:
        for user in (None, bob):
            if user:
                client.force_login(user)
            response = ask(client, source=str(piece.pk), kind="another")
            assert response.status_code == 400
            assert response.json()["errors"] == {"source": ["There is no such piece, or it is not yours."]}

    @pytest.mark.parametrize(
        ("fields", "field"),
        [({}, "kind"), ({"kind": "new"}, "kind"), ({"kind": "another", "qpm": 1}, "qpm")],
    )
    def test_what_is_wrong_is_named(self, guest_client: Client, piece: Piece, fields: Any, field: str) -> None:
        response = ask(guest_client, source=str(piece.pk), **fields)
        assert (response.status_code, list(response.json()["errors"])) == (400, [field])

    def test_a_piece_and_a_file_are_too_much(self, guest_client: Client, piece: Piece) -> None:
        response = upload(guest_client, source=str(piece.pk), kind="vary")
        assert (response.status_code, list(response.json()["errors"])) == (400, ["primer"])

    def test_what_the_model_offers_no_more_is_told_of_the_piece(self, guest_client: Client, piece: Piece) -> None:
        piece.params["style"] = "polka"
        piece.save()
        response = ask(guest_client, source=str(piece.pk), kind="another")
        assert (response.status_code, list(response.json()["errors"])) == (400, ["source"])

    def test_an_old_piece_without_params_can_be_asked_for_again(self, guest_client: Client, piece: Piece) -> None:
        Piece.objects.update(params={})
        params = ask(guest_client, source=str(piece.pk), kind="another").json()["params"]
        assert (params["ensemble"], params["temperature"]) == ("trio", 1.0)

    def test_a_file_that_is_gone_is_told(self, piece: Piece) -> None:
        default_storage.delete(str(piece.midi.name))
        with pytest.raises(ValidationError) as caught:
            generation_create(
                owner=factories.guest(), params={}, form_token=None, source=piece, kind=Piece.Kind.CONTINUE
            )
        assert list(caught.value.message_dict) == ["source"]


def files_of_primers() -> list[str]:
    return sorted(name.rpartition("/")[2] for name in stored_names("primers"))


@pytest.fixture(autouse=True)
def no_primers() -> Any:
    yield
    empty_stored("primers")
