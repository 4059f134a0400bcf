"""Public objects of an S3 server, such as the Cell Painting Gallery: their sizes, and copies of them on this machine.

Nothing is signed, so no account is needed. obstore, which does the talking, is imported only where it talks.
"""

import time
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

from wellread.runtime.errors import InputError
from wellread.runtime.files import whole

LONGEST = 30  # seconds between two attempts


class Truncated(Exception):
    """An object that came with another size than it has."""


class Bucket:
    """A bucket; a server that does not answer is asked again for `patience` seconds. `where`: its key in the config."""

    def __init__(self, name: str, where: str, *, endpoint="", region="us-east-1", patience=300.0):
        from obstore.store import S3Store

        self.name, self.where, self.patience = name, where, patience
        self.server = endpoint or f"https://s3.{region}.amazonaws.com"
        client = {"allow_http": True, "connect_timeout": "10s", "timeout": f"{max(1, min(patience, 120)):.0f}s"}
        retries = {"max_retries": 1, "retry_timeout": timedelta(seconds=10)}
        how = {"region": region, "skip_signature": True, "client_options": client, "retry_config": retries}
        self.store = S3Store(name, endpoint=self.server, virtual_hosted_style_request=False, **how)

    def sizes(self, keys: list[str]) -> dict[str, int]:
        """The size in bytes of every object that there is of `keys`; InputError if the server stays away."""
        folders = defaultdict(set)
        for key in keys:
            folders[key.rpartition("/")[0]].add(key)
        found = {}
        for folder, wanted in folders.items():
            found |= self._patiently(lambda folder=folder, wanted=wanted: self._listed(folder, wanted), folder)
        return found

    def copy(self, key: str, path: Path, size: int | None = None) -> None:
        """Copy an object to a file, whole or not at all.

        `size`, in bytes, is what a listing said. InputError if the object is not there (without a size: at once) or not
        public, or if its server, or the object in its size, stays away.
        """
        self._patiently(lambda: self._copied(key, path, size), key, listed=size is not None)

    def _listed(self, folder: str, wanted: set[str]) -> dict[str, int]:
        """The sizes of the objects that are wanted of a folder."""
        import obstore

        pages = obstore.list(self.store, prefix=f"{folder}/" if folder else None)
        return {one["path"]: one["size"] for page in pages for one in page if one["path"] in wanted}

    def _copied(self, key: str, path: Path, size: int | None) -> None:
        import obstore

        answer = obstore.get(self.store, key)
        expected = answer.meta["size"] if size is None else size
        with whole(path) as part:
            with open(part, "wb") as file:
                for chunk in answer:
                    file.write(chunk)
            if (found := part.stat().st_size) != expected:
                raise Truncated(f"{found} of {expected} bytes")

    def _patiently(self, ask, what: str, listed: bool = True):
        """What `ask` gives, asked again until it does, for `patience` seconds; `listed`: what it asks for is there."""
        from obstore import exceptions

        refused = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
        refused += () if listed else (FileNotFoundError,)
        until, pause = time.monotonic() + self.patience, 0.2
        while True:
            try:
                return ask()
            except refused as error:
                raise self._error("a public object", error, what, "the path, or the bucket") from error
            except (exceptions.BaseError, FileNotFoundError, Truncated) as error:
                if time.monotonic() + pause > until:
                    expected = f"an answer of {self.server} within {self.patience:g} s"
                    edit = "run again later: what is there stays; or endpoint, or a longer patience"
                    raise self._error(expected, error, what, edit) from error
            time.sleep(pause)
            pause = min(2 * pause, LONGEST)

    def _error(self, expected: str, error: Exception, what: str, edit: str) -> InputError:
        found = f"{str(error).splitlines()[0][:300]}, for s3://{self.name}/{what}"
        return InputError(expected, found, self.where, edit)
