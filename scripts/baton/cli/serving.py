"""Serving the streaming runs of one home: what the server reads, under which names it listens, and its life."""

from __future__ import annotations

import ipaddress
import json
import logging
import resource
import signal
import socket
import sys
from collections.abc import Mapping
from errno import EADDRINUSE
from importlib.util import find_spec
from typing import Any

from baton.cli.stream_runs import find, listed, row, view
from baton.cli.wiring import Wiring
from baton.domain.errors import Busy, ExtraMissing, InvalidInput, InvalidWord, NotFound
from baton.domain.ids import is_id
from baton.domain.times import parse_duration
from baton.start import show_hidden
from baton.store.serve_token import VARIABLE, serve_token

PACKAGES = ("starlette", "sse_starlette", "uvicorn")
LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")
MOST_LISTENERS = 1000
GOODBYE_SECONDS = 5
SHORTEST_HEARTBEAT_SECONDS = 0.1


class HomeRuns:
    """The streaming runs of one home, for the server: looked at, never changed."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._streams = wiring.store.streams

    def all(self, filters: Mapping[str, str]) -> list[dict[str, Any]]:
        """The runs, newest first, without their texts."""
        found = listed(self._wiring, filters.get("owner"), filters.get("pipeline"))
        return [row(task) for task in reversed(found)]

    def one(self, run: str) -> dict[str, Any] | None:
        """One run with its steps."""
        try:
            return view(self._wiring, find(self._wiring, run)) if is_id(run) else None
        except NotFound:
            return None

    def is_run(self, run: str) -> bool:
        """Tell whether there are events of such a run; an id is checked before any path is made of it."""
        return is_id(run) and self._streams.sign(run) is not None

    def reader(self, run: str, since: int) -> Any:
        """A reader with a cursor of its own."""
        return self._streams.reader(run, since)

    def sign(self, run: str) -> object:
        """What differs whenever there is something new."""
        return self._streams.sign(run)

    def is_over(self, run: str) -> bool:
        """Tell whether the end has been told, or the run was deleted."""
        return not self._streams.is_open(run)


def serve(wiring: Wiring, host: str, port: int, more_names: tuple[str, ...], heartbeat: str, *, as_json: bool) -> None:
    """Serve until a signal comes; say at the beginning where."""
    show_hidden()  # the packages below need what starts of other scripts are kept from
    if not all(map(find_spec, PACKAGES)):
        raise ExtraMissing("the extra 'serve' is not installed", cure="python3 scripts/baton/bootstrap.py serve")
    import uvicorn  # start-up: 150 ms, and only a server needs it

    from baton.adapters.run_server.app import application  # start-up

    wiring.check_settings()
    heartbeat_seconds = parse_duration(heartbeat)
    if heartbeat_seconds < SHORTEST_HEARTBEAT_SECONDS:
        raise InvalidWord(f"--heartbeat {heartbeat} is too short", cure="write a time like 15s")
    token, where = serve_token(wiring.home.state, wiring.environ)
    listening = _bound(host, port)
    port = listening.getsockname()[1]
    address = _shown(host)
    if not _is_local(host):
        wiring.warn(
            f"whoever reaches {address}:{port} over the network can ask, and token and texts go in clear text; "
            "without --host it listens on this machine alone"
        )
    names = _names(address, port, more_names)
    app = application(HomeRuns(wiring), token=token, hosts=names, heartbeat_seconds=heartbeat_seconds)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        loop="asyncio",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_LISTENERS,
        timeout_graceful_shutdown=GOODBYE_SECONDS,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR, format="serve_runs.py: %(message)s")
    # A listener is a descriptor, and the usual limit for a shell is as many as we let in.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most if most != resource.RLIM_INFINITY else 65536, most))
    server = uvicorn.Server(config)

    def close(*_: object) -> None:
        server.should_exit = True

    # For a signal before uvicorn listens for them; when it has closed, it raises them once more, for us.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, close)
    _say(f"http://{address if _is_named(host) else '127.0.0.1'}:{port}/", token, where, as_json=as_json)
    server.run(sockets=[listening])
    raise SystemExit(0)


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host.strip("[]"), port))
        listening.listen(MOST_LISTENERS)  # whoever reads where we are may ask at once
        return listening
    except OSError as error:
        said, is_taken = f"{host} port {port}: {error.strerror or error}", error.errno == EADDRINUSE
    if is_taken:
        raise Busy(said, cure="choose another: --port 0 takes any that is free")
    raise InvalidInput(said, cure="give --host an address of this machine, and --port one that you may take")


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_named(host: str) -> bool:
    """Tell whether the address names one place, and is not "all there are"."""
    return host.strip("[]") not in ("", "0.0.0.0", "::")


def _shown(host: str) -> str:
    return f"[{host.strip('[]')}]" if ":" in host else host


def _names(address: str, port: int, more: tuple[str, ...]) -> list[str]:
    """Return the values of ``Host`` that mean this server."""
    for name in more:
        if not name or any(sign in name for sign in "/@# \t") or not name.isprintable():
            raise InvalidWord("--allow-host takes the name of a host", cure="--allow-host my-machine.lan")
    plain = [name.lower() for name in (*LOCAL_NAMES, address, *more)]
    return [f"{name}:{port}" for name in plain] + (plain if port == 80 else [])


def _say(url: str, token: str, where: str, *, as_json: bool) -> None:
    if as_json:
        words = json.dumps({"url": url, "token_in": where})
    else:
        place = f"the environment ({VARIABLE})" if where == VARIABLE else where
        words = f"Serving streaming runs at {url}\nThe token stands in {place}. Ctrl-C ends it."
        if sys.stdout.isatty():
            # Only to a person: what a service prints is kept in a log. Behind "#" it is sent to no server.
            words += f"\nIn a browser: {url}#token={token}"
    sys.stdout.write(words + "\n")
    sys.stdout.flush()
