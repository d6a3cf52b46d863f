"""The controls that a model declares, as the API lists them and the compose form shows them."""

from dataclasses import asdict
from typing import Any

from generator.engine.keys import tonic_names
from generator.engine.manifest import Manifest
from generator.models import MAX_TAKES
from generator.params import usual_level


def controls_offered(model: Manifest) -> dict[str, Any]:
    """The choices by param name, in the order of a form. What the model does not offer is left out."""
    controls = model.controls
    start = controls.start
    parts = {ensemble.key: _parts(model, ensemble.key) for ensemble in model.ensembles}
    offered: dict[str, Any] = {
        "length": asdict(controls.length),
        "qpm": controls.qpm and asdict(controls.qpm),
        "key": controls.key
        and {
            "modes": [{"key": mode, "name": mode, "tonics": list(tonic_names(mode))} for mode in controls.key.modes],
        },
        **{
            name: control and {"choices": [_choice(choice) for choice in control.choices]}
            for name, control in (("style", controls.style), ("feel", controls.feel), ("density", controls.density))
        },
        "adventurousness": controls.adventurousness
        and {"levels": [asdict(level) for level in controls.adventurousness], "default": usual_level(model)},
        "voices_off": any(len(names) > 1 for names in parts.values()) and {"parts": parts},
        "start": start and (start.note or start.midi) and asdict(start),
        "takes": {"min": 1, "max": MAX_TAKES, "default": 1},
        "temperature": asdict(controls.temperature),
        "top_p": asdict(controls.top_p),
    }
    return {name: offer for name, offer in offered.items() if offer}


def _choice(choice: Any) -> dict[str, Any]:
    """Without the number that the network knows it by."""
    return {"key": choice.key, "name": choice.name} | ({"qpm": choice.qpm} if choice.qpm else {})


def _parts(model: Manifest, ensemble: str) -> list[dict[str, str]]:
    """The voices of a type that can be switched off."""
    found = model.ensemble(ensemble)
    return [{"part": voice.part, "name": voice.name} for voice in (found.voices if found else ()) if voice.part]
