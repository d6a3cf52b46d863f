import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.engine.lengths import parse_length
from library.templatetags.music import clock


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90", 90),
        (" 90 ", 90),
        ("90 s", 90),
        ("90sec", 90),
        ("90 seconds", 90),
        ("1:30", 90),
        ("0:15", 15),
        ("2 min", 120),
        ("2m", 120),
        ("2 Minutes", 120),
        ("1.5 min", 90),
        ("1,5 min", 90),
        ("1 min 30 s", 90),
        ("1m30", 90),
        ("0", 0),
        ("-5", -5),
        ("−5", -5),
        ("999999999999", 999_999_999_999),
    ],
)
def test_lengths_are_read_as_people_write_them(written: str, seconds: float):
    assert parse_length(written) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "written", ["", " ", "long", "1:75", "1:3", "1:2:3", "nan", "inf", "1e9", "12 apples", "-", "٩٠", "min", "9" * 40]
)
def test_anything_else_is_answered_with_an_example_of_what_to_write(written: str):
    with pytest.raises(ValueError, match=r"such as 90, 1:30 or 2 min"):
        parse_length(written)


@given(st.integers(min_value=0, max_value=6000))
def test_what_the_clock_shows_can_be_written_back(seconds: int):
    assert parse_length(clock(seconds)) == seconds


@given(st.text(max_size=40))
def test_no_text_at_all_breaks_it(text: str):
    try:
        seconds = parse_length(text)
    except ValueError:
        return
    assert abs(seconds) < 1e15
