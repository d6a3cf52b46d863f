"""Stored files in S3 are private. The test server checks no signature: what is looked at is what we ask S3 for."""

import re
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from django.core.files.base import ContentFile

from library.storage_s3 import PrivateS3Storage
from tests.services.production import BUCKET, Browser, Production
from tests.services.servers import S3

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# A piece lies under a random id, a bundle under the checksum of what is in it.
PRIVATE_NAME = re.compile(rf"(pieces/[0-9a-f]{{2}}/{UUID}\.mid|bundles/piano/[0-9a-f]{{64}}\.bundle)")
EVERYONE = "http://acs.amazonaws.com/groups/"


@pytest.fixture
def storage(s3: S3) -> Iterator[PrivateS3Storage]:
    bucket = "storage-alone"
    s3.client.create_bucket(Bucket=bucket)
    yield make_storage(s3, bucket)
    for name in s3.names(bucket):
        s3.client.delete_object(Bucket=bucket, Key=name)
    s3.client.delete_bucket(Bucket=bucket)


def make_storage(s3: S3, bucket: str, **options: Any) -> PrivateS3Storage:
    given = {"endpoint_url": s3.url, "region_name": "us-east-1", "access_key": "test", "secret_key": "test"}
    return PrivateS3Storage(bucket_name=bucket, file_overwrite=True, default_acl=None, **{**given, **options})


def test_objects_are_private_and_their_names_cannot_be_guessed(production: Production) -> None:
    names = production.names_in_bucket()
    assert any(name.startswith("pieces/") for name in names), "the example is stored"
    assert any(name.endswith(".bundle") for name in names)
    for name in names:
        assert PRIVATE_NAME.fullmatch(name), name
        grants = production.s3.client.get_object_acl(Bucket=BUCKET, Key=name)["Grants"]
        assert not [one for one in grants if one["Grantee"].get("URI", "").startswith(EVERYONE)], name


def test_a_piece_comes_through_an_address_of_ours(production: Production, guest: Browser) -> None:
    ((piece_id,),) = production.rows("SELECT id FROM library_piece WHERE is_example")
    piece = guest.get(f"/api/v1/pieces/{piece_id}/")
    assert piece.json["midi_url"] == f"/pieces/{piece_id}/midi/"
    downloaded = guest.get(piece.json["midi_url"])
    assert downloaded.status == 200 and downloaded.body.startswith(b"MThd")
    told = piece.body + guest.get(f"/pieces/{piece_id}/").body + guest.get("/").body
    assert production.s3.url.encode() not in told
    assert b"Signature=" not in told


def test_an_object_has_no_address_of_its_own(storage: PrivateS3Storage) -> None:
    with pytest.raises(ValueError, match="private"):
        storage.url("a.mid")


def test_every_use_of_a_file_works_where_checksum_headers_are_refused(s3: S3, storage: PrivateS3Storage) -> None:
    """Also a file so large that it is sent in parts."""
    large = bytes(range(256)) * 40 * 1024
    for name, music in (("small.mid", b"music"), ("large.wav", large), ("empty.mid", b"")):
        storage.save(name, ContentFile(music))
        assert storage.exists(name)
        assert storage.size(name) == len(music)
        assert storage.get_modified_time(name).tzinfo
        with storage.open(name) as stream:
            assert stream.read() == music
        assert b"".join(storage.stream(name)) == music
        address = storage.download_url(name, file_name=name, content_type="audio/midi")
        with urllib.request.urlopen(str(address), timeout=30) as response:  # noqa: S310  an address of our own
            assert response.read() == music
    assert b"".join(storage.stream("large.wav", start=9_000_000, length=3)) == large[9_000_000:9_000_003]
    assert {found.name for found in storage.stored_objects()} == {"small.mid", "large.wav", "empty.mid"}
    for name in ("small.mid", "large.wav", "empty.mid"):
        storage.delete(name)
    assert s3.names(storage.bucket_name) == []


def test_the_server_of_these_tests_refuses_what_boto3_sends_by_default(s3: S3, storage: PrivateS3Storage) -> None:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.client("s3", endpoint_url=s3.url, region_name="us-east-1", **keys)
    with pytest.raises(ClientError, match="NotImplemented"):
        client.put_object(Bucket=storage.bucket_name, Key="a.mid", Body=b"music")


