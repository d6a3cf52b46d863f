"""Two keys of every name, by which no two are alike, and exports that are removed yet count for their day.

The columns may be empty: the release before goes on making users and exports without them.
"""

from typing import Any

import django.db.models.functions.text
from django.db import migrations, models

import accounts.names


def fill_name_keys(apps: Any, schema_editor: Any) -> None:
    users = apps.get_model("accounts", "User")._base_manager.using(schema_editor.connection.alias)
    accounts.names.name_keys_fill(users)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_words")]

    operations = [
        migrations.AddField(
            model_name="dataexport",
            name="removed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="name_looks",
            field=models.CharField(editable=False, max_length=270, null=True, unique=True),
        ),
        migrations.AddField(
            model_name="user",
            name="name_says",
            field=models.CharField(editable=False, max_length=270, null=True, unique=True),
        ),
        migrations.RunPython(fill_name_keys, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="user",
            name="username",
            field=models.CharField(
                error_messages={"unique": accounts.names.TAKEN},
                help_text=accounts.names.RULES,
                max_length=150,
                unique=True,
                validators=[accounts.names.name_check],
                verbose_name="username",
            ),
        ),
        migrations.AlterConstraint(
            model_name="user",
            name="one_user_a_name_in_any_case",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Upper("username"),
                name="one_user_a_name_in_any_case",
                violation_error_message=accounts.names.TAKEN,
            ),
        ),
    ]
