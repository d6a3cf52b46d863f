from typing import Any

from django.db import migrations

SLUGS = ("privacy", "terms", "contact")


def make_rows(apps: Any, schema_editor: Any) -> None:
    """A row a page, so that the administration lists them. An empty text is the one that comes with the site."""
    site_text = apps.get_model("accounts", "SiteText")
    for slug in SLUGS:
        site_text.objects.using(schema_editor.connection.alias).get_or_create(slug=slug)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_members")]

    operations = [migrations.RunPython(make_rows, migrations.RunPython.noop, elidable=True)]
