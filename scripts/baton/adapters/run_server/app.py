"""What is answered at which address: runs as JSON, the events of one as server-sent events, and a page that shows them."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from functools import partial
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from baton.adapters.run_server import EventReader, RunSource
from baton.adapters.run_server.guard import Guard, refusal
from baton.adapters.run_server.watching import Watches
from baton.domain.errors import BatonError

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page")
FILES = {
    "/": ("page.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}
FILTERS = ("owner", "pipeline")
HEARTBEAT_SECONDS = 15.0
# Who takes nothing for so long is cut off, and may come back to where it was.
STALLED_SECONDS = 60.0
GOODBYE_SECONDS = 2.0
RETRY_MILLISECONDS = 1000
DIGITS = 18


def application(
    source: RunSource,
    *,
    token: str,
    hosts: Collection[str],
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    stalled_seconds: float = STALLED_SECONDS,
) -> Starlette:
    """Return the server's application for the runs of one home; ``hosts`` are the names it may be called by."""
    answers = _Answers(source, heartbeat_seconds, stalled_seconds)
    routes = [
        *(Route(path, partial(_file, *file), methods=["GET"]) for path, file in FILES.items()),
        Route("/runs", answers.runs, methods=["GET"]),
        Route("/runs/{run}", answers.run, methods=["GET"]),
        Route("/runs/{run}/events", answers.events, methods=["GET"]),
    ]
    guard = Middleware(Guard, token=token, hosts=hosts, is_open=FILES)
    handlers: dict[Any, Any] = {HTTPException: _refused, BatonError: _unreadable, OSError: _failed}
    return Starlette(routes=routes, middleware=[guard], exception_handlers=handlers)


class _Answers:
    def __init__(self, source: RunSource, heartbeat_seconds: float, stalled_seconds: float) -> None:
        self._source = source
        self._watches = Watches(source)
        self._heartbeat_seconds = heartbeat_seconds
        self._stalled_seconds = stalled_seconds

    async def runs(self, request: Request) -> Response:
        filters = {name: request.query_params[name] for name in FILTERS if name in request.query_params}
        return JSONResponse(await run_in_threadpool(self._source.all, filters))

    async def run(self, request: Request) -> Response:
        found = await run_in_threadpool(self._source.one, request.path_params["run"])
        return _unknown() if found is None else JSONResponse(found)

    async def events(self, request: Request) -> Response:
        run = request.path_params["run"]
        since = request.headers.get("last-event-id") or request.query_params.get("since") or "0"
        if not (since.isascii() and since.isdigit() and len(since) <= DIGITS):
            return refusal(
                400, "invalid_input", "the id to go on from is no number", "leave it out to begin at the start"
            )
        if not self._source.is_run(run):
            return _unknown()
        reader = self._source.reader(run, int(since))
        try:
            is_over = self._source.is_over(run)
            first = reader.read()
        except BaseException:
            reader.close()
            raise
        if is_over and not first:
            reader.close()
            # By this a browser knows that there is nothing to come back for.
            return Response(status_code=204)
        return _Events(
            self._told(run, reader, first),
            ping=self._heartbeat_seconds,
            ping_message_factory=_heartbeat,
            send_timeout=self._stalled_seconds,
            sep="\n",
            shutdown_event=self._watches.closing,
            shutdown_grace_period=GOODBYE_SECONDS,
        )

    async def _told(self, run: str, reader: EventReader, first: list[dict[str, Any]]) -> AsyncIterator[bytes]:
        try:
            yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
            if first:
                yield _encoded(first)
            async with self._watches.on(run) as watch:
                while True:
                    # In this order: what happens after we looked wakes us, what was told before its end is read.
                    news = watch.news
                    is_over = self._source.is_over(run)
                    found = reader.read()
                    if found:
                        yield _encoded(found)
                        await asyncio.sleep(0)  # who has much to catch up with lets the others have their turn
                    elif is_over or self._watches.closing.is_set():
                        return
                    else:
                        await news.wait()
        except OSError:  # they come back to where they are, and are told why if it lasts
            return
        finally:
            reader.close()


class _Events(EventSourceResponse):
    """Server-sent events for one listener."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them until the run ends, or the listener goes or takes nothing any more: that is no failure of ours."""
        with suppress(SendTimeoutError):
            await super().__call__(scope, receive, send)


def _encoded(events: list[dict[str, Any]]) -> bytes:
    parts = []
    for event in events:
        data = json.dumps(event, ensure_ascii=False, separators=(",", ":"))  # which leaves no line break in it
        parts.append(f"id: {event['id']}\nevent: {event['type']}\ndata: {data}\n\n")
    return "".join(parts).encode("utf-8", "replace")


def _heartbeat() -> ServerSentEvent:
    return ServerSentEvent(comment="still here", sep="\n")


async def _file(name: str, kind: str, request: Request) -> Response:
    with open(os.path.join(PAGE, name), "rb") as file:
        return Response(file.read(), media_type=kind)


def _unknown() -> Response:
    return refusal(404, "run_not_found", "there is no such run", "GET /runs lists them")


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = "there is nothing at this address" if status == 404 else "this is not to be done here"
    return refusal(status, "invalid_input", message, "GET /, /runs, /runs/ID, /runs/ID/events")


async def _unreadable(request: Request, error: Exception) -> Response:
    assert isinstance(error, BatonError)
    return refusal(503, error.code, error.message, error.cure)


async def _failed(request: Request, error: Exception) -> Response:
    reason = getattr(error, "strerror", None) or type(error).__name__
    return refusal(503, "io_error", f"the runs could not be read: {reason}", "try again")
