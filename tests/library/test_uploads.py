"""Own MIDI files: taken once, refused with a reason, within what one may keep; zips of them."""

import io
import zipfile
from typing import Any

import pytest
from django.conf import settings as site_settings
from django.core.files.storage import default_storage

from accounts.models import User
from generator.engine.midi import write_midi
from library import upload_facts
from library.models import Piece
from library.services import UploadResult, piece_trash, piece_upload, uploads, zip_upload
from library.upload_facts import MAX_UPLOAD_BYTES
from library.views.uploads import MAX_SECONDS
from tests.at_once import at_once
from tests.music import GRAND_PIANO, notes, scale
from tests.stored import stored_names

pytestmark = pytest.mark.django_db


def midi(pitch: int = 60) -> bytes:
    return write_midi(notes((pitch, 80, 0.0, 1.0), (pitch + 4, 80, 1.0, 2.0)), [GRAND_PIANO])


def upload(user: User, data: bytes, name: str = "song.mid") -> UploadResult:
    return piece_upload(user=user, midi=data, file_name=name)


def zip_of(files: dict[str, bytes], way: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", way) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def stored_files() -> set[str]:
    return set(stored_names("pieces"))


def test_the_documentation_says_the_limits_that_hold() -> None:
    said = (site_settings.BASE_DIR / "docs" / "uploads.md").read_text()
    limits = upload_facts.LIMITS
    for figures in (
        f"{limits.max_bytes // 2**20} MB, {limits.max_tracks} tracks, {limits.max_events:,} events, "
        f"{limits.max_length_seconds / 60:g} minutes",
        f"{-(-uploads.MAX_ZIP_BYTES // 2**20)} MB, {uploads.MAX_ZIP_ENTRIES:,} entries; {uploads.MAX_ZIP_FILES} new "
        f"pieces and {uploads.MAX_ZIP_SECONDS:g} s",
        f"{site_settings.BODY_BYTES // 2**20} MB, {site_settings.DATA_UPLOAD_MAX_NUMBER_FILES} files, "
        f"{MAX_SECONDS:g} s",
        f"{upload_facts.MIN_QPM:g} to {upload_facts.MAX_QPM:g} BPM",
        f"none below {upload_facts.MIN_KEY_CONFIDENCE:g}",
        f"at most {upload_facts.MAX_VOICES};",
        f"cut ({upload_facts.MAX_TITLE} characters, {upload_facts.MAX_VOICE_NAME} for a voice)",
    ):
        assert figures in said, figures


class TestOneFile:
    def test_becomes_a_piece_that_its_owner_keeps(self, alice: User) -> None:
        result = upload(alice, midi(), "Evening.mid")
        piece = Piece.objects.get()
        assert (result.outcome, result.piece) == ("accepted", piece)
        assert (piece.owner, piece.kind, piece.is_draft, piece.expires_at) == (alice, "upload", False, None)
        assert (piece.title, piece.file_name, piece.genre, piece.genre_name) == (
            *("Evening", "Evening.mid", ""),
            "Uploaded",
        )
        assert (piece.seed, piece.temperature, piece.top_p, piece.params) == (None, None, None, {})
        assert piece.length_seconds == pytest.approx(2.0)
        assert (piece.notes_count, piece.size_bytes) == (2, len(midi()))
        assert piece.roll
        assert piece.search_text == " evening"
        with piece.midi.open("rb") as stored:
            assert stored.read() == midi()

    def test_is_taken_once_by_each_member(self, alice: User, bob: User) -> None:
        first = upload(alice, midi(), "a.mid")
        files = stored_files()
        again = upload(alice, midi(), "b.mid")
        assert (again.outcome, again.piece) == ("there", first.piece)
        assert stored_files() == files
        assert upload(bob, midi()).outcome == "accepted"

    def test_comes_back_from_the_trash(self, alice: User) -> None:
        piece = upload(alice, midi()).piece
        assert piece
        piece_trash(piece=piece)
        again = upload(alice, midi())
        assert (again.outcome, "trash" in again.sentence) == ("there", True)
        piece.refresh_from_db()
        assert piece.trashed_at is None

    @pytest.mark.parametrize(
        ("data", "sentence"),
        [
            (b"no music", "not a MIDI file"),
            (b"", "not a MIDI file"),
            (midi()[:-4], "damaged"),
            (b"MThd" + bytes(MAX_UPLOAD_BYTES), "can be up to 1 MB"),
        ],
    )
    def test_is_refused_with_the_reason_and_leaves_nothing(self, alice: User, data: bytes, sentence: str) -> None:
        files = stored_files()
        result = upload(alice, data)
        assert (result.outcome, result.piece) == ("refused", None)
        assert sentence in result.sentence
        assert stored_files() == files
        assert not Piece.objects.exists()

    def test_is_refused_where_there_is_no_room(self, alice: User) -> None:
        alice.stored_bytes = len(midi()) + 10
        alice.save()
        files = stored_files()
        assert upload(alice, midi(60)).outcome == "accepted"
        result = upload(alice, midi(61))
        assert (result.outcome, "Not enough storage" in result.sentence) == ("refused", True)
        assert Piece.objects.count() == len(stored_files() - files) == 1

    def test_that_cannot_be_stored_is_worth_another_try(self, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*args: Any) -> str:
            raise OSError("full")

        with monkeypatch.context() as patch:
            patch.setattr(default_storage, "save", fail)
            result = upload(alice, midi())
        assert (result.outcome, "could not be saved" in result.sentence) == ("failed", True)
        assert upload(alice, midi()).outcome == "accepted"

    def test_may_stand_in_a_container(self, alice: User) -> None:
        result = upload(alice, rmi(midi()), "Old song.rmi")
        assert result.piece
        assert result.piece.title == "Old song"
        with result.piece.midi.open("rb") as stored:
            assert stored.read() == midi(), "plain MIDI, which every program reads"
        assert upload(alice, midi(), "Old song.mid").outcome == "there"
        cut_off = upload(alice, rmi(midi())[:-9], "cut.rmi")
        assert (cut_off.outcome, "cut off" in cut_off.sentence) == ("refused", True)

    def test_leaves_no_file_where_the_database_fails(self, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(**facts: Any) -> Piece:
            raise RuntimeError("database away")

        files = stored_files()
        monkeypatch.setattr("library.services.uploads.piece_store", fail)
        with pytest.raises(RuntimeError):
            upload(alice, midi())
        assert stored_files() == files

    @pytest.mark.parametrize("name", ["a" * 10_000 + ".mid", "../../x.mid", "\x00\r\nSet-Cookie: a.mid", "", "‮dim.x"])
    def test_may_be_called_anything(self, alice: User, name: str) -> None:
        piece = upload(alice, midi(), name).piece
        assert piece
        assert len(piece.file_name) <= 200
        assert all(letter.isprintable() for letter in piece.file_name + piece.title)


@pytest.mark.django_db(transaction=True)
def test_the_same_file_twice_at_once_is_one_piece(alice: User) -> None:
    def send() -> str:
        return str(upload(alice, midi()).outcome)

    outcomes = at_once(send, send, send)
    assert sorted(outcomes) == ["accepted", "there", "there"]
    assert Piece.objects.count() == 1


def rmi(midi: bytes) -> bytes:
    """As RP-029 has it: a chunk of another kind, of an odd length, comes first."""
    chunks = b"INFO" + (3).to_bytes(4, "little") + b"abc\0" + b"data" + len(midi).to_bytes(4, "little") + midi
    return b"RIFF" + (4 + len(chunks)).to_bytes(4, "little") + b"RMID" + chunks


class TestZip:
    def test_each_midi_file_in_it_is_taken(self, alice: User) -> None:
        files = {
            "album/1 Rain.mid": midi(60),
            "album/2 Sun.MIDI": midi(62),
            "again.mid": midi(60),
            "album/cover.png": b"\x89PNG",
            "__MACOSX/album/._1 Rain.mid": b"x",
            "broken.mid": b"x",
        }
        results = zip_upload(user=alice, data=zip_of(files), file_name="album.zip")
        assert [(result.name, str(result.outcome)) for result in results] == [
            ("album/1 Rain.mid", "accepted"),
            ("album/2 Sun.MIDI", "accepted"),
            ("again.mid", "there"),
            ("broken.mid", "refused"),
            ("album/cover.png", "skipped"),
            ("1 system file skipped", "skipped"),
        ]
        assert set(Piece.objects.values_list("title", flat=True)) == {"1 Rain", "2 Sun"}

    def test_everything_else_in_it_is_accounted_for(self, alice: User) -> None:
        files = {
            "Rain.mid": midi(60),
            "photo.png": b"\x89PNG",
            "inner.ZIP": zip_of({"deep.mid": midi(61)}),
            "._Rain.mid": b"\x00\x05\x16\x07",
            "__MACOSX/._inner.ZIP": b"x",
            ".DS_Store": b"x",
            "folder/Thumbs.db": b"x",
        }
        results = zip_upload(user=alice, data=zip_of(files), file_name="stick.zip")
        assert [(result.name, str(result.outcome), result.sentence) for result in results] == [
            ("Rain.mid", "accepted", ""),
            ("photo.png", "skipped", "Not a MIDI file."),
            ("inner.ZIP", "skipped", "Zips inside zips are not opened."),
            ("4 system files skipped", "skipped", "Your computer created them. They contain no music."),
        ]

    def test_of_many_other_files_the_first_are_named_and_the_rest_are_counted(self, alice: User) -> None:
        files = {"a.mid": midi(), **{f"{number}.jpg": b"" for number in range(23)}}
        results = zip_upload(user=alice, data=zip_of(files), file_name="some.zip")
        assert [result.name for result in results][:2] == ["a.mid", "0.jpg"]
        assert [(result.name, result.sentence) for result in results][-1] == ("3 more files", "Not MIDI files.")
        assert len(results) == 22

    def test_one_without_midi_files_says_so_and_what_it_has(self, alice: User) -> None:
        results = zip_upload(user=alice, data=zip_of({"readme.txt": b"hello"}), file_name="some.zip")
        assert [(result.name, str(result.outcome)) for result in results] == [
            ("some.zip", "refused"),
            ("readme.txt", "skipped"),
        ]
        assert "no MIDI files" in results[0].sentence

    def test_a_file_that_cannot_be_unpacked_holds_up_no_other(self, alice: User) -> None:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("odd.mid", midi(60), zipfile.ZIP_LZMA)
            archive.writestr("secret.mid", midi(61))
            archive.writestr("torn.mid", midi(62))
            archive.writestr("good.mid", midi(63))
        data = bytearray(stream.getvalue())
        data[data.rindex(b"secret.mid") - 46 + 8] |= 1  # encrypted, says the list
        data[data.index(b"torn.mid") + len(b"torn.mid") + 20] ^= 0xFF
        results = zip_upload(user=alice, data=bytes(data), file_name="some.zip")
        assert [(result.name, str(result.outcome)) for result in results] == [
            *(("odd.mid", "refused"), ("secret.mid", "refused"), ("torn.mid", "refused")),
            ("good.mid", "accepted"),
        ]
        for word, result in zip(("unusual", "encrypted", "damaged"), results, strict=False):
            assert word in result.sentence

    def test_rmi_files_are_read(self, alice: User) -> None:
        data = zip_of({"Old.rmi": rmi(midi(60)), "Old.mid": midi(60), "empty.rmi": rmi(b"")[:12]})
        results = zip_upload(user=alice, data=data, file_name="windows.zip")
        assert [str(result.outcome) for result in results] == ["accepted", "there", "refused"]
        assert "no MIDI data" in results[-1].sentence

    @pytest.mark.parametrize("encoding", ["utf-8", "cp932"])
    def test_names_are_read_as_the_program_that_made_it_meant_them(self, alice: User, encoding: str) -> None:
        placeholder = "x" * len("千本桜".encode(encoding))
        data = zip_of({f"{placeholder}.mid": midi()}).replace(placeholder.encode(), "千本桜".encode(encoding))
        (result,) = zip_upload(user=alice, data=data, file_name="old.zip")
        assert result.piece
        assert (result.name, result.piece.title) == ("千本桜.mid", "千本桜")

    def test_a_bomb_is_never_unpacked(self, alice: User) -> None:
        """100 MB of zeros in 100 kB: one byte more than a file may have is read of each."""
        results = zip_upload(user=alice, data=zip_of({"bomb.mid": bytes(100 * 2**20)}), file_name="bomb.zip")
        assert [result.outcome for result in results] == ["refused"]
        assert "can be up to 1 MB" in results[0].sentence

    @pytest.mark.parametrize(
        ("data", "sentence"),
        [
            (b"PK\x03\x04 and no more", "damaged"),
            (zip_of({"a.mid": midi()})[:-30], "damaged"),
            (zip_of({}), "no MIDI files"),
            (zip_of({f"{number}": b"" for number in range(2001)}), "can hold up to 2,000 files"),
            (bytes(9 * 2**20), "can be up to 8 MB"),
            (zip_of({})[:12] + (2**30).to_bytes(4, "little") + bytes(6), "can hold up to 2,000 files"),
        ],
    )
    def test_what_cannot_be_taken_is_said_once(self, alice: User, data: bytes, sentence: str) -> None:
        (result,) = zip_upload(user=alice, data=data, file_name="some.zip")
        assert (result.name, result.outcome) == ("some.zip", "refused")
        assert sentence in result.sentence

    def test_one_with_more_than_is_taken_at_once_goes_on_when_sent_again(
        self, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("library.services.uploads.MAX_ZIP_FILES", 2)
        data = zip_of({f"{pitch}.mid": midi(pitch) for pitch in (60, 61, 62, 63)})
        first = zip_upload(user=alice, data=data, file_name="many.zip")
        assert [str(result.outcome) for result in first] == ["accepted", "accepted", "failed"]
        assert "Send it again" in first[-1].sentence
        again = zip_upload(user=alice, data=data, file_name="many.zip")
        assert [str(result.outcome) for result in again] == ["there", "there", "accepted", "accepted"]

    def test_many_files_that_differ_by_little_are_many_pieces(self, alice: User) -> None:
        base = write_midi(scale(2), [GRAND_PIANO], texts=["0000"])
        outcomes = {str(upload(alice, base.replace(b"0000", b"%04d" % number)).outcome) for number in range(60)}
        assert outcomes == {"accepted"}
        assert Piece.objects.count() == 60


def test_the_stored_file_of_a_removed_upload_goes(alice: User) -> None:
    from library.services import piece_delete

    piece = upload(alice, midi()).piece
    assert piece
    name = str(piece.midi.name)
    piece_delete(piece=piece)
    assert not default_storage.exists(name)
    assert upload(alice, midi()).outcome == "accepted"