def test_saving_again_replaces(storage: PrivateS3Storage, s3: S3) -> None:
    assert storage.save("a/b.mid", ContentFile(b"one, and long")) == "a/b.mid"
    assert storage.save("a/b.mid", ContentFile(b"two")) == "a/b.mid"
    with storage.open("a/b.mid") as stream:
        assert stream.read() == b"two"
    assert s3.names(storage.bucket_name) == ["a/b.mid"]
    storage.delete("a/b.mid")
    storage.delete("a/b.mid")
    assert not storage.exists("a/b.mid")
    with pytest.raises(FileNotFoundError):
        storage.open("a/b.mid")


@pytest.mark.parametrize("use", ["save", "open", "delete", "exists"])
def test_a_bucket_that_is_away_is_an_os_error(s3: S3, use: str) -> None:
    storage = make_storage(s3, "storage-alone", endpoint_url="http://127.0.0.1:9")
    content = [ContentFile(b"music")] if use == "save" else []
    with pytest.raises(OSError, match=r"a\.mid could not be"):
        getattr(storage, use)("a.mid", *content)


def test_a_bucket_that_does_not_exist_is_an_os_error(s3: S3) -> None:
    storage = make_storage(s3, "no-such-bucket")
    with pytest.raises(OSError, match=r"a\.mid could not be stored: .*NoSuchBucket"):
        storage.save("a.mid", ContentFile(b"music"))
    with pytest.raises(FileNotFoundError):
        storage.open("a.mid")


def test_a_bucket_that_answers_nothing_is_not_waited_for_long(storage: PrivateS3Storage) -> None:
    config = storage.connection.meta.client.meta.config
    assert config.connect_timeout + config.read_timeout <= 20
    assert config.retries["total_max_attempts"] <= 2


def test_a_part_of_an_object_is_fetched_alone(storage: PrivateS3Storage) -> None:
    music = bytes(range(256)) * 600
    storage.save("a.wav", ContentFile(music))
    assert b"".join(storage.stream("a.wav")) == music
    assert b"".join(storage.stream("a.wav", start=10, length=5)) == music[10:15]
    assert b"".join(storage.stream("a.wav", start=len(music) - 3)) == music[-3:]
    assert b"".join(storage.stream("a.wav", start=10, length=0)) == b""
    with pytest.raises(FileNotFoundError):
        storage.stream("none.wav")


def test_a_download_address_of_the_bucket_works_for_five_minutes(storage: PrivateS3Storage) -> None:
    storage.save("a.mid", ContentFile(b"music"))
    url = storage.download_url("a.mid", file_name='"Élan".mid', content_type="audio/midi")
    assert url is not None and "X-Amz-Expires=300" in url
    with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310  an address of our own
        assert response.read() == b"music"
        assert response.headers["Content-Type"] == "audio/midi"
        assert response.headers["Content-Disposition"] == "attachment; filename*=utf-8''%22%C3%89lan%22.mid"


def test_objects_are_listed_below_the_prefix_alone(s3: S3, storage: PrivateS3Storage) -> None:
    below = make_storage(s3, storage.bucket_name, location="site")
    below.save("pieces/a.mid", ContentFile(b"music"))
    storage.save("other.txt", ContentFile(b"text"))
    (found,) = below.stored_objects()
    assert (found.name, found.size_bytes) == ("pieces/a.mid", 5)
    assert abs((datetime.now(UTC) - found.modified_at).total_seconds()) < 3600
    assert b"".join(below.stream("pieces/a.mid")) == b"music"
    assert {one.name for one in storage.stored_objects()} == {"site/pieces/a.mid", "other.txt"}


def test_a_bucket_that_is_away_cannot_be_listed(s3: S3) -> None:
    storage = make_storage(s3, "storage-alone", endpoint_url="http://127.0.0.1:9")
    with pytest.raises(OSError, match="could not be listed"):
        list(storage.stored_objects())
    with pytest.raises(OSError, match=r"a\.mid could not be read"):
        storage.stream("a.mid")


def test_only_parts_travel_through_the_site(production: Production, guest: Browser) -> None:
    ((piece_id, size),) = production.rows("SELECT id, size_bytes FROM library_piece WHERE is_example")
    part = guest.get(f"/pieces/{piece_id}/midi/?inline", Range="bytes=0-3")
    assert (part.status, part.body) == (206, b"MThd")
    assert part.headers["Content-Range"] == f"bytes 0-3/{size}"
    assert guest.get(f"/pieces/{piece_id}/midi/", If_None_Match=part.headers["ETag"]).status == 304
