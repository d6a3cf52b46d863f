"""Drawing from hand-made logits, and the rules that every piece keeps."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.engine.encodings.performance import NOTE_OFF, NUM_CLASSES, TIME_SHIFT, VELOCITY
from generator.engine.encodings.performance_grammar import SHAPED, PerformanceGrammar, PieceRules
from generator.engine.errors import EngineError
from generator.engine.sampling import Uniforms, draw


def drawn(logits, uniforms, *, allowed=None, temperature=1.0, top_p=1.0, shaped=None):
    """`draw` over rows of equal settings, temperature and top-p shaping all classes unless told otherwise."""
    logits = np.array(logits, np.float32)
    rows, classes = logits.shape
    return draw(
        logits,
        np.ones(logits.shape, bool) if allowed is None else np.array(allowed),
        temperature=np.full(rows, temperature),
        top_p=np.full(rows, top_p),
        uniforms=np.array(uniforms, np.float64),
        shaped=[(0, classes)] if shaped is None else shaped,
    ).tolist()


def shares(logits, *, count=2000, **settings):
    """How often each class is drawn when the uniforms are spread evenly."""
    uniforms = (np.arange(count) + 0.5) / count
    found = np.bincount(drawn([logits] * count, uniforms, **settings), minlength=len(logits))
    return found / count


class TestDraw:
    def test_classes_come_as_often_as_the_softmax_says(self) -> None:
        probabilities = np.array([0.5, 0.3, 0.15, 0.05])
        assert shares(np.log(probabilities)) == pytest.approx(probabilities, abs=1e-3)

    def test_temperature_divides_the_logits(self) -> None:
        logits = np.array([2.0, 1.0, 0.0])
        cold = np.exp(logits / 0.5) / np.exp(logits / 0.5).sum()
        assert shares(logits, temperature=0.5) == pytest.approx(cold, abs=1e-3)

    def test_top_p_keeps_the_smallest_set_that_holds_the_probability(self) -> None:
        probabilities = np.array([0.05, 0.5, 0.15, 0.3])
        assert shares(np.log(probabilities), top_p=0.7) == pytest.approx([0, 0.625, 0, 0.375], abs=1e-3)

    def test_top_p_keeps_at_least_the_likeliest(self) -> None:
        assert shares(np.log([0.6, 0.4]), top_p=0.01).tolist() == [1.0, 0.0]

    def test_what_is_not_allowed_is_never_drawn_and_counts_for_no_probability(self) -> None:
        logits = np.log([0.5, 0.3, 0.15, 0.05])
        allowed = [[False, True, True, False]] * 2000
        assert shares(logits, allowed=allowed) == pytest.approx([0, 2 / 3, 1 / 3, 0], abs=1e-3)

    def test_the_largest_uniform_draws_something_allowed(self) -> None:
        assert drawn([[0.0, 0.0, -50.0]], [np.nextafter(1.0, 0.0)], allowed=[[True, True, False]]) == [1]

    def test_a_range_keeps_its_probability_as_a_whole(self) -> None:
        probabilities = np.array([0.3, 0.2, 0.1, 0.4])
        found = shares(np.log(probabilities), top_p=0.5, temperature=0.5, shaped=[(0, 3)])
        assert found == pytest.approx([0.6, 0, 0, 0.4], abs=1e-3)

    def test_what_lies_outside_the_ranges_is_drawn_as_it_is(self) -> None:
        probabilities = np.array([0.3, 0.2, 0.1, 0.4])
        assert shares(np.log(probabilities), top_p=0.1, temperature=0.1, shaped=[]) == pytest.approx(
            probabilities, abs=1e-3
        )

    def test_a_range_that_allows_nothing_is_passed_over(self) -> None:
        allowed = [[False, False, True, True]] * 2000
        found = shares(np.zeros(4), allowed=allowed, top_p=0.5, shaped=[(0, 2)])
        assert found == pytest.approx([0, 0, 0.5, 0.5], abs=1e-3)

    def test_waits_and_kinds_of_event_are_not_cut(self) -> None:
        """The settings of the composer: a note or a wait as the network says, the pitch from the likeliest."""
        probabilities = np.full(NUM_CLASSES, 1e-9)
        probabilities[[60, 61, TIME_SHIFT, TIME_SHIFT + 99]] = [0.45, 0.05, 0.49, 0.01]
        found = shares(np.log(probabilities), top_p=0.85, shaped=SHAPED)
        assert found[[60, 61]] == pytest.approx([0.5, 0.0], abs=1e-3)
        assert found[[TIME_SHIFT, TIME_SHIFT + 99]] == pytest.approx([0.49, 0.01], abs=1e-3)

    def test_huge_logits_overflow_nothing(self) -> None:
        assert drawn([[1e30, -1e30, 0.0]], [0.5], temperature=0.01) == [0]

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_a_logit_that_is_no_number_is_an_error(self, bad: float) -> None:
        with pytest.raises(EngineError, match="no distribution"):
            drawn([[0.0, bad]], [0.5])

    def test_a_row_that_allows_nothing_is_an_error(self) -> None:
        with pytest.raises(EngineError):
            drawn([[0.0, 0.0]], [0.5], allowed=[[False, False]])

    @settings(deadline=None, max_examples=50)
    @given(st.integers(0, 2**32), st.integers(2, 40))
    def test_a_row_is_drawn_alike_alone_and_in_any_batch(self, seed: int, rows: int) -> None:
        random = np.random.default_rng(seed)
        arguments: dict[str, Any] = {
            "logits": random.normal(0, 5, (rows, NUM_CLASSES)).astype(np.float32),
            "allowed": random.random((rows, NUM_CLASSES)) < 0.5,
            "temperature": random.uniform(0.5, 1.5, rows),
            "top_p": random.uniform(0.3, 1.0, rows),
            "uniforms": random.random(rows),
        }
        together = draw(**arguments, shaped=SHAPED)
        alone = [
            draw(**{name: value[row : row + 1] for name, value in arguments.items()}, shaped=SHAPED)[0]
            for row in range(rows)
        ]
        assert together.tolist() == alone
        assert arguments["allowed"][np.arange(rows), together].all()


class TestUniforms:
    def test_equal_seeds_give_equal_numbers_and_no_others_do(self) -> None:
        def first(*key: int) -> list[float]:
            uniforms = Uniforms(*key)
            return [uniforms.next() for _ in range(3000)]

        keys = [(1,), (2,), (1, 1), (1, 0, 1), (2**62,)]
        streams = [first(*key) for key in keys]
        assert streams[0] == first(1, 0, 0)
        assert len({tuple(stream) for stream in streams}) == len(keys)
        assert all(0.0 <= u < 1.0 for u in streams[0])
        assert np.mean(streams[0]) == pytest.approx(0.5, abs=0.03)


def on(pitch: int) -> int:
    return pitch


def off(pitch: int) -> int:
    return NOTE_OFF + pitch


def wait(steps: int) -> int:
    return TIME_SHIFT + steps - 1


def loud(velocity_bin: int) -> int:
    return VELOCITY + velocity_bin


def after(*events: int, **rules: Any) -> "Allowed":
    """What the rules of one piece allow after these events, each of which must have been allowed."""
    grammar = PerformanceGrammar([PieceRules(**{"length_seconds": 60.0} | rules)])
    for event in events:
        assert grammar.allowed()[0, event], f"{event} was not allowed"
        grammar.advance(np.array([event]))
    return Allowed(grammar)


class Allowed:
    def __init__(self, grammar: PerformanceGrammar) -> None:
        self.done = bool(grammar.done[0])
        self._row = grammar.allowed()[0]

    def __contains__(self, event: int) -> bool:
        return bool(self._row[event])

    @property
    def begins(self) -> set[int]:
        return set(np.flatnonzero(self._row[:NOTE_OFF]).tolist())

    @property
    def ends(self) -> set[int]:
        return set(np.flatnonzero(self._row[NOTE_OFF:TIME_SHIFT]).tolist())

    @property
    def longest_wait(self) -> int:
        found = np.flatnonzero(self._row[TIME_SHIFT:VELOCITY])
        return int(found.max()) + 1 if len(found) else 0


MIDDLE = (loud(16), on(60))


class TestGrammar:
    def test_a_piece_begins_with_a_velocity_within_half_a_second(self) -> None:
        start = after()
        assert (start.begins, start.ends, start.longest_wait) == (set(), set(), 50)
        assert loud(3) in start

    def test_a_velocity_is_followed_by_a_note(self) -> None:
        allowed = after(loud(3))
        assert (allowed.begins, allowed.ends, allowed.longest_wait) == (set(range(21, 109)), set(), 0)

    def test_a_velocity_changes_something(self) -> None:
        assert loud(16) not in after(*MIDDLE)
        assert loud(17) in after(*MIDDLE)

    def test_a_sounding_pitch_does_not_begin_and_a_silent_one_does_not_end(self) -> None:
        allowed = after(*MIDDLE, wait(10))
        assert on(60) not in allowed
        assert allowed.ends == {60}

    def test_a_pitch_may_begin_again_at_the_instant_of_its_end(self) -> None:
        assert on(60) in after(*MIDDLE, wait(10), off(60))

    def test_at_one_instant_nothing_ends_after_something_began(self) -> None:
        assert after(*MIDDLE, wait(10), on(64)).ends == set()
        assert after(*MIDDLE, wait(10), on(64), wait(100)).ends == {60, 64}

    def test_only_a_full_wait_is_followed_by_another(self) -> None:
        assert after(*MIDDLE, wait(99)).longest_wait == 0
        assert after(*MIDDLE, wait(100)).longest_wait == 100

    def test_pitches_keep_to_the_instrument(self) -> None:
        assert after(loud(3), lowest_pitch=40, highest_pitch=52).begins == set(range(40, 53))

    def test_a_note_that_has_lasted_long_enough_ends_before_anything_else(self) -> None:
        held = after(*MIDDLE, wait(100), on(64), wait(100), max_note_seconds=2.0)
        assert (held.ends, held.begins, held.longest_wait) == ({60}, set(), 0)

    def test_no_wait_reaches_beyond_the_longest_note(self) -> None:
        assert after(*MIDDLE, wait(100), max_note_seconds=1.3).longest_wait == 30

    def test_silence_is_bounded(self) -> None:
        rules = {"max_silence_seconds": 1.5}
        assert after(*MIDDLE, wait(10), off(60), wait(100), **rules).longest_wait == 50
        allowed = after(*MIDDLE, wait(10), off(60), wait(100), wait(50), **rules)
        assert (allowed.longest_wait, allowed.ends, bool(allowed.begins)) == (0, set(), True)

    def test_a_note_begins_now_and_then_whatever_sounds(self) -> None:
        allowed = after(*MIDDLE, wait(100), wait(100), max_gap_seconds=2.0)
        assert (allowed.longest_wait, allowed.ends, bool(allowed.begins)) == (0, {60}, True)

    def test_endless_instants_are_cut_off(self) -> None:
        chord = after(loud(16), *range(30, 54))
        assert (chord.begins, chord.longest_wait) == (set(), 100)

    def test_other_rows_change_nothing(self) -> None:
        rules = [PieceRules(20.0), PieceRules(60.0, lowest_pitch=50, highest_pitch=70)]
        grammar = PerformanceGrammar(rules)
        grammar.advance(np.array([loud(1), loud(2)]))
        grammar.advance(np.array([on(60), on(64)]))
        grammar.advance(np.array([wait(5), wait(100)]))
        assert set(np.flatnonzero(grammar.allowed()[1])) == set(
            np.flatnonzero(after(loud(2), on(64), wait(100), lowest_pitch=50, highest_pitch=70)._row)
        )

    def test_rows_that_are_kept_go_on_as_before(self) -> None:
        grammar = PerformanceGrammar([PieceRules(20.0), PieceRules(60.0), PieceRules(30.0)])
        for events in ([loud(1), loud(2), loud(3)], [on(60), on(64), on(67)], [wait(5), wait(100), wait(7)]):
            grammar.advance(np.array(events))
        before = grammar.allowed()
        grammar.keep(np.array([2, 1]))
        assert (grammar.allowed() == before[[2, 1]]).all()
        assert grammar.seconds_left.tolist() == pytest.approx([29.93, 59.0])


class TestEnding:
    """A ten-second piece: the last notes are held and released within the last moments."""

    rules = {"length_seconds": 10.0}

    def seconds(self, count: int) -> tuple[int, ...]:
        """Notes a second apart that all still sound, and a second after the last of them."""
        return (loud(16), *(event for second in range(count) for event in (on(40 + second), wait(100))))

    def test_before_the_closing_seconds_a_pause_ends_nothing(self) -> None:
        assert after(*self.seconds(5), **self.rules).begins

    def test_a_pause_in_the_closing_seconds_makes_the_sounding_notes_the_last(self) -> None:
        allowed = after(*self.seconds(6), **self.rules)
        assert (allowed.begins, allowed.ends, allowed.longest_wait) == (set(), set(), 100)

    def test_without_a_pause_notes_begin_until_the_last_call(self) -> None:
        busy = (*self.seconds(5), *(event for n in range(17) for event in (on(60 + n), wait(20))))
        assert after(*busy, **self.rules).begins
        assert after(*busy, on(90), wait(10), **self.rules).begins == set()

    def test_the_last_notes_are_released_in_the_last_moments_and_that_is_the_end(self) -> None:
        release = (*self.seconds(6), wait(100), wait(100), wait(100), wait(45))
        allowed = after(*release, **self.rules)
        assert (allowed.begins, len(allowed.ends), allowed.longest_wait) == (set(), 6, 55)
        assert not allowed.done
        assert after(*release, *(off(40 + n) for n in range(6)), **self.rules).done

    def test_what_sounds_at_the_asked_length_ends_there(self) -> None:
        assert after(*self.seconds(6), *[wait(100)] * 4, **self.rules).done

    def test_where_nothing_sounds_a_last_note_begins_in_time(self) -> None:
        rules = {**self.rules, "max_silence_seconds": 9.0, "max_gap_seconds": 9.0}
        silent = (*self.seconds(5), *(off(40 + n) for n in range(5)), *[wait(100)] * 3)
        allowed = after(*silent, **rules)
        assert (allowed.longest_wait, allowed.ends) == (80, set())
        last_call = after(*silent, wait(80), **rules)
        assert (last_call.longest_wait, bool(last_call.begins)) == (0, True)
        assert after(*silent, wait(80), on(60), wait(100), **rules).begins == set()


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 2**32),
    st.sampled_from([0.0, 3.0, 30.0]),
    st.floats(1.0, 10.0),
    st.floats(0.5, 15.0),
    st.integers(0, 115),
    st.sampled_from([(), (0, 4, 7), (1, 4, 8)]),
    st.booleans(),
)
def test_any_network_ends_on_time_and_keeps_the_rules(
    seed: int,
    sharpness: float,
    length_seconds: float,
    max_note_seconds: float,
    lowest_pitch: int,
    triad: tuple[int, ...],
    has_first: bool,
) -> None:
    """Whatever the logits: no dead end, no stuck note, no long silence, and the end where it was asked."""
    rules = PieceRules(
        *(length_seconds, lowest_pitch, lowest_pitch + 12, max_note_seconds),
        first_pitch=lowest_pitch + 5 if has_first else -1,
        closing_pitch_classes=frozenset(triad),
    )
    last_chord: list[tuple[int, int]] = []
    grammar = PerformanceGrammar([rules])
    random = np.random.default_rng(seed)
    taste = random.normal(0, sharpness, NUM_CLASSES)
    began: dict[int, int] = {}
    last_sound = 0
    events = 0
    while not grammar.done[0]:
        allowed = grammar.allowed()
        assert allowed.any()
        logits = taste + random.normal(0, 1, NUM_CLASSES)
        event = int(
            draw(
                logits[None],
                allowed,
                temperature=np.ones(1),
                top_p=np.ones(1),
                uniforms=random.random(1),
                shaped=SHAPED,
            )[0]
        )
        now = int(grammar.state.steps[0])
        if began:
            last_sound = now
        if event < NOTE_OFF:
            assert lowest_pitch <= event <= lowest_pitch + 12
            assert event not in began
            assert now - last_sound <= 300
            if has_first and not last_chord and length_seconds > 3.0:
                assert event == lowest_pitch + 5
            began[event] = now
            last_chord = [*(note for note in last_chord if now - note[0] <= 6), (now, event)]
        elif event < TIME_SHIFT:
            begin = began.pop(event - NOTE_OFF)
            assert 0 < now - begin <= round(max_note_seconds * 100)
            last_sound = now
        grammar.advance(np.array([event]))
        events += 1
        assert events < 400 * (length_seconds + 2)
    end = int(grammar.state.steps[0])
    assert length_seconds - 1.0 <= end / 100 <= length_seconds + 0.005
    assert all(0 < end - begin <= round(max_note_seconds * 100) for begin in began.values())
    if triad and length_seconds > 3.0:
        assert min(pitch for _, pitch in last_chord) % 12 in triad
