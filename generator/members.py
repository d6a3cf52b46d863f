"""What becomes of requests when a guest becomes a member, and when an account is exported or deleted.

Called by accounts, which knows nothing of generations (`accounts.registry`; connected in apps.py).
"""

import csv
import io
from collections.abc import Iterator
from typing import Any

from accounts.exports import as_cell, as_json
from accounts.models import User
from accounts.owners import Owner
from accounts.registry import ExportFile
from generator.models import Generation
from generator.quota import seconds_this_hour
from generator.services import generation_cancel
from generator.services.primers import primer_discard

FACTS = (
    *("id", "created_at", "started_at", "finished_at", "status", "error_message", "kind", "source_piece_id"),
    *("length_seconds", "takes_asked", "seed", "runtime", "bundle_sha256"),
)


def generations_hand_over(*, guest_key: str, user: User) -> int:
    """Those that run go on: their worker asks whose they are when it stores the pieces. Comes before the pieces do,
    and holds the rows until the end, so that none is stored for the guest in between."""
    of_guest = Generation.objects.filter(owner=None, guest_key=guest_key)
    of_guest.update(owner=user, guest_key="", client_hash="")
    return 0


def running_jobs(owner: Owner) -> int:
    return Generation.objects.owned_by(owner).unfinished().count()


def export_count(user: User) -> int:
    return Generation.objects.filter(owner=user).exclude(primer="").count() + 2


def export_files(user: User) -> Iterator[ExportFile]:
    """Every request, and the MIDI files that were given to start from."""
    rows: list[dict[str, Any]] = []
    generations = Generation.objects.filter(owner=user).select_related("genre").prefetch_related("takes")
    for generation in generations.order_by("created_at", "pk").iterator(chunk_size=200):
        facts: dict[str, Any] = {fact: getattr(generation, fact) for fact in FACTS}
        facts |= {"genre": generation.genre.slug, "params": generation.params}
        facts["pieces"] = [str(take.piece_id) for take in generation.takes.all() if take.piece_id]
        if generation.primer:
            name = f"starts/{generation.pk.hex[:8]}.mid"
            try:
                with generation.primer.open("rb") as stored:
                    yield name, stored.read()
                facts["started_from"] = name
            except FileNotFoundError:
                facts["started_from"] = None
        rows.append(facts)
    yield "generations.json", as_json(rows)
    stream = io.StringIO()
    writer = csv.writer(stream)
    columns = (*FACTS, "genre")
    writer.writerow(columns)
    writer.writerows([[as_cell(row[column]) for column in columns] for row in rows])
    yield "generations.csv", stream.getvalue().encode("utf-8-sig")


def generations_cancel(user: User) -> None:
    """A closed account needs no more music."""
    for generation in Generation.objects.filter(owner=user).unfinished():
        generation_cancel(generation=generation)


def generations_of_account_delete(user: User) -> None:
    generations_cancel(user)
    for generation in Generation.objects.filter(owner=user).iterator(chunk_size=200):
        name = str(generation.primer.name or "")
        generation.delete()
        if name:
            primer_discard(name)


__all__ = [
    "export_count",
    "export_files",
    "generations_cancel",
    "generations_hand_over",
    "generations_of_account_delete",
    "running_jobs",
    "seconds_this_hour",
]
