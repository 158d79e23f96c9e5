"""The settings as a supervisor needs them: while the operator's file is broken, what runs must still end well."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from baton.domain.errors import BatonError
from baton.domain.settings import Settings
from baton.ports import Config


class LastSettings:
    """The settings in force, or the last good ones."""

    def __init__(self, config: Config, warn: Callable[[str], None]) -> None:
        self._config = config
        self._warn = warn
        self._last = Settings()
        self._complained_of = ""

    def __call__(self) -> Settings:
        """The settings in force; while the file is broken, the last good ones."""
        with suppress(BatonError):
            self._last = self._config.settings()
        return self._last

    def are_good(self) -> bool:
        """Tell whether the file can be read; say once when it cannot, since then nothing more is started."""
        try:
            self._last = self._config.settings()
        except BatonError as error:
            if error.message != self._complained_of:
                self._warn(f"nothing more is started: {error.message}")
            self._complained_of = error.message
            return False
        return True
