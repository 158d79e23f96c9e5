"""The state of each channel of messages, ``state/channels/<channel>.json``: where it stands in the log, what is pending."""

from __future__ import annotations

import os

import msgspec

from baton.domain.delivery import Delivery
from baton.store.files import make_folder, read_bytes, replace, said


class DeliveryFiles:
    """The channels below ``folder``."""

    def __init__(self, folder: str, temporary: str) -> None:
        self._folder = folder
        self._temporary = temporary

    def read(self, channel: str) -> Delivery:
        """The channel's state; a damaged one begins anew at the end of the log."""
        path = self._path(channel)
        with said(path):
            data = read_bytes(path)
        try:
            return msgspec.json.decode(data, type=Delivery) if data else Delivery()
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Delivery()

    def write(self, channel: str, delivery: Delivery) -> None:
        """Keep the channel's state, durably."""
        path = self._path(channel)
        data = msgspec.json.format(msgspec.json.encode(delivery), indent=2) + b"\n"
        with said(path):
            make_folder(self._folder, durable=True)
            replace(path, data, os.path.join(self._temporary, f"channel-{channel}-{os.getpid()}"))

    def _path(self, channel: str) -> str:
        return os.path.join(self._folder, f"{channel}.json")
