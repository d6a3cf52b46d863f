"""What pages and the API say is so: lengths, tempos, keys, names, numbers of notes, days, and a silent worker."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.days import kept_days
from accounts.pages import default_text
from generator.engine.beats import bars_of_file
from generator.engine.midi import write_midi
from generator.engine.music import Voice
from generator.engine.primers import continuation_of, continued_seconds
from generator.history import settings_in_words
from generator.models import WORKER_ALIVE_SECONDS, Generation, WorkerBeat
from generator.services.judging import claimed_key, sentences_of
from generator.services.primers import primer_load
from generator.titles import piece_title, title_after
from library.models import Piece
from library.rows import row_of
from library.templatetags.music import clock
from tests import factories
from tests.generator.conftest import Outbox
from tests.manifests import band_manifest, piano_manifest
from tests.music import GRAND_PIANO, notes, scale

URL = "/api/v1/generations/"
BAND = band_manifest()


def band_midi(qpm: float, bars: int = 8, *, closing: bool = False) -> bytes:
    """A bass in quarters; `closing` adds a last note alone in a bar of its own."""
    beat = 60 / qpm
    rows = [(36 + i % 5, 90, i * beat, (i + 1) * beat) for i in range(4 * bars)]
    rows += [(36, 90, 4 * bars * beat, (4 * bars + 1) * beat)] if closing else []
    return write_midi(notes(*rows), [Voice("Bass", 33, part="bass")], qpm=qpm, title="Mine")


@pytest.fixture
def rock(outbox: Outbox, db: None) -> Any:
    genre = factories.make_genre("rock", with_model=False)
    return factories.make_genre_model(genre, active=True, manifest=BAND.as_dict())


class TestLengths:
    @pytest.mark.parametrize(("seconds", "said"), [(52.5, "0:53"), (51.5, "0:52"), (52.49, "0:52"), (0.5, "0:01")])
    def test_halves_are_rounded_up_as_scripts_do(self, seconds: float, said: str) -> None:
        assert clock(seconds) == said

    @pytest.mark.django_db
    def test_a_list_hands_the_player_the_length_itself(self) -> None:
        piece = factories.make_piece(length_seconds=52.4960001)
        assert float(row_of(piece)["seconds"]) == 52.4960001, "rounded twice, 0:52 becomes 0:53"

    @pytest.mark.parametrize("qpm", [72.0, 100.0, 140.0, 181.5])
    @pytest.mark.parametrize("closing", [False, True])
    def test_the_page_reads_a_file_as_the_worker_does(self, qpm: float, closing: bool) -> None:
        midi = band_midi(qpm, closing=closing)
        found, primer = bars_of_file(midi, BAND), continuation_of(midi, BAND, "full-band")
        assert found
        assert found.qpm == primer.qpm
        assert found.continued_seconds == pytest.approx(primer.kept_seconds)

    def test_so_it_does_where_there_is_no_grid(self) -> None:
        midi, piano = write_midi(scale(48), [GRAND_PIANO], title="Mine"), piano_manifest()
        kept = continuation_of(midi, piano, "grand-piano").kept_seconds
        assert continued_seconds(midi, piano, "grand-piano") == pytest.approx(kept)

    @pytest.mark.django_db
    def test_bars_last_as_long_as_the_tempo_of_the_file_makes_them(self, client: Client, rock: Any) -> None:
        sent: dict[str, Any] = {"genre": "rock", "ensemble": "full-band", "bars": "16"}
        sent["primer"] = SimpleUploadedFile("mine.mid", band_midi(140))
        data = client.post(URL, sent).json()
        assert data["length_seconds"] == pytest.approx(16 * 4 * 60 / 140)
        assert clock(data["length_seconds"]) == "0:27"

    @pytest.mark.django_db
    def test_a_piece_that_goes_on_is_announced_with_its_own_tempo(self, guest_client: Client, rock: Any) -> None:
        params = {"ensemble": "full-band", "bars": 16, "length_seconds": 32, "temperature": 1.0, "top_p": 0.95}
        source = factories.make_piece(
            genre="rock", midi=band_midi(140, 16, closing=True), qpm=140.0, params=params, length_seconds=28.2
        )
        body = json.dumps({"source": str(source.pk), "kind": "continue"})
        data = guest_client.post(URL, body, content_type="application/json").json()
        assert data["length_seconds"] == pytest.approx(32 * 4 * 60 / 140), "16 bars of each, no closing bar between"


class TestKeys:
    def test_one_function_names_a_key_for_people(self) -> None:
        title = piece_title("piano", "Piano", 1, key="Eb major")
        assert title.endswith(" in E♭ major")
        assert "E♭ minor" in title_after("X: Prelude in Eb minor", "vary", key="Eb minor")

    @pytest.mark.parametrize(
        ("before", "key", "qpm", "after"),
        [
            ("Tidal Moon: Prelude in D major", "A major", None, "Tidal Moon: Prelude in A major, varied"),
            ("Tidal Moon: Prelude in D major, varied", "A minor", None, "Tidal Moon: Prelude in A minor, varied 2"),
            ("Tidal Moon: Prelude in E♭ major", "", None, "Tidal Moon: Prelude, varied"),
            ("Iron Gate: Funk groove at 104 BPM", "", 96.0, "Iron Gate: Funk groove at 96 BPM, varied"),
            ("My own song", "A major", None, "My own song, varied"),
        ],
    )
    def test_a_title_claims_the_key_of_its_own_notes(
        self, before: str, key: str, qpm: float | None, after: str
    ) -> None:
        assert title_after(before, "vary", key=key, qpm=qpm) == after

    def test_a_key_that_the_notes_do_not_keep_to_is_not_claimed(self) -> None:
        assert claimed_key({"figures": {"key_agreement": 0.62}}, "D major") == ""
        assert claimed_key({"figures": {"key_agreement": 0.91}}, "D major") == "D major"

    @pytest.mark.django_db
    def test_a_variation_stays_in_the_key_of_its_source(self) -> None:
        generation = factories.make_generation(
            start="vary", kind="vary", params={"ensemble": "full-band", "length_seconds": 30}, length_seconds=30.0
        )
        generation.primer.save("start.mid", ContentFile(band_midi(120)))
        primer = primer_load(generation, BAND, source_key="D major")
        assert primer
        assert primer.key == "D major"


class TestNotes:
    def test_a_number_that_is_not_of_the_whole_piece_says_so(self) -> None:
        from generator.engine.critic import judge

        facts = judge(scale(32), [GRAND_PIANO], 8.0).facts
        assert sentences_of(facts, is_known=False)[0].startswith("32 notes, ")
        assert sentences_of(facts, is_known=False, is_all=False)[0].startswith("32 new notes, ")


@pytest.mark.django_db
class TestWorkers:
    def silent(self, **fields: Any) -> Generation:
        beat = timezone.now() - timedelta(seconds=WORKER_ALIVE_SECONDS + 1)
        return factories.make_generation(status="running", heartbeat_at=beat, worker_id="frozen", **fields)

    def test_one_that_stopped_answering_is_named(self, guest_client: Client) -> None:
        WorkerBeat.objects.create(worker_id="other", hostname="h", pid=1)
        generation = self.silent()
        said = "The worker stopped responding. Your piece will restart in a moment."
        assert guest_client.get(f"{URL}{generation.pk}/").json()["message"] == said
        assert guest_client.get(f"{URL}{generation.pk}/notes/").json()["message"] == said
        assert said in guest_client.get(f"/generations/{generation.pk}/").content.decode()

    def test_without_another_one_nothing_is_promised_for_the_moment(self, guest_client: Client) -> None:
        message = guest_client.get(f"{URL}{self.silent(takes_asked=2).pk}/").json()["message"]
        assert message == "The worker stopped responding. Your takes will restart as soon as a worker is running."

    def test_one_that_writes_is_not(self, guest_client: Client) -> None:
        generation = factories.make_generation(status="running", heartbeat_at=timezone.now(), seconds_composed=4.0)
        assert guest_client.get(f"{URL}{generation.pk}/").json()["message"] == "0:04 of 0:15 composed."


@pytest.mark.django_db
class TestKeeping:
    def test_each_reads_how_long_their_own_are_kept(self, client: Client, settings: Any) -> None:
        settings.GUEST_DAYS, settings.DRAFT_DAYS = 11, 23
        factories.make_genre()
        assert "deleted after 11 days" in client.get("/").content.decode()
        client.force_login(factories.make_user())
        page = client.get("/").content.decode()
        assert "Drafts are deleted after 23 days unless you keep them." in page
        assert "in this browser" not in page

    def test_a_guest_saves_with_an_account_where_a_member_keeps(self, guest_client: Client) -> None:
        generation = factories.make_generation(status="succeeded", takes_asked=2)
        pieces = [factories.make_piece(is_draft=True, expires_at=timezone.now()) for _ in range(2)]
        for index, piece in enumerate(pieces):
            generation.takes.create(index=index, seed=1, rank=index + 1, piece=piece)
        page = guest_client.get(f"/generations/{generation.pk}/").content.decode()
        assert f"keep={pieces[0].pk}" in page
        assert not re.search(r"<button[^>]*>Keep\b", page)
        user = factories.make_user()
        Generation.objects.update(owner=user, guest_key="")
        Piece.objects.update(owner=user, guest_key="")
        guest_client.force_login(user)
        page = guest_client.get(f"/generations/{generation.pk}/").content.decode()
        assert len(re.findall(r"<button[^>]*>Keep\b", page)) == 2

    @pytest.mark.parametrize(
        ("name", "words"),
        [("GUEST_DAYS", "lasts 41 days"), ("TRASH_DAYS", "deleted pieces for 41 days"),
         ("GENERATION_DAYS", "requests for 41 days"),
         ("ACCOUNT_DELETION_DAYS", "41 days later it is deleted"), ("CLIENT_HASH_DAYS", "delete it after 41 days")],
    )  # fmt: skip
    def test_the_text_on_privacy_names_the_days_of_the_settings(self, settings: Any, name: str, words: str) -> None:
        setattr(settings, name, 41)
        assert words in default_text("privacy")
        assert "{" not in default_text("privacy")
        assert "41 days" in kept_days().values()

    def test_pages_name_the_days_of_the_settings(self, client: Client, settings: Any) -> None:
        settings.GUEST_DAYS = settings.ACCOUNT_DELETION_DAYS = settings.DATA_EXPORT_DAYS = 42
        assert "42 days" in client.get("/nothing-here/").content.decode()
        client.force_login(factories.make_user())
        assert "42 days" in client.get("/account/export/").content.decode()


@pytest.mark.django_db
class TestNames:
    def test_takes_are_called_as_they_are_in_every_list(self, guest_client: Client) -> None:
        generation = factories.make_generation(status="succeeded", takes_asked=2)
        titles = ["Tidal Moon: Prelude", "Copper River: Prelude"]
        for index, title in enumerate(titles):
            generation.takes.create(index=index, seed=1, rank=index + 1, piece=factories.make_piece(title=title))
        page = guest_client.get(f"/generations/{generation.pk}/").content.decode()
        assert re.findall(r'class="take-name"[^>]*><bdi>([^<]+)<', page) == titles
        recent = guest_client.get("/").content.decode()
        assert all(title in recent for title in titles)

    def test_the_note_on_options_names_what_the_bundle_offers(self, client: Client, rock: Any) -> None:
        factories.make_genre()
        page = client.get("/").content.decode()
        noted = dict(re.findall(r'<span data-genre="(\w+)"[^>]*>([^<]+)</span>', page))
        assert noted["piano"] == "Key, density, creativity, start, takes (all optional)"
        assert noted["rock"].startswith("Style, instruments, tempo, key, ")


@pytest.mark.django_db
def test_the_list_of_requests_names_the_note_it_starts_from() -> None:
    generation = factories.make_generation(params={"starting_note": 61, "density": "dense"})
    assert settings_in_words(generation)[1:] == ["dense", "from C♯4"]


@pytest.mark.django_db
class TestChoices:
    @pytest.mark.parametrize("written", ["rock", "Rock", " ROCK "])
    def test_a_genre_is_taken_by_key_or_label(self, client: Client, rock: Any, written: str) -> None:
        wish = {"genre": written, "ensemble": "Full Band", "length_seconds": 30, "style": "PUNK", "feel": "Swing"}
        wish |= {"density": "Dense", "adventurousness": "WILD", "key": "e-flat-minor", "voices_off": ["lead guitar"]}
        response = client.post(URL, json.dumps(wish), content_type="application/json")
        assert response.status_code == 201, response.content
        params = response.json()["params"]
        named = ("ensemble", "style", "feel", "density", "adventurousness", "key", "voices_off")
        expected = ["full-band", "punk", "swing", "dense", "wild", "Eb minor", ["lead"]]
        assert [params[name] for name in named] == expected

    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            ("genre", "polka", "Unknown genre 'polka'. Use one of: rock."),
            ("ensemble", "kazoo", "Unknown type 'kazoo'. Use one of: full-band, trio."),
            ("style", "ska", "Unknown style 'ska'. Use one of: ballad, punk."),
            ("feel", "odd", "Unknown feel 'odd'. Use one of: straight, swing."),
            ("density", "thick", "Unknown density 'thick'. Use one of: sparse, medium, dense."),
            ("adventurousness", "mad", "Unknown creativity 'mad'. Use one of: tame, wild."),
            ("voices_off", ["flute"], "Unknown voice 'flute'. Use one of: drums, bass, rhythm, keys, lead."),
            ("kind", "remix", "Unknown kind 'remix'. Use one of: new, continue, vary, another."),
        ],
    )
    def test_what_is_unknown_is_answered_with_the_list(
        self, client: Client, rock: Any, field: str, value: Any, said: str
    ) -> None:
        wish = {"genre": "rock", "ensemble": "full-band", "length_seconds": 30} | {field: value}
        response = client.post(URL, json.dumps(wish), content_type="application/json")
        assert response.json()["errors"][field] == [said]

    def test_the_same_key_of_a_request_takes_either_name(self, guest_client: Client, rock: Any) -> None:
        wish = {"genre": "rock", "ensemble": "trio", "bars": 16, "style": "punk"}
        headers = {"Idempotency-Key": "one"}
        first = guest_client.post(URL, json.dumps(wish), content_type="application/json", headers=headers)
        wish |= {"genre": "Rock", "ensemble": "Power trio", "style": "Punk"}
        again = guest_client.post(URL, json.dumps(wish), content_type="application/json", headers=headers)
        assert (first.status_code, again.status_code) == (201, 200), again.content
