"""What Celery delivers. Each task is a thin interface to one service; the rows say what is true."""

from celery import shared_task

from accounts.side_worker import this_worker_id
from generator import services
from generator.checker import checker
from generator.worker import worker


@shared_task(name="generator.tasks.compose")
def compose(generation_id: str) -> None:
    with worker.at_work():
        services.generation_compose(pk=generation_id, worker_id=this_worker_id())


@shared_task(name="generator.tasks.clean_up")
def clean_up() -> None:
    services.clean_up()


@shared_task(name="generator.tasks.check_bundles")
def check_bundles() -> None:
    checker.look()
