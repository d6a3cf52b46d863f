"""The composers of a worker process: loaded once a bundle, kept by checksum. Never imported by the web process."""

import hashlib
import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from generator.engine.bundles import read_bundle
from generator.engine.composer import Composer, ComposeRequest
from generator.engine.errors import BundleError
from generator.engine.files import write_whole
from generator.engine.runtimes import open_runtime
from generator.errors import NoModelInstalled
from generator.models import Generation, GenreModel

logger = logging.getLogger(__name__)

LOAD_AGAIN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A genre model ready to play."""

    name: str
    sha256: str
    manifest: dict[str, Any]
    composer: Composer

    def warm_up(self) -> None:
        """Composes and writes a second of music: the first step sets up much, the first file imports much."""
        request = ComposeRequest(length_seconds=1.0, seed=0, ensemble=self.manifest["defaults"]["ensemble"])
        self.composer.compose(request).to_midi_bytes()

    def ensemble(self, key: str) -> dict[str, Any]:
        """The ensemble of this key, as the manifest describes it."""
        return next(ensemble for ensemble in self.manifest["ensembles"] if ensemble["key"] == key)


class Composers:
    """Loaded models by checksum: every active one, and at most one other that an earlier job still asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, LoadedModel] = {}
        # When loading a bundle failed, so that the log does not tell it every few seconds.
        self._failed_at: dict[str, float] = {}
        # The composing thread and the keeper thread both load.
        self._lock = threading.Lock()

    def for_generation(self, generation: Generation) -> LoadedModel:
        """The model that the job was asked of; if it was removed since, the genre's active one."""
        model = generation.genre_model or generation.genre.active_model
        if model is None:
            raise NoModelInstalled
        return self.load(model)

    def load(self, model: GenreModel) -> LoadedModel:
        with self._lock:
            loaded = self._loaded.get(model.sha256)
            if loaded is None:
                self._forget_others()
                loaded = LoadedModel(
                    name=model.name,
                    sha256=model.sha256,
                    manifest=model.manifest,
                    composer=open_composer(bundle_file(model)),
                )
                loaded.warm_up()
                self._loaded[model.sha256] = loaded
                logger.info("Loaded %s on %s.", model.name, loaded.composer.runtime.name)
            return loaded

    def load_active(self) -> None:
        """Loads what is active now. A bundle that cannot be loaded is logged; its jobs fail with the reason."""
        for model in active_models():
            failed_at = self._failed_at.get(model.sha256)
            if failed_at is not None and time.monotonic() - failed_at < LOAD_AGAIN_SECONDS:
                continue
            try:
                self.load(model)
            except (BundleError, OSError):
                self._failed_at[model.sha256] = time.monotonic()
                logger.exception("The active model %s cannot be loaded.", model.name)

    def _forget_others(self) -> None:
        active = {model.sha256 for model in active_models()}
        for sha256 in [sha256 for sha256 in self._loaded if sha256 not in active]:
            del self._loaded[sha256]


def active_models() -> list[GenreModel]:
    return list(GenreModel.objects.exclude(active_in=None))


def open_composer(path: Path) -> Composer:
    """A composer on the runtime that RUNTIME names, compiled for every batch size: no piece waits for that."""
    bundle = read_bundle(path)
    runtime = open_runtime(settings.RUNTIME, bundle, num_threads=settings.RUNTIME_THREADS, warm=True)
    return Composer(bundle, runtime=runtime)


def bundle_file(model: GenreModel) -> Path:
    """The bundle as a file of this machine, fetched from storage the first time and checked against its checksum."""
    path = Path(settings.BUNDLE_CACHE_DIR) / f"{model.sha256}.bundle"
    if path.is_file() and _sha256(path.read_bytes()) == model.sha256:
        return path
    try:
        with model.bundle.open("rb") as stream:
            data = stream.read()
    except FileNotFoundError as error:
        raise BundleError(f"The stored bundle of {model.name} is missing. Import it again.") from error
    if _sha256(data) != model.sha256:
        raise BundleError(f"The stored bundle of {model.name} is damaged. Import it again.")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data)
    return path


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


composers = Composers()
