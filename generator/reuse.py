"""Asking again with the settings of an earlier request: the address that carries them, and the form that it fills.

The address names everything that was chosen. What the form cannot take over is said in one line.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.urls import reverse

from generator.choices import GenreChoice
from generator.engine.errors import ControlError
from generator.engine.keys import parse_key
from generator.engine.lengths import length_text, parse_length
from generator.engine.manifest import Manifest
from generator.engine.names import find_named
from generator.models import MAX_TAKES, Generation, GenreModel, Take
from generator.params import PARAMS, WORDS, manifest_of
from library.models import Piece
from library.templatetags.music import accidentals, clock

REUSED = "again"
MIDI_AGAIN = "Choose your MIDI file again; it was used only for that piece."
FROM_A_PIECE = {
    Piece.Kind.CONTINUE: "That piece continued another. To do that again, open the other piece and choose Continue.",
    Piece.Kind.VARY: "That piece varied another. To do that again, open the other piece and choose Vary.",
}
NEW_SEED = "The seed is random, so the music will be new."

# ---- the address ----------------------------------------------------------------------------------------------------


def again_url(generation: Generation, model: GenreModel | None = None) -> str:
    """The compose page with the settings of a request; `model` is the one that composed, where that is known."""
    return _address(settings_of(generation, model))


def again_url_of_piece(piece: Piece) -> str:
    """The same for a piece."""
    return _address(settings_of_piece(piece))


def settings_of(generation: Generation, model: GenreModel | None = None) -> dict[str, str]:
    """By the names of an address."""
    model = model or generation.genre_model
    settings = _settings(generation.genre.slug, generation.params, model, generation.length_seconds)
    if generation.takes_asked > 1:
        settings["takes"] = str(generation.takes_asked)
    if generation.start == Generation.Start.FILE:
        settings |= {"start": "midi", "keep_primer": "true" if generation.keep_primer else "false"}
    if generation.kind in FROM_A_PIECE:
        settings["kind"] = generation.kind
    return settings


def settings_of_piece(piece: Piece) -> dict[str, str]:
    """Of the request that it came of, else of what the piece itself keeps of it."""
    take = Take.objects.select_related("generation__genre", "generation__genre_model").filter(piece=piece).first()
    if take is not None:
        return settings_of(take.generation)
    params = piece.params or {
        "ensemble": piece.ensemble,
        "temperature": piece.temperature,
        "top_p": piece.top_p,
    }
    model = GenreModel.objects.filter(sha256=piece.bundle_sha256).first()
    return _settings(piece.genre, params, model, piece.length_seconds)


def _address(settings: dict[str, str]) -> str:
    return f"{reverse('generator:compose')}?{urlencode(settings | {REUSED: '1'})}"


def _settings(genre: str, params: dict[str, Any], model: GenreModel | None, length_seconds: float) -> dict[str, str]:
    settings = {"genre": genre}
    if not params.get("bars"):
        settings["length"] = length_text(params.get("length_seconds") or math.floor(length_seconds + 0.5))
    left_out = {"length_seconds", *_following(params, model)}
    for name in PARAMS:
        value = params.get(name)
        if name in left_out or value in (None, "", []):
            continue
        if isinstance(value, list):
            value = ",".join(map(str, value))
        settings[name] = _number_text(value) if isinstance(value, float) else str(value)
    return settings


def _following(params: dict[str, Any], model: GenreModel | None) -> set[str]:
    """Which of temperature and top-p follow from the level that was chosen, or from the model where none was."""
    numbers = ("temperature", "top_p")
    manifest = _manifest_of(model)
    word = params.get("adventurousness")
    if manifest is None:
        return set(numbers) if word else set()
    level = manifest.controls.level(word) if word else None
    usual = level or manifest.defaults
    return {name for name in numbers if params.get(name) == getattr(usual, name)}


def _manifest_of(model: GenreModel | None) -> Manifest | None:
    try:
        return manifest_of(model.manifest) if model else None
    except ValidationError:
        return None


def _number_text(value: float) -> str:
    """Every digit of it, and none behind a whole number."""
    return f"{value:.0f}" if value == int(value) else repr(value)


# ---- the form -------------------------------------------------------------------------------------------------------


@dataclass
class Reused:
    """Values of the form by the names of its fields, and what is said above it."""

    values: dict[str, Any] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def note(self) -> str:
        lost = f"Not available here, so left out: {', '.join(self.left_out)}." if self.left_out else ""
        return " ".join(filter(None, [lost, *self.remarks]))


def reused(genres: list[GenreChoice], wanted: Mapping[str, str]) -> Reused:
    """What an address asks for, as far as the genres offer it; the models' defaults for the rest."""
    found = Reused()
    if not genres:
        return found
    # Longer is nothing that the page has written.
    sent = {name: value[:200] for name, value in wanted.items() if value.strip()}
    genre = find_named(genres, sent.get("genre", ""), key="slug")
    if genre is None:
        found.left_out += [f"genre {sent['genre'][:40]}"] if "genre" in sent else []
        genre = genres[0]
    ensemble = find_named(genre.ensembles, sent.get("ensemble", ""))
    if ensemble is None and "ensemble" in sent:
        found.left_out.append(f"type {sent['ensemble'][:40]}")
    key = ensemble.key if ensemble else genre.default_ensemble
    found.values = {"genre": genre.slug, "ensemble": key, "takes": "1", "start": "nothing", "keep_primer": True}
    _length(found, genre, sent)
    _choices(found, genre, sent)
    _numbers(found, genre, sent)
    _musical(found, genre, key, sent)
    _start(found, genre, sent)
    if REUSED in sent:
        found.remarks += [FROM_A_PIECE[Piece.Kind(sent["kind"])]] if sent.get("kind") in FROM_A_PIECE else []
        found.remarks.append(NEW_SEED)
    return found


