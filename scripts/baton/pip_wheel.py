"""Fetch pip's own wheel from where pip would look, for a Python whose ensurepip is missing (Debian's, mostly).

A wheel of pip runs where it lies (``python pip-24.0-py3-none-any.whl/pip install ...``). This room reads pip's settings
and package indexes, as far as needed to find that one file; everything else is left to pip. Standard library only; like
``bootstrap`` it must be readable by a Python that is too old to go on.
"""

from __future__ import annotations

import base64
import configparser
import hashlib
import http.client
import json
import os
import re
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

WHEEL = re.compile(r"pip-(\d+(?:\.\d+)*)-(?:py2\.)?py3-none-any\.whl")
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
TIMEOUT_SECONDS = 30
FAILURES = (OSError, ValueError, LookupError, TypeError, http.client.HTTPException)
"""What a host that is away, or a page that is no index, can raise."""


class WheelNotFound(Exception):
    """No usable wheel of pip was found."""


class Sources(NamedTuple):
    """Where pip is told to look; each an URL or a local path."""

    indexes: list[str]
    find_links: list[str]
    certificates: str | None
    trusted_hosts: list[str]


class Link(NamedTuple):
    """A wheel of pip that a page offers; ``sha256`` is empty where the page names none."""

    version: tuple[int, ...]
    url: str
    sha256: str


