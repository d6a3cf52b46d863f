from typing import Any

from django.core.management import BaseCommand

from generator import services


class Command(BaseCommand):
    help = (
        "Puts jobs of lost workers back into the queue, sends lost messages again and removes what nobody needs. "
        "Workers do this by themselves; run it by hand after an outage."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        result = services.generations_sweep()
        services.clean_up()
        self.stdout.write(
            f"{result.requeued} queued again, {result.failed} failed, {result.cancelled} cancelled, "
            f"{result.redelivered} messages sent again."
        )
