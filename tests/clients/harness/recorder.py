"""Records what passes between a client and a server, byte for byte.

A recorder is a TCP relay: clients are given its address instead of the server's and stay unmodified. It understands
nothing while it relays, so it cannot change anything; `take` reads the recorded bytes as HTTP/1.1 afterwards.
When the client closes its connection, so does the relay, at once: cancelling must pass through.
"""

from __future__ import annotations

import gzip
import json
import socket
import threading
import zlib
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Exchange:
    """A request and its answer. `complete` says whether the answer reached its end."""

    method: str
    path: str
    request_headers: dict[str, str]
    request_body: bytes
    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool

    def json(self) -> Any:
        return json.loads(self.body)

    def request_json(self) -> Any:
        return json.loads(self.request_body)

    def events(self) -> list[Any]:
        """The JSON of the events of a stream, without `[DONE]`."""
        lines = self.body.decode().splitlines()
        data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        return [json.loads(item) for item in data if item != "[DONE]"]

    @property
    def is_stream(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/event-stream")


@dataclass
class _Connection:
    client: socket.socket
    server: socket.socket
    requests: bytearray = field(default_factory=bytearray)
    responses: bytearray = field(default_factory=bytearray)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        for end in (self.client, self.server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


class Recorder:
    """A relay to one server."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[_Connection] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        host, port = self._listener.getsockname()
        return f"http://{host}:{port}"

    def take(self) -> list[Exchange]:
        """What passed since the last time, in the order of connections and requests."""
        with self._lock:
            connections = list(self._connections)
        exchanges: list[Exchange] = []
        for connection in connections:
            with connection.lock:
                exchanges += _take_exchanges(connection.requests, connection.responses)
        return exchanges

    def close(self) -> None:
        self._listener.close()
        with self._lock:
            connections, self._connections = self._connections, []
        for connection in connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = _Connection(client, server)
            with self._lock:
                self._connections.append(connection)
            for source, sink, record in (
                (client, server, connection.requests),
                (server, client, connection.responses),
            ):
                arguments = (connection, source, sink, record)
                threading.Thread(target=self._pump, args=arguments, daemon=True).start()

    @staticmethod
    def _pump(connection: _Connection, source: socket.socket, sink: socket.socket, record: bytearray) -> None:
        try:
            while data := source.recv(65536):
                with connection.lock:
                    record += data
                sink.sendall(data)
        except OSError:
            pass
        connection.close()


def _take_exchanges(requests: bytearray, responses: bytearray) -> list[Exchange]:
    """Takes whole requests with their answers off the front of what was recorded."""
    exchanges = []
    while True:
        request = _parse(requests, is_request=True)
        if request is None or not request.complete:
            return exchanges
        answer = _parse(responses, is_request=False)
        if answer is None:
            # Not answered (yet): it stays, unless its connection is never used again.
            return exchanges
        method, path, _ = request.first_line.split(" ", 2)
        exchanges.append(
            Exchange(
                method=method,
                path=path,
                request_headers=request.headers,
                request_body=_decoded(request),
                status=int(answer.first_line.split(" ", 2)[1]),
                headers=answer.headers,
                body=_decoded(answer),
                complete=answer.complete,
            )
        )
        del requests[: request.length]
        del responses[: answer.length]


@dataclass
class _Message:
    first_line: str
    headers: dict[str, str]
    body: bytes
    complete: bool
    length: int


def _parse(buffer: bytearray, is_request: bool) -> _Message | None:
    data = bytes(buffer)
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    first_line, *lines = data[:end].decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
    start = end + 4
    if "chunked" in headers.get("transfer-encoding", ""):
        body, complete, length = _dechunked(data, start)
    elif "content-length" in headers:
        wanted = int(headers["content-length"])
        body = data[start : start + wanted]
        complete, length = len(body) == wanted, start + len(body)
    else:
        # A request without a length has no body; an answer without one lasts until the connection closes.
        body = b"" if is_request else data[start:]
        complete, length = is_request, start + len(body)
    return _Message(first_line, headers, body, complete, length)


def _dechunked(data: bytes, at: int) -> tuple[bytes, bool, int]:
    body = b""
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            return body, False, len(data)
        size = int(data[at:end].split(b";")[0], 16)
        if size == 0:
            return body, True, data.find(b"\r\n\r\n", end) + 4
        chunk = data[end + 2 : end + 2 + size]
        body += chunk
        at = end + 2 + size + 2
        if len(chunk) < size:
            return body, False, len(data)


def _decoded(message: _Message) -> bytes:
    encoding = message.headers.get("content-encoding", "")
    if encoding == "gzip":
        return gzip.decompress(message.body)
    if encoding == "deflate":
        return zlib.decompress(message.body)
    return message.body
