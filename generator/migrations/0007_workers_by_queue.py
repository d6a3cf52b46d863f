from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("generator", "0006_hidden_generations"),
    ]

    operations = [
        migrations.AddField(
            model_name="workerbeat",
            name="composes",
            field=models.BooleanField(default=True, help_text="Not one that only renders or tidies up."),
        ),
    ]
