"""An uploaded piece is taken further: its music goes on, or begins anew, as a type of a chosen genre plays it."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import User
from generator.engine.midi import write_midi
from generator.engine.music import Note, Voice
from generator.models import Generation, GenreModel
from generator.services import generation_compose, generation_create
from library.models import Piece
from library.services import piece_upload
from tests import factories
from tests.music import notes_of_midi

pytestmark = pytest.mark.django_db
# Four voices on channels of their own, of which the piano has none.
VOICES = [Voice("Flute", 73), Voice("Cello", 42), Voice("Strings", 48), Voice("Drums", 0, is_drum=True)]


@pytest.fixture
def uploaded(alice: User) -> Piece:
    music = [
        Note(50 + 5 * voice + step % 5, 80, step * 0.5, step * 0.5 + 0.5, voice)
        for step in range(24)
        for voice in range(4)
    ]
    piece = piece_upload(user=alice, midi=write_midi(music, VOICES), file_name="Quartet.mid").piece
    assert piece
    return piece


@pytest.mark.parametrize("kind", ["continue", "vary"])
def test_its_voices_become_those_of_the_type(
    piano: GenreModel, outbox: list[str], alice: User, uploaded: Piece, kind: str
) -> None:
    generation = generation_create(
        owner=factories.member(alice),
        params={"length_seconds": 15.0},
        form_token=None,
        genre_slug="piano",
        source=uploaded,
        kind=kind,
        seed=3,
    )
    generation_compose(pk=generation.pk, worker_id="worker")
    generation.refresh_from_db()
    assert generation.status == Generation.Status.SUCCEEDED, generation.error_message
    piece = generation.piece
    assert piece
    assert (piece.kind, piece.source_piece, piece.genre) == (kind, uploaded, "piano")
    assert [voice["name"] for voice in piece.voices] == ["Grand piano"]
    with piece.midi.open("rb") as stored:
        heard = notes_of_midi(stored.read())
    # It begins with the pitched notes of what was uploaded.
    first = sorted(note.pitch for note in heard if note.start_seconds < 0.25)
    assert first == [50, 55, 60]
    assert piece.length_seconds > (uploaded.length_seconds if kind == "continue" else 5)


def test_another_like_it_cannot_be_composed(piano: GenreModel, alice: User, uploaded: Piece) -> None:
    with pytest.raises(ValidationError) as refused:
        generation_create(
            owner=factories.member(alice),
            params={},
            form_token=None,
            genre_slug="piano",
            source=uploaded,
            kind="another",
        )
    assert "kind" in refused.value.message_dict


def test_its_page_asks_which_style_takes_it_further(
    client: Client, piano: GenreModel, outbox: list[str], alice: User, uploaded: Piece
) -> None:
    client.force_login(alice)
    page = client.get(f"/pieces/{uploaded.pk}/").content.decode()
    assert '<option value="piano/grand-piano">' in page
    assert "Another like this" not in page
    answer = client.post(f"/pieces/{uploaded.pk}/more/", {"kind": "continue", "genre": "piano/grand-piano"})
    generation = Generation.objects.get()
    assert answer["Location"] == f"/generations/{generation.pk}/"
    assert (generation.source_piece, generation.kind) == (uploaded, "continue")


@pytest.mark.parametrize(
    ("genre", "said"),
    [
        ("", "Choose a genre."),
        ("polka", "Unknown genre"),
        ("piano/kazoo", "Unknown type"),
        ("x" * 500, "Unknown genre"),
    ],
)
def test_a_style_that_is_not_on_offer_is_said(
    client: Client, piano: GenreModel, alice: User, uploaded: Piece, genre: str, said: str
) -> None:
    client.force_login(alice)
    answer = client.post(f"/pieces/{uploaded.pk}/more/", {"kind": "continue", "genre": genre})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Generation.objects.exists()


def test_music_that_the_type_cannot_play_is_said_before_anything_is_composed(
    client: Client, piano: GenreModel, alice: User
) -> None:
    drums = write_midi([Note(38, 80, 0.0, 0.1), Note(42, 80, 0.5, 0.6)], [Voice("Drums", 0, is_drum=True)])
    piece = piece_upload(user=alice, midi=drums, file_name="Beat.mid").piece
    assert piece
    client.force_login(alice)
    answer = client.post(f"/pieces/{piece.pk}/more/", {"kind": "vary", "genre": "piano/grand-piano"})
    assert answer.status_code == 422
    assert "only has drums" in answer.content.decode()
    assert not Generation.objects.exists()
