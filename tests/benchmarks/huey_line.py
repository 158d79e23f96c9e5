"""The peer of the hand-off: huey on SQLite with fsync does the same steps, each a task that enqueues the next.

Run as ``python huey_line.py FOLDER PROGRAM TASKS STEPS WORKERS``. Later steps have priority, so that a task goes on
before another begins, as with us; workers never sleep long enough to be waited for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from huey import SqliteHuey


def main(folder: str, program: str, tasks: int, steps: int, workers: int) -> None:
    """Do it all, then stop."""
    huey = SqliteHuey(filename=os.path.join(folder, "huey.db"), fsync=True, results=True)
    left = threading.Semaphore(0)

    @huey.task()  # type: ignore[untyped-decorator]
    def step(task: str, number: int) -> str:
        subprocess.run([program], check=True, env={**os.environ, "BATON_TASK": task, "BATON_HOME": folder})
        if number + 1 < steps:
            step(task, number + 1, priority=number + 1)
        else:
            left.release()
        return "done"

    for number in range(tasks):
        step(f"t-{number}", 0, priority=0)
    consumer = huey.create_consumer(workers=workers, periodic=False, initial_delay=0.001, max_delay=0.001)
    consumer.start()
    for _ in range(tasks):
        left.acquire()
    consumer.stop(graceful=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
