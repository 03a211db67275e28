"""Style, script and vendor files: read once, named by their hash, so that a browser keeps them for good."""

import gzip
import hashlib
import mimetypes
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


class StaticFiles:
    """The files below a folder, and single ones of other places, which are found by their bare names."""

    def __init__(self, folder: Path, *others: Path) -> None:
        found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        found |= {path.name: path for path in others if path.is_file()}
        self._bodies = {name: path.read_bytes() for name, path in found.items()}
        self._squeezed = {name: squeeze(body) for name, body in self._bodies.items()}
        self._hashes = {name: hashlib.sha256(body).hexdigest()[:12] for name, body in self._bodies.items()}
        self.build = hashlib.sha256("".join(self._hashes.values()).encode()).hexdigest()[:12]

    def link(self, name: str) -> str:
        """The address of a file, relative to the root: static/app.css?v=1f3c…"""
        return f"static/{name}?v={self._hashes[name]}"

    async def answer(self, request: Request) -> Response:
        """A file; kept for good if it is asked for by its hash."""
        name = request.path_params["name"]
        if name not in self._bodies:
            return PlainTextResponse("no such file\n", 404)
        is_named = request.query_params.get("v") == self._hashes[name]
        headers = {"Cache-Control": "public, max-age=31536000, immutable" if is_named else "no-cache"}
        headers |= {"ETag": f'"{self._hashes[name]}"', "Vary": "Accept-Encoding"}
        if self._hashes[name] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        body = self._bodies[name]
        if "gzip" in request.headers.get("accept-encoding", ""):
            body, headers = self._squeezed[name], {**headers, "Content-Encoding": "gzip"}
        suffix = Path(name).suffix
        kind = KINDS.get(suffix) or mimetypes.guess_type(name)[0] or "text/plain; charset=utf-8"
        return Response(body, headers=headers, media_type=kind)


def squeeze(body: bytes) -> bytes:
    """Gzipped, without a time in it: the same bytes each time."""
    return gzip.compress(body, 6, mtime=0)
