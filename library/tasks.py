"""What Celery delivers for the library; the rows say what is true."""

from celery import shared_task

from library.render_worker import render_worker


@shared_task(name="library.tasks.render_pieces")
def render_pieces() -> None:
    render_worker.look()
