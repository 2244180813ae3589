"""Objects: bytes by name, in a folder or in a bucket of S3-compatible storage. For all who keep or share files.

A name is lower-case, with `/` between its parts. What is written is there whole or not at all.
"""

from __future__ import annotations

from pathlib import Path

from antiphon.objects.base import MAX_OBJECT_BYTES, ObjectStore, check_name
from antiphon.objects.bucket import Bucket
from antiphon.objects.folder import Folder

__all__ = ["MAX_OBJECT_BYTES", "Bucket", "Folder", "ObjectStore", "check_name", "opened"]


def opened(place: Path | str) -> ObjectStore:
    """The store of a folder or a URL (`s3://BUCKET/PREFIX`, `gs://`, `az://`, `http(s)://`). Raises `InputError`."""
    return Bucket(place) if isinstance(place, str) and "://" in place else Folder(Path(place))
