"""Bundles that are whole but whose manifest, weights and step function tell three different stories.

Whatever the fault, it shows when the bundle is read or when a composer is made of it, in one sentence; never as another
error, and never in the middle of a piece.
"""

import dataclasses
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generator.engine.bundles import Bundle, read_bundle, write_bundle
from generator.engine.composer import Composer
from generator.engine.controls import compose_request
from generator.engine.errors import BundleError
from generator.engine.manifest import Encoding, Manifest
from generator.engine.music import PARTS
from tests.tiny_bundle import tiny_bundle

PERFORMANCE = Encoding("performance", 100, 32, 388)


@pytest.fixture(scope="module")
def sound() -> Bundle:
    return read_bundle(tiny_bundle())


def written_and_played(path: Path, manifest: Manifest, weights: Any, step_function: bytes) -> None:
    write_bundle(path, manifest, weights, step_function)
    Composer(read_bundle(path), runtime="litert")


@pytest.fixture
def refused(tmp_path, sound):
    """The sentence with which a bundle is refused; fields of the sound one are replaced, checksums made to fit."""

    def refused(manifest: Manifest | None = None, step_function: bytes | None = None) -> str:
        parts = (manifest or sound.manifest, sound.weights, step_function or sound.step_function)
        with pytest.raises(BundleError) as caught:
            written_and_played(tmp_path / "faulty.bundle", *parts)
        sentence = caught.value.message
        assert sentence.endswith(".")
        assert "\n" not in sentence
        return sentence

    return refused


def with_encoding(manifest: Manifest, **changes: Any) -> Manifest:
    return dataclasses.replace(manifest, encoding=dataclasses.replace(PERFORMANCE, **changes))


def test_the_sound_one_composes(sound) -> None:
    composer = Composer(sound, runtime="litert")
    assert composer.compose(compose_request(sound.manifest, seed=1, length_seconds=15)).notes


@pytest.mark.parametrize(
    "encoding",
    [
        {"num_classes": 400},
        {"name": "melody"},
        {"name": "band", "num_classes": 388},
        {"velocity_bins": 16},
        {"steps_per_second": 50},
    ],
    ids=str,
)
def test_an_encoding_that_the_network_does_not_play(refused, sound, encoding) -> None:
    assert "encoding" in refused(manifest=with_encoding(sound.manifest, **encoding))


def test_parts_that_no_ensemble_plays(refused, sound) -> None:
    changes = {"name": "band", "steps_per_second": 0, "steps_per_quarter": 12, "parts": ("drums",), "num_classes": 100}
    assert refused(manifest=with_encoding(sound.manifest, **changes))


def test_a_band_with_the_step_function_of_a_piano(refused, sound) -> None:
    from generator.engine.encodings.band import BandSpec
    from tests.manifests import band_manifest

    classes = BandSpec(PARTS, 8, 0).num_classes
    encoding = Encoding("band", 0, 8, classes, steps_per_quarter=12, parts=PARTS)
    assert "step function" in refused(
        manifest=dataclasses.replace(band_manifest(), encoding=encoding, network=sound.manifest.network)
    )


class TestStepFunctions:
    @pytest.mark.parametrize(
        "step_function",
        [b"no", bytes(100), b"\x1c\x00\x00\x00TFL3", b"\xff\xff\xff\xffTFL3" + bytes(500)],
        ids=range(4),
    )
    def test_bytes_that_are_none(self, refused, step_function) -> None:
        assert "step function" in refused(step_function=step_function)

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
    def test_one_cut_off(self, refused, sound, share) -> None:
        whole = sound.step_function
        assert "step function" in refused(step_function=whole[: int(len(whole) * share)])

    def test_one_without_a_batch_size(self, refused, sound) -> None:
        assert "step function" in refused(step_function=sound.step_function.replace(b"step_16", b"step_61"))

    def test_one_whose_inputs_are_called_otherwise(self, refused, sound) -> None:
        assert "step function" in refused(step_function=sound.step_function.replace(b"features", b"gestures"))

    @pytest.mark.parametrize("seed", range(12))
    def test_damage_shows_before_a_piece_is_begun(self, tmp_path, sound, seed) -> None:
        """Or it changes numbers alone, which only building the step function anew finds out."""
        rng = random.Random(seed)
        damaged = bytearray(sound.step_function)
        damaged[rng.randrange(8, 2000) if seed % 2 else rng.randrange(len(damaged) - 8000, len(damaged))] ^= 128
        bundle = dataclasses.replace(sound, step_function=bytes(damaged))
        try:
            composer = Composer(bundle, runtime="litert")
        except BundleError as error:
            assert error.message.endswith(".")
        else:
            runtime = composer.runtime
            for batch in (1, 4, 16):
                runtime.step(
                    np.zeros(batch, np.int32),
                    np.zeros((batch, runtime.num_features), np.float32),
                    np.zeros((batch, runtime.state_size), np.float32),
                )