def sources(environment: dict[str, str]) -> Sources:
    """Read pip's settings: config files from the widest to the nearest, then PIP_* variables, the later one winning.

    The files and their order are those of pip's documentation ("Configuration"); a PIP_CONFIG_FILE of /dev/null
    switches all files off.
    """
    home = Path(environment.get("HOME") or Path.home())
    own = environment.get("PIP_CONFIG_FILE", "")
    nearest = Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf"
    files = [Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"), home / ".pip/pip.conf", nearest]
    values: dict[str, str] = {}
    if own != os.devnull:
        parser = configparser.RawConfigParser()
        try:
            parser.read([*map(str, files), *([own] if own else [])], encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise WheelNotFound(f"a pip.conf cannot be read ({' '.join(str(error).split())})") from None
        for section in ("global", "install"):
            if parser.has_section(section):
                values.update({key.replace("_", "-"): value for key, value in parser.items(section)})
    for name, value in environment.items():
        if name.startswith("PIP_") and value:
            values[name[4:].lower().replace("_", "-")] = value
    indexes = [values.get("index-url", "https://pypi.org/simple"), *values.get("extra-index-url", "").split()]
    if values.get("no-index", "").lower() in {"1", "true", "yes", "on"}:
        indexes = []
    return Sources(
        indexes=indexes,
        find_links=values.get("find-links", "").split(),
        certificates=values.get("cert"),
        trusted_hosts=values.get("trusted-host", "").split(),
    )


def fetch(folder: Path, looked: Sources) -> Path:
    """Put the newest wheel of pip that fits this Python into ``folder``, compare its hash, and return its path."""
    web = _Web(looked)
    links: list[Link] = []
    failures: list[str] = []
    pages = [*looked.find_links, *(f"{index.rstrip('/')}/pip/" for index in looked.indexes)]
    for page in map(_as_url, pages):
        try:
            links += web.links(page)
        except FAILURES as error:
            failures.append(f"{_without_login(page)}: {getattr(error, 'reason', None) or error}")
    if not links:
        raise WheelNotFound("no wheel of pip at " + ("; ".join(failures or map(_without_login, pages)) or "any place"))
    link = max(links)
    try:
        content = web.read(link.url)[1]
    except FAILURES as error:
        raise WheelNotFound(f"{_without_login(link.url)}: {getattr(error, 'reason', None) or error}") from None
    if link.sha256 and hashlib.sha256(content).hexdigest() != link.sha256:
        raise WheelNotFound(f"{_without_login(link.url)} is not the file that its index describes (sha256 differs)")
    wheel = folder / link.url.rpartition("/")[2]
    wheel.write_bytes(content)
    return wheel


class _Web:
    """Reads pages and files with what the settings say of certificates, hosts and log-ins."""

    def __init__(self, looked: Sources) -> None:
        self._trusted = {host.partition(":")[0] for host in looked.trusted_hosts}
        self._certificates = looked.certificates
        self._logins: dict[str, str] = {}

    def read(self, url: str) -> tuple[str, bytes, str]:
        """Return the address that answered, the bytes, and their content type.

        A log-in in an URL is remembered for its host, because the links of a page come without it; it goes to no other
        host, after a redirect either. Plain http is refused as pip refuses it: its hash comes by the same road.
        """
        parts = urllib.parse.urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        if parts.username:
            login = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
            self._logins[host] = "Basic " + base64.b64encode(login.encode()).decode()
        if parts.scheme == "http" and parts.hostname not in self._trusted | LOOPBACK:
            raise ValueError("not https, and not a trusted-host")
        request = urllib.request.Request(urllib.parse.urlunsplit(parts._replace(netloc=host)))
        request.add_header("Accept", "application/vnd.pypi.simple.v1+json, text/html;q=0.2, */*;q=0.1")
        if host in self._logins:
            request.add_unredirected_header("Authorization", self._logins[host])
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=self._tls(parts)) as answer:
            return answer.geturl(), answer.read(), answer.headers.get("Content-Type") or ""

    def links(self, page: str) -> list[Link]:
        """Return the wheels of pip that a page, or a local folder, offers to this Python."""
        folder = _local(page)
        if folder and folder.is_dir():
            if not (folder / "index.html").exists():
                return _chosen([(file.resolve().as_uri(), "", "") for file in folder.iterdir()])
            page = (folder / "index.html").as_uri()
        elif folder and WHEEL.fullmatch(folder.name):
            return _chosen([(page, "", "")])
        address, content, kind = self.read(page)
        found: list[tuple[str, str, str]] = []
        if "json" in kind:
            for file in json.loads(content)["files"]:
                if not file.get("yanked"):
                    found.append((file["url"], file.get("requires-python") or "", file["hashes"].get("sha256", "")))
        else:
            anchors = _Anchors()
            anchors.feed(content.decode("utf-8", "replace"))
            found = anchors.found
        return _chosen([(urllib.parse.urljoin(address, url), python, sha256) for url, python, sha256 in found])

    def _tls(self, parts: urllib.parse.SplitResult) -> ssl.SSLContext | None:
        if parts.scheme != "https":
            return None
        if parts.hostname in self._trusted:
            return ssl._create_unverified_context()
        place = Path(self._certificates) if self._certificates else None
        if place and place.is_dir():
            return ssl.create_default_context(capath=str(place))
        return ssl.create_default_context(cafile=str(place) if place else None)


class _Anchors(HTMLParser):
    """Collects (href, requires-python, "") of an index page's links that are not yanked (PEP 503, 592)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the links."""
        named = dict(attrs)
        if tag == "a" and named.get("href") and "data-yanked" not in named:
            self.found.append((named["href"] or "", named.get("data-requires-python") or "", ""))


def _chosen(found: list[tuple[str, str, str]]) -> list[Link]:
    """Keep what is a final release of pip for this Python; a hash may stand in the URL's fragment instead."""
    links = []
    for url, python, sha256 in found:
        address, fragment = urllib.parse.urldefrag(url)
        match = WHEEL.fullmatch(address.rpartition("/")[2])
        least = re.search(r">=\s*(\d+)\.(\d+)", python)
        if match and not (least and tuple(map(int, least.groups())) > sys.version_info):
            version = tuple(map(int, match[1].split(".")))
            links.append(Link(version, address, sha256 or fragment.partition("sha256=")[2].lower()))
    return links


def _as_url(place: str) -> str:
    """Make an URL of what may be a local path."""
    return place if re.match(r"[a-z]+://", place) else Path(place).expanduser().resolve().as_uri()


def _local(url: str) -> Path | None:
    """Return the path behind a file URL."""
    parts = urllib.parse.urlsplit(url)
    return Path(urllib.request.url2pathname(parts.path)) if parts.scheme == "file" else None


def _without_login(url: str) -> str:
    """Return an URL that may be shown."""
    return re.sub(r"//[^/@]*@", "//", url)
