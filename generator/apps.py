from django.apps import AppConfig


class GeneratorConfig(AppConfig):
    name = "generator"

    def ready(self) -> None:
        from accounts import registry
        from generator import members, worker

        registry.on_hand_over(members.generations_hand_over)
        registry.on_account_hidden(members.generations_cancel)
        registry.on_account_deleted(members.generations_of_account_delete)
        registry.exports("generator", members.export_files, count=members.export_count)
        registry.measures("seconds_this_hour", members.seconds_this_hour)
        registry.measures("running_jobs", members.running_jobs)
        # Heard by Celery worker processes alone.
        worker.connect()
