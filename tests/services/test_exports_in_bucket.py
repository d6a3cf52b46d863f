"""An export of an account in S3: stored before its row says so, handed out by us, gone with its row."""

import io
import zipfile

import pytest
from django.core.files.storage import default_storage
from django.test import Client

from accounts.exports import export_claim, export_create, export_delete, export_make
from accounts.models import DataExport
from tests import factories
from tests.services.servers import S3
from tests.services.test_bucket import make_storage


@pytest.fixture
def bucket(s3: S3, monkeypatch: pytest.MonkeyPatch):
    """The default storage, in a bucket of this test's own."""
    name = "exports-alone"
    s3.client.create_bucket(Bucket=name)
    storage = make_storage(s3, name)
    monkeypatch.setattr(default_storage, "_wrapped", storage)
    yield name
    for stored in s3.names(name):
        s3.client.delete_object(Bucket=name, Key=stored)
    s3.client.delete_bucket(Bucket=name)


@pytest.mark.django_db
def test_an_export_lies_in_the_bucket_and_comes_through_us(
    s3: S3, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DataExport._meta.get_field("file"), "storage", default_storage)
    alice = factories.make_user("alice")
    factories.make_piece(factories.member(alice))
    export = export_create(user=alice)
    claimed = export_claim(worker_id="w")
    assert claimed is not None
    export_make(export=claimed)
    export.refresh_from_db()
    assert f"exports/{export.pk}.zip" in s3.names(bucket)
    client = Client()
    client.force_login(alice)
    answer = client.get(f"/account/export/{export.pk}/download/")
    archive = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
    assert archive.testzip() is None
    assert [name for name in archive.namelist() if name.startswith("midi/")]
    pk = export.pk
    export_delete(export=export)
    assert f"exports/{pk}.zip" not in s3.names(bucket)
