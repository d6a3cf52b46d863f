"""What Celery delivers for accounts; the rows say what is true."""

from celery import shared_task

from accounts.exporter import exporter


@shared_task(name="accounts.tasks.make_exports")
def make_exports() -> None:
    exporter.look()
