"""Who may ask: whoever names this server by its own name and presents its token.

A browser lets any page send requests to this machine. A page of another name that resolves to this address (DNS
rebinding) is known by ``Host``, one that asks across by ``Origin``; and the token stands in a header that no other page
can know. There is no cookie: cookies of one port are sent to every other.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


def refusal(status: int, code: str, message: str, cure: str, **headers: str) -> Response:
    """Return a refusal, as the scripts say one."""
    return JSONResponse({"error": {"code": code, "message": message, "cure": cure}}, status, headers)


class Guard:
    """Lets through what may be answered; ``is_open`` are the paths that need no token, since they tell nothing."""

    def __init__(self, app: ASGIApp, *, token: str, hosts: Collection[str], is_open: Collection[str]) -> None:
        self._app = app
        self._token = token.encode()
        self._hosts = frozenset(hosts)
        self._origins = frozenset(f"http://{host}" for host in hosts)
        self._open = frozenset(is_open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the server answer, with headers that keep a page of ours to itself."""
        if scope["type"] != "http":
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                known = {name.lower() for name, _ in message["headers"]}
                more = [(name.encode(), text.encode()) for name, text in HEADERS.items() if name.encode() not in known]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        await (self._refused(scope) or self._app)(scope, receive, sent)

    def _refused(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return refusal(
                403,
                "permission_denied",
                "the request names another host than this server",
                "use the address it printed",
            )
        if any(origin.lower() not in self._origins for origin in origins):
            return refusal(
                403, "permission_denied", "the request comes from a page of another server", "use this one's"
            )
        if scope["path"] in self._open or self._knows_token(headers):
            return None
        return refusal(
            401,
            "missing_credentials",
            "the request has no valid token",
            "send it: Authorization: Bearer TOKEN; serve_runs.py says where it lies",
            **{"www-authenticate": "Bearer"},
        )

    def _knows_token(self, headers: Headers) -> bool:
        sent = headers.getlist("authorization")
        scheme, _, token = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
        # The comparison takes as long for a wrong token as for one that is nearly right.
        return (
            hmac.compare_digest(token.strip().encode("latin-1", "replace"), self._token) and scheme.lower() == "bearer"
        )
