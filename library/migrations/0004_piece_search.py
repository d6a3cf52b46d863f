from typing import Any

from django.db import migrations


def index_words(apps: Any, schema_editor: Any) -> None:
    """The expression is the one that PieceQuerySet.found_by writes."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE INDEX piece_search ON library_piece"
            " USING gin (to_tsvector('simple'::regconfig, COALESCE(search_text, '')))"
        )


def drop_words(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS piece_search")


class Migration(migrations.Migration):
    dependencies = [("library", "0003_library_of_ones_own")]

    operations = [migrations.RunPython(index_words, drop_words)]
