from django.apps import AppConfig


class GeneratorConfig(AppConfig):
    name = "generator"

    def ready(self) -> None:
        from generator import worker

        # Heard by Celery worker processes alone.
        worker.connect()
