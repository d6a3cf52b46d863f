"""Pieces composed before they kept their params get them from the job that made them."""

from typing import Any

from django.db import migrations


def copy_params(apps: Any, schema_editor: Any) -> None:
    takes = apps.get_model("generator", "Take").objects.exclude(piece=None).filter(piece__params={})
    for take in takes.select_related("generation", "piece").iterator(chunk_size=500):
        take.piece.params = take.generation.params
        take.piece.save(update_fields=["params"])


class Migration(migrations.Migration):
    dependencies = [
        ("generator", "0002_takes_and_sources"),
        ("library", "0002_takes_and_sources"),
    ]

    operations = [migrations.RunPython(copy_params, migrations.RunPython.noop)]
