"""Creates the bucket named in S3_BUCKET if it does not exist yet; keeps trying while the store starts."""

import os
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

SECONDS = 60


def main() -> None:
    client = boto3.client(
        "s3",
        endpoint_url=os.environ.get("S3_ENDPOINT_URL") or None,
        region_name=os.environ.get("S3_REGION") or None,
        aws_access_key_id=os.environ.get("S3_ACCESS_KEY") or None,
        aws_secret_access_key=os.environ.get("S3_SECRET_KEY") or None,
        # As library/storage_s3.py: many stores refuse the headers that boto3 would send.
        config=Config(request_checksum_calculation="when_required", response_checksum_validation="when_required"),
    )
    bucket = os.environ["S3_BUCKET"]
    for _ in range(SECONDS):
        try:
            if bucket not in [found["Name"] for found in client.list_buckets()["Buckets"]]:
                client.create_bucket(Bucket=bucket)
            return
        except (BotoCoreError, ClientError) as error:
            said = error
        time.sleep(1)
    sys.exit(f"The bucket {bucket} could not be created: {said}")


if __name__ == "__main__":
    main()
