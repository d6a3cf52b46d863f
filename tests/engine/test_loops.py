"""Loops are found with their place and period; what only looks like one is none."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.engine.loops import longest_loop, loop_seconds, repeated_share
from generator.engine.music import Note

NOISE = np.random.default_rng(0).integers(0, 10_000, 300)


def slow_longest(values: list[int], max_period: int) -> int:
    """The same by looking at every stretch."""
    best = 0
    for period in range(1, max_period + 1):
        for first in range(len(values)):
            last = first + period
            while last < len(values) and values[last] == values[last - period]:
                last += 1
            if last - first >= 2 * period:
                best = max(best, last - first)
    return best


class TestLongestLoop:
    @pytest.mark.parametrize("period", [2, 5, 60])
    def test_a_planted_loop_is_found_in_its_place(self, period: int) -> None:
        pattern = np.arange(period) + 20_000
        loop = longest_loop(np.concatenate([NOISE, np.tile(pattern, 3), NOISE]), 64)
        assert (loop.first, loop.length, loop.period) == (300, 3 * period, period)

    def test_a_pattern_that_comes_once_is_none(self) -> None:
        assert longest_loop(NOISE, 64).period == 0

    def test_one_and_a_half_times_is_none(self) -> None:
        pattern = np.arange(20) + 20_000
        assert longest_loop(np.concatenate([NOISE, pattern, pattern[:19], NOISE]), 64).period == 0

    def test_short_ones_may_be_left_out(self) -> None:
        values = np.concatenate([NOISE, [20_000] * 8, NOISE])
        assert longest_loop(values, 64).length == 8
        assert longest_loop(values, 64, min_length=9).period == 0

    @given(st.lists(st.integers(0, 2), max_size=24), st.integers(1, 8))
    def test_it_agrees_with_looking_at_every_stretch(self, values: list[int], max_period: int) -> None:
        assert longest_loop(np.array(values, np.int64), max_period).length == slow_longest(values, max_period)


class TestLoopSeconds:
    def test_bars_loop_at_any_tempo(self) -> None:
        rng = np.random.default_rng(0)
        quarter = 60.0 / 97.0
        bars = [rng.integers(40, 80, 8).tolist() for _ in range(6)]
        piece = [
            Note(pitch, 80, (4 * number + place / 2) * quarter, (4 * number + place / 2 + 0.4) * quarter)
            for number, bar in enumerate([*bars, bars[4], bars[5], bars[4], *bars[:2]])
            for place, pitch in enumerate(bar)
        ]
        # Bars 5 to 9 are two bars that go round.
        assert loop_seconds(piece, 97.0) == pytest.approx(5 * 4 * quarter)

    def test_another_voice_is_another_bar(self) -> None:
        piece = [Note(60, 80, bar * 2.0, bar * 2.0 + 1, bar % 3 if bar < 2 else 7 + bar) for bar in range(6)]
        assert loop_seconds(piece, 120.0) == 0.0

    def test_silence_is_no_loop(self) -> None:
        assert loop_seconds([Note(60, 80, 0.0, 1.0), Note(62, 80, 30.0, 31.0)], 120.0) == 0.0

    def test_in_free_time_the_rhythm_may_differ(self) -> None:
        rng = np.random.default_rng(0)
        pitches = np.tile(rng.integers(40, 90, 10), 4).tolist()
        times = np.cumsum(rng.uniform(0.1, 0.5, 41)).tolist()
        piece = [Note(p, 80, a, b) for p, (a, b) in zip(pitches, pairwise(times), strict=True)]
        assert loop_seconds(piece) == pytest.approx(times[39] - times[0])
        # Fifteen notes are too few.
        assert loop_seconds(piece[:5] + piece[10:20] + [Note(30, 80, 20.0, 21.0)]) == 0.0

    def test_no_notes(self) -> None:
        assert loop_seconds([]) == loop_seconds([], 120.0) == 0.0


def test_what_comes_again_counts_once_each_time() -> None:
    values = np.array([1, 2, 3, 1, 2, 3, 1, 2])
    assert repeated_share(values, 3) == 0.5
    assert repeated_share(np.arange(8), 3) == 0.0
    assert repeated_share(np.arange(2), 3) == 0.0
