"""Names of files, small pictures, generated titles."""

import itertools

import pytest

from generator.titles import piece_title, title_after
from library.file_names import file_names_apart, stem_of
from library.models import MAX_TITLE
from library.rolls import MAX_NOTES, ROWS, WIDTH, RollNote, roll_of


@pytest.mark.parametrize(
    ("title", "stem"),
    [
        ("Copper River: Nocturne in D minor", "copper-river-nocturne-in-d-minor"),
        ("At 1:30", "at-1-30"),
        ("../../etc/passwd", "etc-passwd"),
        ('a"; filename="b.exe\r\nSet-Cookie: x=1', "a-filenameb-exe-set-cookie-x1"),
        ("Café é", "cafe-e"),
        ("Łódź é", "łódź-é"),
        ("音楽 🎵", "音楽"),
        ("🎵🎶", "piece"),
        ("\u202eשיר\u202c לילה", "שיר-לילה"),
        ("CON", "piece-con"),
        ("---", "piece"),
        ("x" * 500, "x" * 80),
        ("楽" * 500, "楽" * 66),
    ],
)
def test_file_names_are_plain(title: str, stem: str) -> None:
    found = stem_of(title)
    assert found == stem
    assert all(character.isalnum() or character in "-_" for character in found)
    assert len(found.encode()) <= 200


@pytest.mark.parametrize(
    ("title", "stem"),
    [
        ("हिन्दी संगीत", "हिन्दी-संगीत"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\u200c\u0301-x-\u200d", "x"),
        ("🎹\ufe0f Cafe\u0301", "cafe"),
        ("Dvořák", "dvorak"),
    ],
)
def test_a_download_keeps_what_letters_are_spelled_with(title: str, stem: str) -> None:
    assert stem_of(title) == stem


def test_file_names_in_one_archive_are_apart() -> None:
    names = ["a.mid", "A.mid", "b.mid", "a.mid", "a-2.mid"]
    assert list(file_names_apart(names)) == ["a.mid", "A-2.mid", "b.mid", "a-3.mid", "a-2-2.mid"]


class TestRoll:
    def test_a_note_is_where_it_sounds(self) -> None:
        assert roll_of([RollNote(20, 0.0, 5.0), RollNote(100, 5.0, 10.0)], 10.0) == [[0, 0, 120], [120, 31, 120]]

    def test_one_pitch_stands_in_the_middle(self) -> None:
        assert roll_of([RollNote(60, 0.0, 0.001)], 10.0) == [[0, 15, 1]]

    def test_a_drum_is_struck_and_not_held(self) -> None:
        """Kick, then a crash that nobody ends: it rings to the end of the track, and is a mark nonetheless."""
        roll = roll_of([RollNote(36, 0.0, 0.1, is_drum=True), RollNote(49, 30.0, 60.0, is_drum=True)], 60.0)
        assert [width for _, _, width in roll] == [1, 1]
        assert roll_of([RollNote(49, 30.0, 60.0)], 60.0)[0][2] == 120

    @pytest.mark.parametrize("count", [0, 1, 299, 300, 301, 20_000])
    def test_it_is_small_and_within_its_frame(self, count: int) -> None:
        roll = roll_of(
            (RollNote(number % 128, number * 0.01, number * 0.01 + 3.0) for number in range(count)), count * 0.01
        )
        assert min(count, 200) <= len(roll) <= MAX_NOTES
        assert all(0 <= x < WIDTH and 0 <= y < ROWS and 1 <= width <= WIDTH - x for x, y, width in roll)
        if count > 1000:
            assert roll[0][0] < 10 and roll[-1][0] > WIDTH - 10, "from the beginning to the end"

    @pytest.mark.parametrize("length", [0.0, -1.0, float("inf"), float("nan")])
    def test_what_has_no_length_has_no_picture(self, length: float) -> None:
        assert roll_of([RollNote(60, 0.0, 1.0)], length) == []


class TestTitles:
    def test_it_says_what_is_known_and_no_more(self) -> None:
        def after_picture(**facts: object) -> str:
            return piece_title(**facts).partition(": ")[2]  # type: ignore[arg-type]

        assert after_picture(genre="drums", genre_name="Drums", seed=1, qpm=104.4) == "Drum groove at 104 BPM"
        assert (
            after_picture(genre="rock", genre_name="Rock", seed=1, style_name="Metal", key="E minor", qpm=120.0)
            == "Metal jam in E minor"
        )
        assert after_picture(genre="polka", genre_name="Polka", seed=1) == "Polka piece"
        assert " " not in after_picture(genre="piano", genre_name="Piano", seed=1)

    def test_the_same_seed_gives_the_same_and_others_differ(self) -> None:
        titles = [
            piece_title("piano", "Piano", seed, take=take, attempt=attempt)
            for seed, take, attempt in itertools.product((5, 6), range(4), range(3))
        ]
        assert len(set(titles)) == len(titles)
        assert titles[0] == piece_title("piano", "Piano", 5)

    def test_what_comes_of_a_piece_is_called_after_it(self) -> None:
        assert title_after("River", "continue") == "River, continued"
        assert title_after("River, continued", "continue") == "River, continued 2"
        assert title_after("River, continued 9", "continue") == "River, continued 10"
        assert title_after("River, continued", "vary") == "River, continued, varied"
        assert len(title_after("x" * MAX_TITLE, "vary")) == MAX_TITLE
