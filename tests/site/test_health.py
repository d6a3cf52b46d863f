from django.test import Client

from generator.workers import beat, say_goodbye


def test_health_tells_of_database_and_worker(client: Client, db: None) -> None:
    assert client.get("/healthz").json() == {"database": True, "worker_seen": False}
    beat()
    assert client.get("/healthz").json() == {"database": True, "worker_seen": True}
    say_goodbye()
    assert client.post("/healthz").status_code == 405
