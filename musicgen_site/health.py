"""What a load balancer asks: is the database there, and has a worker been seen lately?"""

from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from generator.models import WorkerBeat


@require_safe
@never_cache
def health(request: HttpRequest) -> JsonResponse:
    try:
        worker_seen = WorkerBeat.objects.alive().exists()
    except DatabaseError:
        return JsonResponse({"database": False, "worker_seen": False}, status=503)
    return JsonResponse({"database": True, "worker_seen": worker_seen})
