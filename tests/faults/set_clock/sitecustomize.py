"""Loaded by every Python under faketime: where faketime 0.9.10 turns a sleep that is already over into EINVAL, it is over.

Python sleeps until an instant of the monotonic clock; the library makes that a span, and a negative one when it was late.
"""

import errno
import time

_sleep = time.sleep


def sleep(seconds: float) -> None:
    """Sleep as ``time.sleep`` does."""
    try:
        _sleep(seconds)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise


time.sleep = sleep
