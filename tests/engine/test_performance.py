"""The 388 events against note_seq, which defined them, and the keyboard features against a plain reading of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.engine.encodings import performance
from generator.engine.encodings.performance import NoteArrays, PianoState


def note_arrays(*notes: tuple[int, int, float, float]) -> NoteArrays:
    """Notes as (pitch, velocity, start seconds, end seconds)."""
    table = np.array(notes, float).reshape(-1, 4)
    return NoteArrays(table[:, 2], table[:, 3], table[:, 0].astype(np.uint8), table[:, 1].astype(np.uint8)).sorted()


def note_seq_classes(notes: NoteArrays) -> list[int]:
    import note_seq
    from note_seq import performance_encoder_decoder, performance_lib, sequences_lib

    sequence = note_seq.NoteSequence()
    for i in range(len(notes)):
        sequence.notes.add(
            pitch=int(notes.pitches[i]),
            velocity=int(notes.velocities[i]),
            start_time=float(notes.start_seconds[i]),
            end_time=float(notes.end_seconds[i]),
        )
    sequence.total_time = float(notes.end_seconds.max())
    quantized = sequences_lib.quantize_note_sequence_absolute(sequence, performance.STEPS_PER_SECOND)
    events = performance_lib.Performance(quantized, num_velocity_bins=performance.NUM_VELOCITY_BINS)
    encoding = performance_encoder_decoder.PerformanceOneHotEncoding(num_velocity_bins=performance.NUM_VELOCITY_BINS)
    return [encoding.encode_event(event) for event in events]


@st.composite
def performances(draw: st.DrawFn, max_notes: int = 40) -> NoteArrays:
    """Any notes, pitches overlapping or not."""
    count = draw(st.integers(1, max_notes))
    notes = []
    for _ in range(count):
        start = draw(st.floats(0, 20, allow_nan=False))
        notes.append(
            (
                draw(st.integers(0, 127)),
                draw(st.integers(1, 127)),
                start,
                start + draw(st.floats(0.0001, 5, allow_nan=False)),
            )
        )
    return note_arrays(*notes)


@settings(max_examples=60, deadline=None)
@given(performances())
def test_class_indices_equal_note_seq_over_random_notes(notes: NoteArrays) -> None:
    assert performance.encode(notes).tolist() == note_seq_classes(notes)


def test_class_indices_of_a_hand_written_bar() -> None:
    notes = note_arrays((60, 64, 0.0, 0.5), (64, 64, 0.0, 1.75), (67, 100, 1.0, 1.5))
    assert performance.encode(notes).tolist() == [
        performance.VELOCITY + 15,
        60,
        64,
        performance.TIME_SHIFT + 49,
        128 + 60,
        performance.TIME_SHIFT + 49,
        performance.VELOCITY + 24,
        67,
        performance.TIME_SHIFT + 49,
        128 + 67,
        performance.TIME_SHIFT + 24,
        128 + 64,
    ]


def test_long_gaps_take_several_time_shifts() -> None:
    notes = note_arrays((60, 64, 0.0, 0.1), (60, 64, 3.35, 3.5))
    shifts = [int(e) for e in performance.encode(notes) if performance.TIME_SHIFT <= e < performance.VELOCITY]
    assert sum(e - performance.TIME_SHIFT + 1 for e in shifts) == 350
    assert shifts[1:4] == [performance.TIME_SHIFT + 99] * 3


def test_no_notes_are_no_events() -> None:
    assert len(performance.encode(note_arrays())) == 0
    assert len(performance.decode(np.zeros(0, np.uint16))) == 0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, performance.NUM_CLASSES - 1), max_size=200))
def test_decoding_any_events_gives_sound_notes_and_encoding_them_is_stable(classes: list[int]) -> None:
    notes = performance.decode(np.array(classes, np.int64))
    assert (notes.end_seconds > notes.start_seconds).all()
    assert ((notes.velocities >= 1) & (notes.velocities <= 127)).all()
    for pitch in set(notes.pitches.tolist()):
        mine = notes.take(np.flatnonzero(notes.pitches == pitch))
        assert (mine.start_seconds[1:] >= mine.end_seconds[:-1] - 1e-9).all()
    again = performance.decode(performance.encode(notes))
    assert again.pitches.tolist() == notes.pitches.tolist()
    assert np.allclose(again.start_seconds, notes.start_seconds - 0, atol=1e-9)
    assert again.velocities.tolist() == notes.velocities.tolist()


def test_velocity_survives_within_half_a_bin() -> None:
    for velocity in range(1, 128):
        notes = performance.decode(performance.encode(note_arrays((60, velocity, 0.0, 1.0))))
        assert abs(int(notes.velocities[0]) - velocity) <= performance.VELOCITY_BIN_SIZE // 2


def plain_features(events: list[int]) -> np.ndarray:
    """The definition, spelled out: what sounds and since when, after all `events`."""
    step, onsets = 0, {}
    for event in events:
        if event < 128:
            onsets[event] = step
        elif event < 256:
            onsets.pop(event - 128, None)
        elif event < 356:
            step += event - 255
    features = np.zeros(256, np.float32)
    for pitch, onset in onsets.items():
        features[pitch] = 1
        features[128 + pitch] = 0.5 * np.log(1 + (step - onset) / 10)
    return features


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, performance.START), min_size=1, max_size=120))
def test_the_composers_keyboard_and_the_compiled_one_agree_with_the_definition(classes: list[int]) -> None:
    from generator.engine.encodings.performance_arrays import advance, piano_features

    state = PianoState(2)
    events = np.array(classes, np.uint16)
    features = np.zeros((len(events), performance.NUM_FEATURES), np.float32)
    steps = piano_features(events, np.full(128, -1, np.int64), 0, features)
    for i, event in enumerate(classes):
        state.advance(np.array([event, performance.START]))
        expected = plain_features(classes[: i + 1])
        assert np.allclose(state.features()[0, :256], expected, atol=1e-6)
        assert np.allclose(features[i, :256], expected, atol=1e-6)
    assert not state.features()[1].any()
    assert steps == state.steps[0] == advance(events, np.full(128, -1, np.int64), 0)


def test_countdown_is_a_partition_that_moves_with_the_time_left() -> None:
    seconds = np.array([-1.0, 0.0, 0.5, 5.0, 60.0, 300.0, 4000.0], np.float32)
    columns = performance.countdown_features(seconds)
    assert np.allclose(columns.sum(1), 1.0, atol=1e-5)
    centre = columns @ np.arange(performance.NUM_COUNTDOWN_FEATURES)
    assert centre[0] == centre[1] == 0 and centre[-1] == centre[-2] == pytest.approx(15)
    assert (np.diff(centre[1:6]) > 0).all()


def test_unknown_controls_are_zeros_row_by_row() -> None:
    features = PianoState(2).features(np.array([np.nan, 10.0], np.float32), np.array([3.0, np.nan], np.float32))
    countdown, density = features[:, performance.COUNTDOWN_FEATURE : performance.DENSITY_FEATURE], features[:, -8:]
    assert not countdown[0].any() and countdown[1].sum() == pytest.approx(1)
    assert density[0].tolist() == [0, 0, 1, 0, 0, 0, 0, 0] and not density[1].any()
