"""`compose`: a genre's bundle, a length and a seed → a MIDI file. Needs no web process, database or migration."""

import hashlib
import json
import secrets
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from generator.engine.errors import BundleError, EngineError, PrimerError
from generator.engine.files import write_whole
from generator.engine.names import folded, unknown_sentence

BUNDLES = Path(__file__).resolve().parents[2] / "bundles"


class Command(BaseCommand):
    help = "Compose one piece and save it as a MIDI file. Prints its facts as JSON on stdout, progress on stderr."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("genre", help="genre, such as piano")
        parser.add_argument("--seconds", dest="length_seconds", help="length in seconds (default: the genre's)")
        parser.add_argument("--bars", help="length in bars instead of seconds, for genres with a beat")
        parser.add_argument("--seed", help="whole number; the same seed gives the same file (default: random)")
        parser.add_argument("--type", dest="ensemble", help="type, such as grand-piano (default: the genre's)")
        parser.add_argument("--style", help="style, such as funk (default: any)")
        parser.add_argument("--qpm", help="tempo in quarter notes per minute (default: the style's)")
        parser.add_argument("--key", help='key, such as "C minor" or "F# dorian" (default: any)')
        parser.add_argument("--density", help="sparse, medium or dense (default: any)")
        parser.add_argument("--feel", help="straight or swing (default: any)")
        parser.add_argument("--voices-off", metavar="PARTS", help="instruments to leave out, such as keys,lead")
        parser.add_argument("--starting-note", metavar="PITCH", help="pitch of the first note; 60 is middle C")
        parser.add_argument("--primer", type=Path, metavar="F.mid", help="a MIDI file to continue")
        parser.add_argument("--without-primer", action="store_true", help="leave the primer out of the piece")
        parser.add_argument(
            "--creativity",
            "--adventurousness",
            dest="adventurousness",
            metavar="LEVEL",
            help="safe, balanced, bold or wild, instead of temperature and top-p",
        )
        parser.add_argument("--temperature", help="higher is less predictable (default: the genre's)")
        parser.add_argument("--top-p", help="lower keeps only the likeliest notes (default: the genre's)")
        parser.add_argument("--bundle", type=Path, metavar="FILE", help="use this bundle instead of the shipped one")
        parser.add_argument("--output", type=Path, required=True, metavar="OUT.mid", help="file to write")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            facts = _compose(
                genre=options["genre"],
                seed=options["seed"],
                primer=options["primer"],
                keep_primer=not options["without_primer"],
                bundle=options["bundle"],
                output=options["output"],
                params={name: options[name] for name in _PARAMS},
            )
        except EngineError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{options['output']} could not be written: {error.strerror or error}.") from error
        except KeyboardInterrupt as error:
            raise CommandError("Stopped. Nothing was written.") from error
        self.stdout.write(json.dumps(facts, ensure_ascii=False))


# Params of `compose_request`, under the names of this command's options.
_PARAMS = (
    *("length_seconds", "bars", "ensemble", "style", "qpm", "key", "density", "feel", "voices_off", "starting_note"),
    *("adventurousness", "temperature", "top_p"),
)


def _compose(
    *,
    genre: str,
    seed: str | None,
    primer: Path | None,
    keep_primer: bool,
    bundle: Path | None,
    output: Path,
    params: dict[str, Any],
) -> dict[str, Any]:
    # Only this command and the worker compose: the modules that need numpy and LiteRT are imported here.
    from generator.engine.bundles import read_bundle
    from generator.engine.composer import Composer
    from generator.engine.controls import compose_request, parse_seed
    from generator.engine.primers import primer_of

    began = time.monotonic()
    loaded = read_bundle(bundle or _shipped_bundle(genre))
    manifest = loaded.manifest
    if folded(genre) not in (folded(manifest.genre), folded(manifest.genre_name)):
        raise BundleError(f"Expected a bundle of genre {genre}; got one of {manifest.genre}.")
    chosen_seed = secrets.randbelow(2**31) if seed is None else parse_seed(seed)
    request = compose_request(manifest, seed=chosen_seed, **params)
    if primer is not None:
        start = primer_of(_read(primer), manifest, request.ensemble, voices_off=request.voices_off)
        request = compose_request(manifest, seed=chosen_seed, primer=start, keep_primer=keep_primer, **params)
    if not output.parent.is_dir():
        raise EngineError(f"Expected an output file in an existing folder; got {output}.")
    composer = Composer(loaded, runtime=settings.RUNTIME, num_threads=settings.RUNTIME_THREADS)
    with _Progress(request.length_seconds) as progress:
        composition = composer.compose(request, on_progress=progress.show)
    data = composition.to_midi_bytes(title=f"{manifest.genre_name}, seed {request.seed}")
    write_whole(output, data)
    return {
        "output": str(output),
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_bytes": len(data),
        "genre": manifest.genre,
        "type": request.ensemble,
        "length_seconds": composition.length_seconds,
        "notes": len(composition.notes),
        "seed": request.seed,
        "qpm": composition.qpm,
        "key": composition.key,
        **{name: getattr(request, name) or None for name in ("style", "density", "feel")},
        "voices_off": list(request.voices_off),
        "primer_seconds": composition.kept_seconds,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "bundle": composition.bundle_name,
        "bundle_sha256": composition.bundle_sha256,
        "runtime": composition.runtime,
        "wall_seconds": round(time.monotonic() - began, 3),
    }


def _shipped_bundle(genre: str) -> Path:
    shipped = sorted(path.stem for path in BUNDLES.glob("*.bundle"))
    name = next((name for name in shipped if folded(name) == folded(genre)), None)
    if name:
        return BUNDLES / f"{name}.bundle"
    if not shipped:
        raise BundleError("No bundles are shipped with this copy. Name one with --bundle FILE.")
    raise BundleError(unknown_sentence("genre", genre, shipped))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PrimerError(f"The primer {path.name} could not be read: {error.strerror or error}.") from error


class _Progress:
    """A bar of the seconds composed, on stderr, so that stdout holds the facts alone."""

    def __init__(self, length_seconds: float) -> None:
        from tqdm import tqdm

        self._bar = tqdm(
            total=length_seconds,
            desc="Composing",
            unit="s",
            file=sys.stderr,
            bar_format="{desc}: {percentage:3.0f}% |{bar}| {n:.0f} of {total:.0f} s of music [{elapsed}]",
        )

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()

    def show(self, seconds: float) -> None:
        # With a primer there is more than was asked for.
        self._bar.total = max(self._bar.total or 0.0, seconds)
        self._bar.update(seconds - self._bar.n)
