"""Files to start from: refused by the web process in one sentence, read by the worker as their job wants it."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from generator.engine.errors import PrimerError
from generator.engine.midi import write_midi
from generator.models import Generation
from generator.services.primers import primer_check, primer_discard, primer_load, primer_name, primer_save
from tests import factories
from tests.fuzz_midi import NOTE, drums_manifest, file_of
from tests.generator.conftest import Outbox
from tests.manifests import band_manifest, piano_manifest
from tests.music import GRAND_PIANO, scale

pytestmark = pytest.mark.django_db

# Sixteen bars at 120 quarters a minute.
MIDI = write_midi(scale(64, seconds=0.5, pitch=40), [GRAND_PIANO])
DRUMS = file_of(b"\x00\x99\x26\x50\x30\x26\x00" * 9)
HOUR = file_of(b"\x00\x90\x3c\x50\x83\xff\xff\x7f\x80\x3c\x00")

BAD = {
    "not MIDI": b"%PDF-1.7 and so on",
    "truncated": MIDI[:-9],
    "no notes": write_midi([], [GRAND_PIANO]),
    "over 1 MB": MIDI + bytes(1024 * 1024),
    "over 100,000 events": file_of(b"\x00\x90\x3c\x50" + b"\x00\x3c\x50" * 100_000),
    "tempo 0": file_of(b"\x00\xff\x51\x03\x00\x00\x00" + NOTE),
    "tick overflow": file_of(b"\xff\xff\xff\x7f\x90\x3c\x50" * 9),
    "broken running status": file_of(b"\x00\x3c\x50" + NOTE),
    "type 2": file_of(NOTE, midi_type=2),
    "64 tracks": file_of(*[NOTE] * 64),
    "drums for piano": DRUMS,
    "hours long": HOUR,
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_answered_with_400_and_one_sentence_beside_the_field(
    name: str, client: Client, outbox: Outbox
) -> None:
    genre = factories.make_genre("piano", with_model=False)
    factories.make_genre_model(genre, active=True, manifest=piano_manifest().as_dict())
    wish = {"genre": "piano", "ensemble": "grand-piano", "length_seconds": "0:30"}
    response = client.post("/api/v1/generations/", {**wish, "primer": SimpleUploadedFile("song.mid", BAD[name])})
    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["primer"]
    (sentence,) = response.json()["errors"]["primer"]
    assert sentence.endswith(".")
    assert ". " not in sentence
    assert not Generation.objects.exists()
    assert not outbox


def test_the_check_depends_on_the_genre_and_on_the_type() -> None:
    primer_check(DRUMS, band_manifest().as_dict(), "full-band")
    primer_check(DRUMS, drums_manifest().as_dict(), "kit")
    with pytest.raises(ValidationError) as caught:
        primer_check(MIDI, drums_manifest().as_dict(), "kit")
    assert list(caught.value.message_dict) == ["primer"]


def test_the_light_look_loads_nothing_heavy() -> None:
    script = (
        "import sys; from generator.engine.primers import check_primer; from tests.manifests import piano_manifest\n"
        f"check_primer(bytes.fromhex('{MIDI.hex()}'), piano_manifest(), 'grand-piano')\n"
        "print(sorted({'numpy', 'mido', 'pretty_midi', 'note_seq', 'symusic', 'tensorflow'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class TestLoading:
    """What the worker makes of the stored file, for each way to start."""

    def job(
        self, start: str, *, midi: bytes = MIDI, keep: bool = True, length: float = 60.0, **params: Any
    ) -> Generation:
        made = factories.make_generation(
            params={"ensemble": "full-band", "length_seconds": length, **params},
            length_seconds=length,
            start=start,
            keep_primer=keep,
        )
        made.primer = primer_save(made.pk, midi)
        made.save()
        return made

    def test_nothing_to_start_from(self) -> None:
        assert primer_load(factories.make_generation(), band_manifest()) is None

    def test_a_file_gives_its_last_bars(self) -> None:
        primer = primer_load(self.job("file"), band_manifest())
        assert primer is not None
        assert (primer.length_seconds, primer.qpm, primer.prefix) == (16.0, 120.0, ())
        assert [note.pitch for note in primer.notes][-1] == 103

    def test_what_is_kept_fills_half_of_the_result_at_most(self) -> None:
        kept = primer_load(self.job("file", length=20.0), band_manifest())
        left_out = primer_load(self.job("file", length=20.0, keep=False), band_manifest())
        varied = primer_load(self.job("vary", length=15.0), band_manifest())
        assert kept and left_out and varied
        assert (kept.length_seconds, left_out.length_seconds, varied.length_seconds) == (10.0, 16.0, 6.0)

    def test_a_continued_piece_is_kept_whole_however_short_the_rest(self) -> None:
        primer = primer_load(self.job("continue", length=15.0, key="D minor"), band_manifest())
        assert primer is not None
        assert (primer.prefix_seconds, primer.length_seconds, primer.kept_seconds) == (16.0, 16.0, 32.0)
        assert primer.is_continued
        assert primer.key == "D minor"

    def test_a_varied_piece_gives_its_first_bars(self) -> None:
        primer = primer_load(self.job("vary"), band_manifest())
        assert primer is not None
        assert (primer.length_seconds, primer.notes[0].pitch) == (8.0, 40)

    def test_voices_that_are_off_are_left_out(self) -> None:
        band = primer_load(self.job("file"), band_manifest())
        assert band is not None
        played = {band_manifest().ensembles[0].voices[note.voice].part for note in band.notes}
        with pytest.raises(PrimerError, match="instruments of this type"):
            primer_load(self.job("file", voices_off=sorted(played)), band_manifest())

    def test_a_file_that_is_gone_is_told(self) -> None:
        job = self.job("file")
        primer_discard(primer_name(job.pk))
        with pytest.raises(PrimerError, match="Choose it again"):
            primer_load(job, band_manifest())

    def test_a_storage_that_is_away_may_come_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        job = self.job("file")

        def away(*args: Any, **kwargs: Any) -> None:
            raise ConnectionError("the bucket does not answer")

        monkeypatch.setattr(default_storage, "open", away)
        with pytest.raises(OSError, match="does not answer"):
            primer_load(job, band_manifest())

    def test_a_file_swapped_for_a_bad_one_is_refused_with_the_same_sentence(self) -> None:
        job = self.job("file")
        default_storage.save(primer_name(job.pk), io.BytesIO(BAD["tempo 0"]))
        with pytest.raises(PrimerError, match="a tempo of zero"):
            primer_load(job, band_manifest())
