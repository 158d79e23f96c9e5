"""Telegram: a message to one chat, through a bot. The bot's token is part of every URL, so no URL is ever shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from baton.domain.delivery import DeliveryFailed, Refusal, Rejected, RetryLater, Unreachable
from baton.domain.errors import MissingCredentials

if TYPE_CHECKING:
    import requests

TOKEN = "TELEGRAM_BOT_TOKEN"
CHAT = "TELEGRAM_CHAT_ID"
BASE = "TELEGRAM_API_BASE"
PUBLIC_BASE = "https://api.telegram.org"
PART_LIMIT = 4096
CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
# For a 429 that does not say how long to wait.
RETRY_SECONDS = 30.0
DESCRIPTION_LIMIT = 300
_CREDENTIALS = {
    401: f"check {TOKEN}",
    403: f"let the bot into the chat again, or check {CHAT}",
    404: f"check {TOKEN} and {BASE}",
}


class Notifier:
    """Sends text to the chat ``TELEGRAM_CHAT_ID``. Never sleeps: whoever calls decides when to try again."""

    name = "telegram"
    variables = (TOKEN, CHAT)

    def __init__(
        self, lookup: Callable[[str], str | None], *, timeouts: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS)
    ) -> None:
        """``lookup`` returns the value of a variable by name; ``timeouts``: seconds to connect, seconds of silence."""
        self._lookup = lookup
        self._timeouts = timeouts

    def missing(self) -> list[str]:
        """Return the names of the variables that are needed and have no value."""
        return [name for name in self.variables if not (self._lookup(name) or "").strip()]

    def send(self, text: str, start_part: int = 0) -> None:
        """Send ``text``, in parts of at most 4,096 UTF-16 units, beginning with the part ``start_part``.

        Raise ``MissingCredentials`` before anything is sent, else ``RetryLater``, ``Rejected`` or ``Unreachable``,
        whose ``sent_parts`` is the ``start_part`` to go on with. A message that was cut off while Telegram's answer
        was on its way counts as not sent, so it may arrive twice.
        """
        missing = self.missing()
        if missing:
            names = " and ".join(missing)
            raise MissingCredentials(
                f"{names} {'is' if len(missing) == 1 else 'are'} not set",
                cure=f"set {names} in the environment or in the home's .env",
            )
        # Raised here, where no exception of the HTTP library is current (its text holds the URL) and no local
        # variable of this frame holds the token.
        failure = self._send_parts(split(text), start_part)
        if failure is not None:
            raise failure

    def _send_parts(self, parts: list[str], start: int) -> DeliveryFailed | None:
        if not parts:
            return Rejected("the message is empty")
        # Imported late, here and below: requests and what it loads take 100 ms, ten times what a bare Python takes,
        # and most sweeps have nothing to send.
        from urllib.parse import quote  # start-up

        import requests  # start-up

        _silence()
        token = (self._lookup(TOKEN) or "").strip()
        chat = (self._lookup(CHAT) or "").strip()
        base = ((self._lookup(BASE) or "").strip() or PUBLIC_BASE).rstrip("/")
        if not base.startswith(("http://", "https://")):
            return _unusable_address(start)
        url = f"{base}/bot{quote(token, safe=':')}/sendMessage"
        with requests.Session() as session:
            for number, part in enumerate(parts[start:], start=start):
                body = {"chat_id": chat, "text": part, "disable_web_page_preview": True}
                failure = _post(session, url, body, self._timeouts, token, number)
                if failure is not None:
                    return failure
        return None


def split(text: str, limit: int = PART_LIMIT) -> list[str]:
    """Cut ``text`` into parts of at most ``limit`` UTF-16 units: after a newline if there is one, else at a space.

    The blank at a cut is left out, and so are blank parts, which Telegram refuses. Half a surrogate pair (bytes that
    were no UTF-8 arrive as such) becomes U+FFFD. ``limit`` is at least 2: a whole pair.
    """
    rest = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    parts: list[str] = []
    while rest:
        end = _fitting(rest, limit)
        cut = end
        if end < len(rest):
            # One character more than fits may be looked at: a blank there makes a cut that wastes nothing.
            cut = next((at for blank in "\n " if (at := rest.rfind(blank, 1, end + 1)) > 0), end)
        parts.append(rest[:cut])
        rest = rest[cut + 1 :] if rest[cut : cut + 1] in ("\n", " ") else rest[cut:]
    return [part for part in parts if part.strip()]


def _fitting(text: str, limit: int) -> int:
    units = 0
    for index, character in enumerate(text):
        units += 2 if character > "\uffff" else 1
        if units > limit:
            return index
    return len(text)


def _post(
    session: requests.Session, url: str, body: dict[str, Any], timeouts: tuple[float, float], token: str, sent: int
) -> DeliveryFailed | None:
    from http.client import HTTPException  # start-up

    from urllib3.exceptions import HTTPError  # start-up

    # Everything that the layers below can raise, also what requests forgets to wrap: each of them may show the URL.
    try:
        response = session.post(url, json=body, timeout=timeouts, allow_redirects=False)
    except (OSError, ValueError, HTTPException, HTTPError) as error:
        return _no_answer(error, timeouts, sent)
    return _refusal(response, token, sent)


def _no_answer(error: Exception, timeouts: tuple[float, float], sent: int) -> DeliveryFailed:
    from requests import exceptions  # start-up

    if isinstance(error, ValueError):
        return _unusable_address(sent)
    reasons = (
        (exceptions.ConnectTimeout, f"no connection within {timeouts[0]:g} s"),
        (exceptions.Timeout, f"no answer within {timeouts[1]:g} s"),
        (exceptions.SSLError, "no trusted TLS connection came about"),
        (exceptions.ProxyError, "the proxy did not let us through"),
    )
    reason = next((words for kind, words in reasons if isinstance(error, kind)), "the connection failed")
    return Unreachable(f"Telegram could not be reached: {reason}", sent_parts=sent, cure="check the network")


def _unusable_address(sent: int) -> Rejected:
    # The address itself is not shown: whatever is wrong with it, it may hold a password.
    return Rejected(
        f"{BASE} is not a usable address",
        kind=Refusal.CREDENTIALS,
        sent_parts=sent,
        cure=f"leave it out, or write it like {PUBLIC_BASE}",
    )


def _refusal(response: requests.Response, token: str, sent: int) -> DeliveryFailed | None:
    status = response.status_code
    answer = _answer(response)
    if status == 200 and answer.get("ok") is True:
        return None
    from baton.domain.redaction import redact  # start-up: a sweep that has nothing to tell needs it not

    words = " ".join(redact(str(answer.get("description") or ""), [token]).split())
    description = words[:DESCRIPTION_LIMIT] or f"status {status}"
    if status == 429:
        return RetryLater(f"Telegram asks to wait: {description}", seconds=_seconds(answer), sent_parts=sent)
    if status in _CREDENTIALS:
        cure = _CREDENTIALS[status]
        words = f"Telegram refused the credentials: {description}"
        return Rejected(words, kind=Refusal.CREDENTIALS, sent_parts=sent, cure=cure)
    if 400 <= status < 500 and status != 408:
        return Rejected(f"Telegram refused the message: {description}", sent_parts=sent)
    if 300 <= status < 400:
        words = f"Telegram could not be reached: a redirect was answered (status {status}), and is not followed"
        return Unreachable(words, sent_parts=sent, cure=f"check {BASE} and whether the network asks for a login")
    return Unreachable(f"Telegram could not be reached: it answered with {description}", sent_parts=sent)


def _answer(response: requests.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _seconds(answer: dict[str, Any]) -> float:
    parameters = answer.get("parameters")
    seconds = parameters.get("retry_after") if isinstance(parameters, dict) else None
    return float(seconds) if type(seconds) is int and 0 < seconds < 10**9 else RETRY_SECONDS


def _silence() -> None:
    import logging  # start-up

    # At DEBUG each request is logged with its path; and a broken header brings a warning with the URL, which reaches
    # stderr even where no logging is set up.
    for name in ("urllib3.connection", "urllib3.connectionpool"):
        logging.getLogger(name).disabled = True
