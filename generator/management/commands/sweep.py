from typing import Any

from django.core.management import BaseCommand

from generator import services


class Command(BaseCommand):
    help = (
        "Put jobs of lost workers back in the queue, resend lost messages and delete expired data. Workers do this "
        "automatically; run it by hand after an outage."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        result = services.generations_sweep()
        services.clean_up()
        self.stdout.write(
            f"{result.requeued} requeued, {result.failed} failed, {result.cancelled} cancelled, "
            f"{result.redelivered} messages resent."
        )
