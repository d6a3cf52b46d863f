"""Bundles: one zip file with everything needed to serve a genre.

======================  ========================================================================
member                  content
======================  ========================================================================
``manifest.json``       `generator.engine.manifest`, with the sha256 of each other member
``weights.safetensors``  matrices as int8 with float32 scales, vectors as float32
``step.tflite``         the LiteRT step function, one signature for each batch size
``originality.bin``     optional: `generator.engine.originality.OriginalityIndex` of the training music
======================  ========================================================================

Bundles are untrusted. Nothing in them is executed or unpickled, sizes are checked before anything is unpacked, and
errors are one sentence. numpy and safetensors are imported where they are used, so that the web process can import this
module for manifests.
"""

import hashlib
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generator.engine.errors import BundleError
from generator.engine.files import write_whole
from generator.engine.manifest import (
    FORMAT,
    MAX_MANIFEST_BYTES,
    Card,
    Controls,
    Defaults,
    Encoding,
    Ensemble,
    Manifest,
    read_manifest,
)

if TYPE_CHECKING:
    import numpy as np

    from generator.engine.originality import OriginalityIndex

__all__ = [
    "FORMAT",
    "Bundle",
    "Card",
    "Controls",
    "Defaults",
    "Encoding",
    "Ensemble",
    "Manifest",
    "read_bundle",
    "verify_bundle",
    "write_bundle",
    "write_with_step_function",
]

MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
STEP_FUNCTION = "step.tflite"
ORIGINALITY = "originality.bin"

MAX_BUNDLE_BYTES = 64 * 1024 * 1024
MAX_COMPRESSION = 100
_MAX_MEMBER_BYTES = {
    MANIFEST: MAX_MANIFEST_BYTES,
    WEIGHTS: MAX_BUNDLE_BYTES,
    STEP_FUNCTION: MAX_BUNDLE_BYTES,
    ORIGINALITY: 3_000_000,
}
_MAX_TENSORS = 512
_MAX_HEADER_BYTES = 256 * 1024

# A matrix is stored as int8 beside its scales: one per column, or one for a whole table whose rows are gathered.
_SCALE = ":scale"
_GATHERED = "embedding"
# LiteRT's converter does not quantise smaller constants.
_MIN_QUANTISED = 1024

