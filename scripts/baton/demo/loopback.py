"""A stand-in for Telegram's server on this machine's loopback: it keeps what it is sent, and answers as Telegram does."""

from __future__ import annotations

import http.server
import json
import threading

TOKEN = "0:demo"
CHAT = "demo-chat"


class Telegram:
    """Listens on a free port of 127.0.0.1 until it is closed."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        """The messages that arrived, oldest first."""
        texts = self.texts

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                is_good = self.path == f"/bot{TOKEN}/sendMessage" and body.get("chat_id") == CHAT
                if is_good:
                    texts.append(body["text"])
                answer = json.dumps({"ok": is_good, "description": "" if is_good else "Unauthorized"}).encode()
                self.send_response(200 if is_good else 401)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments: object) -> None:
                """Print nothing for a request."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def environ(self) -> dict[str, str]:
        """The variables that lead Baton's notifier here."""
        base = f"http://127.0.0.1:{self._server.server_port}"
        return {"TELEGRAM_API_BASE": base, "TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CHAT_ID": CHAT}

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