def _length(found: Reused, genre: GenreChoice, sent: Mapping[str, str]) -> None:
    bars = sent.get("bars", "")
    if bars and genre.controls["length"]["bars"] and bars.isascii() and bars.isdigit() and int(bars) > 0:
        found.values |= {"bars": bars, "length": "", "length_preset": ""}
        return
    if bars:
        found.left_out.append(f"{bars[:10]} bars")
    seconds = genre.default_seconds
    try:
        asked = parse_length(sent["length"]) if "length" in sent else seconds
    except ValueError:
        asked = seconds
    if genre.min_seconds <= asked <= genre.max_seconds:
        seconds = asked
    else:
        found.left_out.append(f"length {clock(asked)}")
    is_preset = seconds in genre.presets
    found.values |= {
        "length_preset": _number_text(seconds) if is_preset else "",
        "length": "" if is_preset else length_text(seconds),
    }


def _choices(found: Reused, genre: GenreChoice, sent: Mapping[str, str]) -> None:
    for name in ("style", "feel", "density", "adventurousness"):
        if name not in sent:
            continue
        control = genre.controls.get(name, {})
        one = find_named([_Named(**choice) for choice in _keyed(control)], sent[name])
        if one is None:
            found.left_out.append(f"{WORDS.get(name, name)} {sent[name][:40]}")
        else:
            found.values[name] = one.key


@dataclass(frozen=True)
class _Named:
    key: str
    name: str


def _keyed(control: Mapping[str, Any]) -> list[dict[str, str]]:
    items = control.get("choices") or control.get("levels") or []
    return [{"key": item["key"], "name": item["name"]} for item in items]


def _numbers(found: Reused, genre: GenreChoice, sent: Mapping[str, str]) -> None:
    """Tempo, temperature and top-p; of these the ones that the chosen level stands for are left to it."""
    levels = genre.controls.get("adventurousness", {})
    chosen = found.values.get("adventurousness", levels.get("default", ""))
    level: dict[str, Any] = next((one for one in levels.get("levels", []) if one["key"] == chosen), {})
    for name in ("qpm", "temperature", "top_p"):
        control = genre.controls.get(name)
        if name not in sent:
            continue
        try:
            number = float(sent[name])
        except ValueError:
            continue
        if not control or not control["min"] <= number <= control["max"]:
            found.left_out.append(f"{WORDS.get(name, name)} {sent[name][:20]}")
        elif name == "qpm" or number != level.get(name, control["default"]):
            found.values[name] = sent[name]


def _musical(found: Reused, genre: GenreChoice, ensemble: str, sent: Mapping[str, str]) -> None:
    if "key" in sent:
        try:
            key = parse_key(sent["key"])
        except ControlError:
            key = None
        modes = [mode["key"] for mode in genre.controls.get("key", {}).get("modes", [])]
        if key is None or key.mode not in modes:
            found.left_out.append(f"key {accidentals(sent['key'][:20])}")
        else:
            found.values["key"] = key.name
    if "voices_off" in sent:
        one = genre.ensemble(ensemble)
        parts = [_Named(part["part"], part["name"]) for part in (one.parts if one else [])]
        off = [(name, find_named(parts, name)) for name in sent["voices_off"].split(",")]
        found.left_out += [f"instrument {name[:40]}" for name, part in off if part is None]
        found.values["voices_off"] = ",".join(part.key for _, part in off if part)
    if "takes" in sent:
        if sent["takes"] in map(str, range(1, MAX_TAKES + 1)):
            found.values["takes"] = sent["takes"]
        else:
            found.left_out.append(f"{sent['takes'][:10]} takes")


def _start(found: Reused, genre: GenreChoice, sent: Mapping[str, str]) -> None:
    offered = genre.controls.get("start", {})
    if "starting_note" in sent:
        one = genre.ensemble(found.values["ensemble"])
        low, high = (one.lowest_pitch, one.highest_pitch) if one else (0, 127)
        pitch = sent["starting_note"]
        if offered.get("note") and pitch.isascii() and pitch.isdigit() and low <= int(pitch) <= high:
            found.values |= {"starting_note": pitch, "start": "note"}
        else:
            found.left_out.append(f"starting note {pitch[:10]}")
    if sent.get("start") == "midi":
        if offered.get("midi"):
            found.values |= {"start": "midi", "keep_primer": sent.get("keep_primer") != "false"}
            found.remarks.append(MIDI_AGAIN)
        else:
            found.left_out.append("MIDI file")
