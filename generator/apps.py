from django.apps import AppConfig


class GeneratorConfig(AppConfig):
    name = "generator"

    def ready(self) -> None:
        from generator import checks  # noqa: F401  registers the system checks
