"""Bundles: what is written reads back, and whatever else comes is refused in one sentence."""

import hashlib
import io
import json
import struct
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from generator.engine import bundles
from generator.engine.bundles import dequantise, quantise, read_bundle, verify_bundle, write_bundle
from generator.engine.errors import BundleError
from generator.engine.manifest import MAX_MANIFEST_BYTES, parse_manifest, read_manifest
from generator.engine.note_symbols import grid_line
from generator.engine.originality import OriginalityIndex
from tests.engine.fakes import MANIFEST

random = np.random.default_rng(0)
WEIGHTS = {
    "embedding": random.normal(0, 0.5, (120, 9)).astype(np.float32),
    "cell_0/kernel": random.normal(0, 1, (90, 12)).astype(np.float32),
    "cell_0/small": random.normal(0, 1, (30, 30)).astype(np.float32),
    "cell_0/bias": random.normal(0, 1, 12).astype(np.float32),
}
STEP = bytes(4) + b"TFL3" + bytes(range(200))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a sound bundle."""
    path = tmp_path_factory.mktemp("bundles") / "piano.bundle"
    write_bundle(path, MANIFEST, WEIGHTS, STEP)
    return path.read_bytes()


def members_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def with_manifest(data: bytes, change: Any) -> bytes:
    """The bundle with `change` made to the JSON of its manifest."""
    members = members_of(data)
    values = json.loads(members["manifest.json"])
    change(values)
    members["manifest.json"] = json.dumps(values).encode()
    return zipped(members)


def with_weights(data: bytes, stored: bytes) -> bytes:
    """The bundle with other bytes of weights and the checksum that fits them."""
    members = members_of(data)
    members["weights.safetensors"] = stored
    digest = hashlib.sha256(stored).hexdigest()
    return with_manifest(zipped(members), lambda v: v["members"].update({"weights.safetensors": digest}))


def refusal(data: bytes) -> str:
    """The sentence with which the bytes are refused."""
    with pytest.raises(BundleError) as caught:
        read_bundle(data)
    message = caught.value.message
    assert message[0].isupper()
    assert message.endswith(".")
    assert "\n" not in message
    return message


class TestRoundTrip:
    def test_what_is_written_reads_back(self, good: bytes) -> None:
        bundle = read_bundle(good)
        assert bundle.step_function == STEP
        assert bundle.sha256 == hashlib.sha256(good).hexdigest()
        assert bundle.manifest.ensembles == MANIFEST.ensembles
        assert bundle.manifest.weights == {name: array.shape for name, array in WEIGHTS.items()}
        assert bundle.weights.keys() == WEIGHTS.keys()

    def test_equal_contents_give_equal_bytes(self, good: bytes, tmp_path: Path) -> None:
        path = tmp_path / "again.bundle"
        sha256 = write_bundle(path, MANIFEST, dict(reversed(WEIGHTS.items())), STEP)
        assert path.read_bytes() == good
        assert sha256 == hashlib.sha256(good).hexdigest()

    def test_a_path_is_read_and_verified(self, good: bytes, tmp_path: Path) -> None:
        path = tmp_path / "piano.bundle"
        path.write_bytes(good)
        assert verify_bundle(path) == read_bundle(path).manifest

    def test_the_manifest_survives_json(self) -> None:
        assert parse_manifest(json.loads(MANIFEST.as_json())) == MANIFEST
        assert parse_manifest(MANIFEST.as_dict()) == MANIFEST

    def test_nothing_is_left_beside_a_bundle_that_could_not_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "piano.bundle").mkdir()
        with pytest.raises(OSError, match="directory"):
            write_bundle(tmp_path / "piano.bundle", MANIFEST, WEIGHTS, STEP)
        assert [path.name for path in tmp_path.iterdir()] == ["piano.bundle"]

    def test_weights_that_are_no_numbers_are_not_written(self, tmp_path: Path) -> None:
        with pytest.raises(BundleError, match="not all finite"):
            write_bundle(tmp_path / "b", MANIFEST, {"bias": np.array([1.0, np.nan])}, STEP)
        assert not list(tmp_path.iterdir())


class TestOriginality:
    @pytest.fixture
    def index(self) -> OriginalityIndex:
        starts, pitches = np.arange(400) * 3, np.random.default_rng(3).integers(30, 90, 400)
        return OriginalityIndex.build([[grid_line(starts, np.ones(400, int), pitches)]], grid=True)

    def test_the_index_of_the_training_music_reads_back(self, index: OriginalityIndex, tmp_path: Path) -> None:
        path = tmp_path / "rock.bundle"
        write_bundle(path, MANIFEST, WEIGHTS, STEP, originality=index.to_bytes())
        stored = read_bundle(path).originality
        assert stored is not None
        assert stored.to_bytes() == index.to_bytes()
        assert verify_bundle(path).members["originality.bin"] == hashlib.sha256(index.to_bytes()).hexdigest()

    def test_a_bundle_without_one_is_sound(self, good: bytes) -> None:
        assert read_bundle(good).originality is None

    def test_one_that_does_not_fit_the_manifest_is_refused(self, index: OriginalityIndex, tmp_path: Path) -> None:
        path = tmp_path / "rock.bundle"
        write_bundle(path, MANIFEST, WEIGHTS, STEP, originality=index.to_bytes())
        members = members_of(path.read_bytes())
        assert "checksum of originality.bin" in refusal(zipped(members | {"originality.bin": b"ORIG" * 40}))
        del members["originality.bin"]
        assert refusal(zipped(members)) == "The bundle has no originality.bin."

    def test_one_that_cannot_be_read_is_neither_written_nor_verified(self, good: bytes, tmp_path: Path) -> None:
        with pytest.raises(BundleError, match="originality index cannot be read"):
            write_bundle(tmp_path / "rock.bundle", MANIFEST, WEIGHTS, STEP, originality=b"no index")
        assert not list(tmp_path.iterdir())
        digest = hashlib.sha256(b"no index").hexdigest()
        members = members_of(good) | {"originality.bin": b"no index"}
        data = with_manifest(zipped(members), lambda v: v["members"].update({"originality.bin": digest}))
        (tmp_path / "rock.bundle").write_bytes(data)
        # Composing does without; whoever installs it is told.
        assert read_bundle(data).manifest.name == MANIFEST.name
        with pytest.raises(BundleError, match="originality index cannot be read"):
            verify_bundle(tmp_path / "rock.bundle")

    def test_a_large_one_is_refused_before_it_is_unpacked(self, good: bytes) -> None:
        members = members_of(good) | {"originality.bin": random.bytes(3_000_001)}
        assert "originality.bin is larger than" in refusal(zipped(members))


class TestQuantising:
    def test_a_weight_is_off_by_half_a_step_of_its_column_at_most(self) -> None:
        restored = dequantise(quantise(WEIGHTS))
        kernel = WEIGHTS["cell_0/kernel"]
        steps = np.abs(kernel).max(axis=0) / 127
        assert (np.abs(restored["cell_0/kernel"] - kernel) <= steps * 0.5001).all()
        assert (restored["cell_0/bias"] == WEIGHTS["cell_0/bias"]).all()

    def test_quantising_again_changes_nothing(self) -> None:
        stored = quantise(WEIGHTS)
        again = quantise(dequantise(stored))
        assert all((stored[name] == again[name]).all() for name in stored if stored[name].dtype == np.int8)

    def test_a_gathered_table_has_one_scale_and_a_kernel_one_a_column(self) -> None:
        stored = quantise(WEIGHTS)
        assert stored["embedding:scale"].shape == (1,)
        assert stored["cell_0/kernel:scale"].shape == (12,)

    def test_vectors_and_small_matrices_stay_as_they_are(self) -> None:
        stored = quantise(WEIGHTS)
        assert (stored["cell_0/bias"] == WEIGHTS["cell_0/bias"]).all()
        assert (stored["cell_0/small"] == WEIGHTS["cell_0/small"]).all()

    def test_a_column_of_zeros_stays_zero(self) -> None:
        stored = quantise({"kernel": np.zeros((512, 2), np.float32)})
        assert stored["kernel"].dtype == np.int8
        assert not dequantise(stored)["kernel"].any()


class TestDamage:
    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(BundleError, match=r"piano\.bundle cannot be read"):
            read_bundle(tmp_path / "piano.bundle")

    @pytest.mark.parametrize("kept", [0.0, 0.3, 0.9, 0.999])
    def test_a_truncated_bundle(self, good: bytes, kept: float) -> None:
        assert "not a complete zip file" in refusal(good[: int(len(good) * kept)])

    def test_bytes_of_another_kind(self) -> None:
        assert "not a complete zip file" in refusal(b"\x80\x04\x95" + bytes(100))

    @pytest.mark.parametrize("name", ["manifest.json", "weights.safetensors", "step.tflite"])
    def test_a_missing_member(self, good: bytes, name: str) -> None:
        members = members_of(good)
        del members[name]
        assert refusal(zipped(members)) == f"The bundle has no {name}."

    @pytest.mark.parametrize("name", ["weights.safetensors", "step.tflite"])
    def test_a_wrong_checksum(self, good: bytes, name: str) -> None:
        members = members_of(good)
        members[name] = members[name][:-1] + b"?"
        assert f"checksum of {name}" in refusal(zipped(members))

    @pytest.mark.parametrize("name", ["../../etc/cron.d/x", "code.py", "manifest.json/"])
    def test_a_member_that_no_bundle_has(self, good: bytes, name: str) -> None:
        members = members_of(good)
        members.pop("step.tflite")
        assert "an unexpected file" in refusal(zipped(members | {name: b"x"}))

    def test_more_members_than_a_bundle_has(self, good: bytes) -> None:
        assert "too many files" in refusal(zipped(members_of(good) | {f"{n}": b"" for n in range(5000)}))

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_a_member_twice(self, good: bytes) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name in ("manifest.json", "manifest.json", "step.tflite"):
                archive.writestr(name, members_of(good)["manifest.json"])
        assert "twice" in refusal(buffer.getvalue())

    def test_a_zip_bomb(self, good: bytes) -> None:
        members = members_of(good) | {"step.tflite": bytes(30_000_000)}
        assert "more than 100 times its size" in refusal(zipped(members))

    def test_a_member_that_declares_more_than_a_bundle_may_hold(self, good: bytes) -> None:
        assert "256 kB unpacked" in refusal(
            zipped(members_of(good) | {"manifest.json": bytes(MAX_MANIFEST_BYTES + 1)}, zipfile.ZIP_STORED)
        )

    def test_a_member_larger_than_it_declares(self, good: bytes) -> None:
        name = b"step.tflite"
        data = bytearray(good)
        directory = data.rfind(b"PK\x01\x02" + data[data.rfind(b"PK\x01\x02") + 4 :][:42] + name)
        data[directory + 24 : directory + 28] = struct.pack("<I", 10)
        assert refusal(bytes(data))

    def test_an_encrypted_member(self, good: bytes) -> None:
        data = bytearray(good)
        data[data.find(b"PK\x01\x02") + 8] |= 1
        assert "encrypted" in refusal(bytes(data))

    def test_a_packing_that_is_not_supported(self, good: bytes) -> None:
        assert "not supported" in refusal(zipped(members_of(good), zipfile.ZIP_LZMA))

    def test_a_file_larger_than_any_bundle(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bundles, "MAX_BUNDLE_BYTES", 1000)
        (tmp_path / "b").write_bytes(bytes(1001))
        with pytest.raises(BundleError, match="larger than"):
            read_bundle(tmp_path / "b")
        assert "larger than" in refusal(bytes(1001))

    @settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.data())
    def test_any_changed_bytes_give_a_bundle_or_a_bundle_error(self, good: bytes, data: st.DataObject) -> None:
        changed = bytearray(good)
        for _ in range(data.draw(st.integers(1, 5))):
            changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
        try:
            assert read_bundle(bytes(changed)).step_function == STEP
        except BundleError as error:
            assert error.message.endswith(".")


class TestWeights:
    def stored(self, **changes: np.ndarray) -> bytes:
        return save({**quantise(WEIGHTS), **changes})

    def test_numbers_that_are_not_finite(self, good: bytes) -> None:
        bad = WEIGHTS["cell_0/bias"].copy()
        bad[3] = np.nan
        assert "'cell_0/bias' are not all finite" in refusal(with_weights(good, self.stored(**{"cell_0/bias": bad})))

    def test_scales_that_are_not_finite(self, good: bytes) -> None:
        bad = np.full(12, np.inf, np.float32)
        changed = with_weights(good, self.stored(**{"cell_0/kernel:scale": bad}))
        assert "'cell_0/kernel:scale' are not all finite" in refusal(changed)

    def test_scales_that_do_not_fit(self, good: bytes) -> None:
        changed = with_weights(good, self.stored(**{"cell_0/kernel:scale": np.ones(5, np.float32)}))
        assert "no scales that fit" in refusal(changed)

    def test_a_shape_other_than_the_manifest_says(self, good: bytes) -> None:
        changed = with_weights(good, self.stored(**{"cell_0/bias": np.ones(7, np.float32)}))
        assert "expected shape 12 for 'cell_0/bias'; got 7" in refusal(changed)

    def test_a_weight_too_many(self, good: bytes) -> None:
        changed = with_weights(good, self.stored(extra=np.ones(7, np.float32)))
        assert "'extra' is only in one of them" in refusal(changed)

    def test_another_type_of_number(self, good: bytes) -> None:
        changed = with_weights(good, self.stored(**{"cell_0/bias": np.ones(12, np.float64)}))
        assert "Expected weights of int8 or float32" in refusal(changed)

    @pytest.mark.parametrize("stored", [b"", b"\x80\x04pickle", (2**40).to_bytes(8, "little") + b"{}"])
    def test_bytes_that_are_no_weights(self, good: bytes, stored: bytes) -> None:
        assert "weights cannot be read" in refusal(with_weights(good, stored))


class TestManifest:
    def test_a_newer_format_says_so_before_anything_else(self, good: bytes) -> None:
        def newer(values: dict[str, Any]) -> None:
            values.clear()
            values["format"] = 2

        assert "format 2, but this version reads up to 1" in refusal(with_manifest(good, newer))

    @pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"format": NaN}', b"[" * 100_000, b'{"format": 1}'])
    def test_no_manifest_at_all(self, good: bytes, content: bytes) -> None:
        assert "manifest" in refusal(zipped(members_of(good) | {"manifest.json": content}, zipfile.ZIP_STORED))

    @pytest.mark.parametrize(
        ("path", "value", "sentence"),
        [
            ("genre", "Piano!", "lower-case letters, digits and hyphens for genre; got 'Piano!'"),
            ("genre_name", "", "a text of at most 100 characters"),
            ("genre_name", "a\nb", "without control characters"),
            ("name", None, "for name; got None"),
            ("format", 0, "for format; got 0"),
            ("format", True, "for format; got True"),
            ("encoding", [], "an object for encoding; got 0 entries"),
            ("encoding.num_classes", 10**9, "for encoding.num_classes"),
            ("controls.length.min_seconds", -1, "for controls.length.min_seconds; got -1"),
            ("controls.length.max_seconds", 10**400, "for controls.length.max_seconds"),
            ("controls.length.max_seconds", 1, "for controls.length.max_seconds"),
            ("controls.length.presets", [30, "x"], "for controls.length.presets"),
            ("controls.temperature.min", 0, "a number of 0.01 to 10 for controls.temperature.min"),
            ("controls.top_p.default", "0.9", "for controls.top_p.default; got '0.9'"),
            ("defaults.ensemble", "kazoo", "expected one of grand-piano"),
            ("defaults.length_seconds", 9999, "a number of 15 to 300 for defaults.length_seconds"),
            ("ensembles", [], "a list of 1 to 64 objects"),
            ("ensembles.0.voices.0.program", 128, "a whole number of 0 to 127"),
            ("ensembles.0.highest_pitch", 22, "a whole number of 33 to 127"),
            ("ensembles.0.key", "pipe-organ", "different keys"),
            ("network", {"cell": ["lstm"]}, "for network.cell"),
            ("weights", {"a": [0]}, "for weights.a"),
            ("members", {"step.tflite": "abc"}, "64 hexadecimal digits"),
            ("card.commercial_use", "no", "true or false for card.commercial_use"),
        ],
    )
    def test_a_value_that_makes_no_sense_is_named(self, path: str, value: Any, sentence: str) -> None:
        values = json.loads(MANIFEST.as_json())
        target = values
        *parents, last = path.split(".")
        for name in parents:
            target = target[int(name)] if name.isdigit() else target[name]
        target[last] = value
        with pytest.raises(BundleError, match=sentence):
            parse_manifest(values)

    json_values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    )

    @settings(deadline=None, max_examples=300)
    @given(st.data(), json_values)
    def test_any_value_anywhere_gives_a_manifest_or_a_bundle_error(self, data: st.DataObject, value: Any) -> None:
        values = json.loads(MANIFEST.as_json())
        target = values
        while True:
            keys = sorted(target) if isinstance(target, dict) else list(range(len(target)))
            key = data.draw(st.sampled_from(keys))
            if not isinstance(target[key], dict | list) or not target[key] or data.draw(st.booleans()):
                break
            target = target[key]
        target[key] = value
        try:
            manifest = read_manifest(json.dumps(values).encode())
        except BundleError as error:
            assert error.message.endswith(".")
        else:
            assert parse_manifest(manifest.as_dict()) == manifest

    def test_an_ensemble_is_found_by_its_key(self) -> None:
        strings = MANIFEST.ensemble("strings")
        assert strings is not None
        assert [voice.program for voice in strings.voices] == [48]
        assert replace(MANIFEST, ensembles=()).ensemble("strings") is None
