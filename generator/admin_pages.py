"""What several admin pages share: asking for confirmation, and showing a model's manifest."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.models import User


def user_of(request: HttpRequest) -> User:
    """The signed-in user; `admin_view` lets no one else through."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def confirmation(
    model_admin: ModelAdmin, request: HttpRequest, title: str, question: str, back: str
) -> TemplateResponse:
    """A page with one question; its form posts to the same address."""
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "question": question,
        "back": back,
        "opts": model_admin.opts,
    }
    return TemplateResponse(request, "admin/generator/confirm.html", context)


def progress_bar(share: float) -> SafeString:
    return format_html('<progress max="100" value="{}">{}</progress>', f"{100 * share:.0f}", f"{share:.0%}")


def about_model(manifest: dict[str, Any]) -> SafeString:
    """Types, controls, data and licence, a line each."""
    return format_html_join("", "<div><strong>{}:</strong> {}</div>", _lines(manifest))


def _lines(manifest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Types", ", ".join(ensemble["name"] for ensemble in manifest.get("ensembles", ()))
    controls = manifest.get("controls", {})
    length = controls.get("length", {})
    if length:
        yield "Length", f"{length['min_seconds']:g} to {length['max_seconds']:g} s"
    tempo = controls.get("qpm")
    if tempo:
        yield "Tempo (BPM)", f"{tempo['min']:g} to {tempo['max']:g}"
    if controls.get("key"):
        yield "Key", ", ".join(controls["key"]["modes"])
    for name in ("density", "feel", "style"):
        if controls.get(name):
            yield name.capitalize(), ", ".join(choice["name"] for choice in controls[name]["choices"])
    network = manifest.get("network", {})
    if "cell" in network:
        yield "Network", f"{network['cell']}, {network.get('layers')} layers of {network.get('units')}"
    card = manifest.get("card", {})
    yield "Data", "; ".join(_data_set(data) for data in card.get("data", ())) or "not stated"
    yield "Licences", str(card.get("licences") or "not stated")
    for name in ("nats_per_event", "nats_per_note", "accuracy"):
        if isinstance(card.get("figures", {}).get(name), int | float):
            yield name.replace("_", " ").capitalize(), f"{card['figures'][name]:.3f}"


def _data_set(data: Any) -> str:
    if not isinstance(data, dict):
        return str(data)
    return f"{data.get('name', '?')} ({data.get('licence', 'no licence stated')})"