_END_OF_ZIP = b"PK\x05\x06"
_END_OF_ZIP_BYTES = 22
_ZIP64_LOCATOR = b"PK\x06\x07"
_ENCRYPTED = 0x1
# The earliest time zip can store; real times would make equal bundles differ.
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files all match the manifest.

    Attributes:
        manifest: its facts.
        step_function: LiteRT flatbuffer.
        sha256: of the whole file, 64 hexadecimal digits.
        stored_weights: arrays as stored in the file, int8 and float32, with their scales.
        stored_originality: `ORIGINALITY` as stored in the file, or None.
    """

    manifest: Manifest
    step_function: bytes = field(repr=False)
    sha256: str
    stored_weights: "Mapping[str, np.ndarray]" = field(repr=False)
    stored_originality: bytes | None = field(default=None, repr=False)

    @cached_property
    def originality(self) -> "OriginalityIndex | None":
        """The index of the training music, or None.

        Raises:
            BundleError: it cannot be read. `verify_bundle` detects that earlier.
        """
        from generator.engine.originality import OriginalityIndex

        return None if self.stored_originality is None else OriginalityIndex.from_bytes(self.stored_originality)

    @cached_property
    def weights(self) -> "dict[str, np.ndarray]":
        """float32 arrays by name: the values every runtime uses."""
        return dequantise(self.stored_weights)


def read_bundle(source: str | os.PathLike[str] | bytes) -> Bundle:
    """The bundle in a file or in bytes; its originality index is read on demand.

    Raises:
        BundleError: it cannot be read, is damaged, unsafe, too new or inconsistent.
    """
    data = source if isinstance(source, bytes) else _file_bytes(Path(source))
    members = _members(data)
    manifest = read_manifest(members.pop(MANIFEST))
    for name in (WEIGHTS, STEP_FUNCTION, ORIGINALITY):
        if name not in members:
            if name == ORIGINALITY and name not in manifest.members:
                continue
            raise BundleError(f"The bundle has no {name}.")
        if manifest.members.get(name) != hashlib.sha256(members[name]).hexdigest():
            raise BundleError(f"The bundle is damaged: the checksum of {name} does not match its manifest.")
    originality = members.get(ORIGINALITY)
    stored = _read_weights(members[WEIGHTS])
    _check_weights(stored, manifest)
    return Bundle(manifest, members[STEP_FUNCTION], hashlib.sha256(data).hexdigest(), stored, originality)


def verify_bundle(path: str | os.PathLike[str]) -> Manifest:
    """The manifest of a bundle that is valid in every part.

    Raises:
        BundleError: as `read_bundle` does.
    """
    bundle = read_bundle(path)
    _ = bundle.originality
    return bundle.manifest


def write_bundle(
    path: str | os.PathLike[str],
    manifest: Manifest,
    weights: "Mapping[str, np.ndarray]",
    step_function: bytes,
    *,
    originality: bytes | None = None,
) -> str:
    """Write a bundle as .part, then rename it. Equal contents give equal bytes.

    Args:
        manifest: without shapes and checksums, which are added here.
        weights: float32 arrays by name; matrices are stored as int8.
        step_function: built from the weights as they are stored, which
            `generator.engine.runtimes.export.export_bundle` takes care of.
        originality: `OriginalityIndex.to_bytes` of the training music, if there is one.

    Returns:
        The file's sha256.

    Raises:
        BundleError: `read_bundle` would reject it.
    """
    from safetensors.numpy import save

    stored = quantise(weights)
    files = {WEIGHTS: save(dict(stored)), STEP_FUNCTION: bytes(step_function)}
    if originality is not None:
        files[ORIGINALITY] = bytes(originality)
    manifest = replace(
        manifest,
        weights={name: array.shape for name, array in sorted(weights.items())},
        members={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    )
    return _write(path, manifest, files)


def write_with_step_function(path: str | os.PathLike[str], bundle: Bundle) -> str:
    """Write a loaded bundle with its current step function; everything else stays as stored.

    Returns:
        The file's sha256.

    Raises:
        BundleError: `read_bundle` would reject it.
    """
    from safetensors.numpy import save

    files = {WEIGHTS: save(dict(bundle.stored_weights)), STEP_FUNCTION: bundle.step_function}
    if bundle.stored_originality is not None:
        files[ORIGINALITY] = bundle.stored_originality
    members = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return _write(path, replace(bundle.manifest, members=members), files)


def _write(path: str | os.PathLike[str], manifest: Manifest, files: dict[str, bytes]) -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in ({MANIFEST: manifest.as_json()} | files).items():
            info = zipfile.ZipInfo(name, _ZIP_EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, content, compresslevel=9)
    data = buffer.getvalue()
    _ = read_bundle(data).originality

    write_whole(Path(path), data)
    return hashlib.sha256(data).hexdigest()


def quantise(weights: "Mapping[str, np.ndarray]") -> "dict[str, np.ndarray]":
    """Matrices as int8 with symmetric scales, the rest as float32; the same choice and rounding as LiteRT's converter.

    Raises:
        BundleError: a weight is not finite.
    """
    import numpy as np

    stored: dict[str, np.ndarray] = {}
    for name, array in weights.items():
        array = np.asarray(array, np.float32)
        if not np.isfinite(array).all():
            raise BundleError(f"The weights of {name} are not all finite numbers.")
        if array.ndim != 2 or array.size < _MIN_QUANTISED:
            stored[name] = np.ascontiguousarray(array)
            continue
        axis = None if name.endswith(_GATHERED) else 0
        largest = np.abs(array).max(axis=axis, keepdims=True)
        scale = np.where(largest > 0, largest / np.float32(127), 1).astype(np.float32)
        stored[name] = np.clip(np.rint(array / scale), -127, 127).astype(np.int8)
        stored[name + _SCALE] = np.ascontiguousarray(scale.reshape(-1))
    return stored


def dequantise(stored: "Mapping[str, np.ndarray]") -> "dict[str, np.ndarray]":
    """The inverse of `quantise`, up to rounding."""
    import numpy as np

    return {
        name: array.astype(np.float32) * stored[name + _SCALE] if array.dtype == np.int8 else array
        for name, array in stored.items()
        if not name.endswith(_SCALE)
    }


def _file_bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BUNDLE_BYTES:
            raise BundleError(f"The bundle is larger than {MAX_BUNDLE_BYTES // 2**20} MB.")
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"The bundle {path.name} cannot be read: {error.strerror or error}.") from error


def _members(data: bytes) -> dict[str, bytes]:
    """The content of each file, once names and sizes have been checked."""
    if len(data) > MAX_BUNDLE_BYTES:
        raise BundleError(f"The bundle is larger than {MAX_BUNDLE_BYTES // 2**20} MB.")
    _check_directory(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            names = [info.filename for info in infos]
            unknown = sorted(set(names) - set(_MAX_MEMBER_BYTES))
            if unknown:
                raise BundleError(f"The bundle contains an unexpected file: {unknown[0][:60]!r}.")
            if len(names) > len(set(names)):
                raise BundleError("The bundle contains the same file twice.")
            if MANIFEST not in names:
                raise BundleError(f"The bundle has no {MANIFEST}.")
            for info in infos:
                _check_member(info)
            return {info.filename: _unpacked(archive, info) for info in infos}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise BundleError("The bundle is damaged: it is not a complete zip file.") from error


def _check_directory(data: bytes) -> None:
    """Reject a directory of millions of entries before the zip module builds it."""
    end = data.rfind(_END_OF_ZIP, max(0, len(data) - _END_OF_ZIP_BYTES - 65535))
    if end < 0 or end + _END_OF_ZIP_BYTES > len(data):
        raise BundleError("The bundle is damaged: it is not a complete zip file.")
    entries, directory_bytes = struct.unpack("<H I", data[end + 10 : end + 16].ljust(6, b"\0"))
    if (
        entries > len(_MAX_MEMBER_BYTES)
        or directory_bytes > 64 * 1024
        or data[max(0, end - 20) :][:4] == _ZIP64_LOCATOR
    ):
        raise BundleError("The bundle contains too many files.")


def _check_member(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & _ENCRYPTED:
        raise BundleError(f"The bundle's {info.filename} is encrypted.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BundleError(f"The bundle's {info.filename} is packed in a way that is not supported.")
    if info.file_size > _MAX_MEMBER_BYTES[info.filename]:
        raise BundleError(
            f"The bundle's {info.filename} is larger than {_MAX_MEMBER_BYTES[info.filename] // 1024:,} kB unpacked."
        )
    if info.file_size > MAX_COMPRESSION * max(1, info.compress_size):
        raise BundleError(f"The bundle's {info.filename} unpacks to more than {MAX_COMPRESSION} times its size.")


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as file:
        # The declared size has been checked; one more byte means the declaration was false.
        content = file.read(info.file_size + 1)
    if len(content) != info.file_size:
        raise BundleError(f"The bundle's {info.filename} has another size than the bundle says.")
    return content


def _read_weights(data: bytes) -> "dict[str, np.ndarray]":
    from safetensors import SafetensorError
    from safetensors.numpy import load

    header_bytes = int.from_bytes(data[:8], "little")
    if len(data) < 8 or header_bytes > min(_MAX_HEADER_BYTES, len(data) - 8):
        raise BundleError("The bundle's weights cannot be read.")
    try:
        return load(data)
    # A dtype that numpy does not have raises KeyError here.
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise BundleError("The bundle's weights cannot be read.") from error


def _check_weights(stored: "Mapping[str, np.ndarray]", manifest: Manifest) -> None:
    import numpy as np

    if len(stored) > _MAX_TENSORS:
        raise BundleError(f"The bundle has more than {_MAX_TENSORS} weights.")
    shapes = {name: array.shape for name, array in stored.items() if not name.endswith(_SCALE)}
    for name in sorted(set(shapes) ^ set(manifest.weights)):
        raise BundleError(f"The bundle's weights do not fit its manifest: {name[:60]!r} is only in one of them.")
    for name, shape in manifest.weights.items():
        if shapes[name] != shape:
            raise BundleError(
                f"The bundle's weights do not fit its manifest: expected shape {_said(shape)} for {name[:60]!r}; "
                f"got {_said(shapes[name])}."
            )
    for name, array in stored.items():
        if array.dtype == np.int8:
            scale: Any = stored.get(name + _SCALE)
            if (
                scale is None
                or array.ndim != 2
                or scale.dtype != np.float32
                or scale.shape
                not in (
                    (1,),
                    (array.shape[1],),
                )
            ):
                raise BundleError(f"The bundle's weights of {name[:60]!r} have no scales that fit.")
        elif array.dtype != np.float32:
            raise BundleError(
                f"Expected weights of int8 or float32 in the bundle; got {array.dtype} for {name[:60]!r}."
            )
        elif not np.isfinite(array).all():
            raise BundleError(f"The bundle's weights of {name[:60]!r} are not all finite numbers.")


def _said(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "of one number"
