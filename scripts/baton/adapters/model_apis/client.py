"""One question to a model's API over HTTP, its answer as it comes. The key goes to the host that was set and nowhere else.

One request and no more: when to ask again is not decided here. No key, no header and no address with a name in it ever
stands in what is raised.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from baton.adapters.model_apis import ApiFailure, Piece, Question, Stopped, Wire, failure_in
from baton.adapters.model_apis.chat import ChatWire
from baton.adapters.model_apis.messages import MessagesWire
from baton.adapters.model_apis.server_events import EventTooLong, ServerEvents
from baton.domain.api_settings import ApiSettings
from baton.domain.redaction import redact, redact_in

CONNECT_SECONDS = 15.0
CHUNK = 1 << 16
BODY_LIMIT = 1 << 16
TEXT_LIMIT = 500
LOST = "connection_lost"
MALFORMED = "malformed"
LAST = "[DONE]"


def wire_for(settings: ApiSettings) -> Wire:
    """Return the wire that the settings name."""
    if settings.wire == "anthropic":
        return MessagesWire()
    is_openai = urlsplit(settings.url).hostname == "api.openai.com"
    return ChatWire("max_completion_tokens" if is_openai else "max_tokens")


def ask(settings: ApiSettings, key: str | None, question: Question) -> Iterator[Piece]:
    """Ask, and yield the answer piece by piece; ``ApiFailure`` when there is none, or no end of it."""
    wire, secrets = wire_for(settings), [key] if key else []
    try:
        yield from _asked(settings, wire, key, question)
    except ApiFailure as failure:
        # A server may say anything back, the key that it was sent too.
        text, words = redact(failure.text, secrets)[:TEXT_LIMIT], redact_in(failure.words, secrets)
        raise ApiFailure(text, *words, status=failure.status, wait_seconds=failure.wait_seconds) from None


def address(settings: ApiSettings, wire: Wire) -> str:
    """Return where a question goes. A base that ends with the wire's own ``/v1`` is taken as it was meant."""
    url = settings.url
    return url + (wire.path.removeprefix("/v1") if url.endswith("/v1") else wire.path)


def _asked(settings: ApiSettings, wire: Wire, key: str | None, question: Question) -> Iterator[Piece]:
    host = urlsplit(settings.url).netloc
    headers = {
        "Accept": "text/event-stream",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "User-Agent": "baton",
        **wire.headers(key),
    }
    try:
        with requests.Session() as session:
            response = session.post(
                address(settings, wire),
                data=json.dumps(wire.body(question)).encode(),
                headers=headers,
                # Without this, a login for the host in ~/.netrc would take the place of the key.
                auth=_as_it_is,
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_SECONDS, settings.read_timeout_seconds),
            )
            with response:
                secrets = [key] if key else []
                _check(response, host, secrets)
                yield from _read(response.raw, wire, host, secrets)
    except requests.exceptions.SSLError as error:
        raise ApiFailure(f"{host} could not prove who it is: {_reason(error)}", "tls") from None
    except (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError):
        raise ApiFailure(f"{host} said nothing for {settings.read_timeout}", LOST) from None
    except requests.exceptions.InvalidHeader:
        raise ApiFailure("the key has characters that no header can have", "missing_credentials") from None
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise ApiFailure(f"{host} could not be reached, or hung up: {_reason(error)}", LOST) from None


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _check(response: requests.Response, host: str, secrets: list[str]) -> None:
    """Refuse an answer that is none: a redirect, an error, a page."""
    status = response.status_code
    if 300 <= status < 400:
        where = urlsplit(response.headers.get("Location", "")).netloc or "elsewhere"
        raise ApiFailure(f"{host} sends us on to {where}, where the key does not go: set base_url to it", "redirected")
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if status == 200 and kind == "text/event-stream":
        return
    body = response.raw.read(BODY_LIMIT, decode_content=True)
    try:
        data: Any = json.loads(body)
    except (ValueError, RecursionError):
        data = {"error": {"message": body.decode("utf-8", "replace").strip()}}
    failure = failure_in(redact_in(data, secrets), status)
    if status == 200:
        words = failure.words or (MALFORMED,)
        raise ApiFailure(failure.text or f"{host} answered with {kind or 'nothing'}, not with a stream", *words)
    failure.text = failure.text or f"{host} answered with status {status}"
    if status == 429 or status >= 500:  # beside any other it is no promise that waiting helps
        failure.wait_seconds = _wait(response.headers.get("Retry-After"))
    raise failure


def _read(raw: urllib3.HTTPResponse, wire: Wire, host: str, secrets: list[str]) -> Iterator[Piece]:
    """Read the stream to its end. An answer of which the end was said is whole, whatever becomes of the connection."""
    events, has_stopped = ServerEvents(), False
    try:
        while data := raw.read1(CHUNK, decode_content=True):
            for name, text in events.feed(data):
                if text.strip() == LAST:
                    continue
                for piece in wire.pieces(name, _object(text, host, secrets)):
                    has_stopped = has_stopped or isinstance(piece, Stopped)
                    yield piece
    except EventTooLong:
        raise ApiFailure(f"{host} sent an event without end", MALFORMED) from None
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError):
        if has_stopped:
            return
        raise
    if not has_stopped:
        raise ApiFailure(f"{host} hung up in the middle of its answer", LOST)


def _object(text: str, host: str, secrets: list[str]) -> dict[str, Any]:
    try:
        data: Any = redact_in(json.loads(text), secrets)  # but for what is cut between two events: see Redactor
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        # To pass it over could lose words in the middle of an answer.
        raise ApiFailure(f"{host} sent an event that cannot be read", MALFORMED)
    return data


def _wait(text: str | None) -> float | None:
    """Return the seconds of a Retry-After: a number, or a date."""
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    from email.utils import parsedate_to_datetime  # start-up: few errors bring a date
    from time import time  # start-up

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time())
    except ValueError:
        return None


def _reason(error: BaseException) -> str:
    """Return the innermost reason in a few words: what stands around it names addresses, proxies with passwords too."""
    while (inner := getattr(error, "reason", None) or error.__context__ or error.__cause__) is not None:
        if not isinstance(inner, BaseException):
            break
        error = inner
    said = getattr(error, "strerror", None) or getattr(error, "verify_message", None)
    return str(said or type(error).__name__)
