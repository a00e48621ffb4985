"""An answer that ends anywhere before its end, and TLS: nothing is taken for whole that is not, nobody is trusted blindly."""

from __future__ import annotations

import datetime
import gzip
import ipaddress
import json
import random
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import pytest

from datasync.connectors.http.exchange import Limits, Request
from datasync.connectors.http.session import HttpSession
from datasync.errors import ConnectorError, PermanentError, TransientError
from tests.connectors.http.servers import Asked, Handler, connection, reply
from tests.connectors.http.sources import everything, numbered, rest

BODY = json.dumps({"data": numbered(60)})
PACKED = gzip.compress(BODY.encode())


def chunked(body: bytes) -> bytes:
    """A body in chunks of 100 bytes."""
    pieces = [body[at : at + 100] for at in range(0, len(body), 100)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


FRAMES = {
    "close": reply(BODY, content_length=""),
    "length": reply(BODY),
    "chunked": reply(chunked(BODY.encode()), content_length="", transfer_encoding="chunked"),
    "gzip": reply(PACKED, content_encoding="gzip", content_length=""),
    "gzip, chunked": reply(chunked(PACKED), content_encoding="gzip", content_length="", transfer_encoding="chunked"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_an_answer_cut_anywhere_is_an_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from datasync.connectors.http import session, source

    monkeypatch.setattr(session, "BACKOFF", 0.001)
    monkeypatch.setattr(source, "Limits", lambda **settings: Limits(timeout=10, deadline=60, retries=0))
    whole = FRAMES[name]
    # The length 0 of the last chunk says that all is there; the line ends behind it may be missing.
    last = len(whole) - (5 if "chunked" in name else 1)
    drawn = random.Random(name).sample(range(1, last), 30)
    for end in (*drawn, last):
        with (
            rest(lambda asked, sock, end=end: whole[:end], {"records": "$.data[*]"}) as (opened, _),
            pytest.raises(ConnectorError),
        ):
            everything(opened)
    with rest(lambda asked, sock: whole, {"records": "$.data[*]"}) as (opened, _):
        assert everything(opened)[0].height == 60


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that signs itself, for 127.0.0.1."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


def secured(certificate: Path, handler: Handler) -> Handler:
    """A handler behind TLS: the server's plain socket carries it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(sock: socket.socket) -> None:
        from tests.connectors.http.servers import read_request

        with context.wrap_socket(sock, server_side=True) as wrapped:
            asked = read_request(wrapped)
            found = handler(asked, wrapped) if asked is not None else None
            if found is not None:
                wrapped.sendall(found)

    return serve  # type: ignore[return-value]


def fetch(port: int, **limits: Any) -> bytes:
    session = HttpSession(connection(f"https://127.0.0.1:{port}"), Limits(**{"timeout": 5, "retries": 0, **limits}))
    try:
        return session.send(Request("GET", "/x")).body
    finally:
        session.close()


class TlsServer:
    """Serves one connection after another behind TLS."""

    def __init__(self, certificate: Path, handler: Handler) -> None:
        import threading

        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(10)
        self.port = self._listener.getsockname()[1]
        self._serve: Any = secured(certificate, handler)
        self._thread = threading.Thread(target=self._once, daemon=True)
        self._thread.start()

    def _once(self) -> None:
        try:
            accepted, _ = self._listener.accept()
            accepted.settimeout(10)
            self._serve(accepted)
        except OSError:
            return

    def close(self) -> None:
        """End it."""
        self._listener.close()
        self._thread.join(timeout=10)


def test_a_certificate_that_nobody_knows_is_refused(certificate: Path) -> None:
    server = TlsServer(certificate, lambda asked, sock: reply())
    with pytest.raises(PermanentError) as caught:
        fetch(server.port)
    server.close()
    assert caught.value.code == "E_TLS"


def test_an_authority_of_ones_own_can_be_named(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    server = TlsServer(certificate, lambda asked, sock: reply(b"[]"))
    assert fetch(server.port) == b"[]"
    server.close()


def test_a_drip_behind_tls_is_cut_off(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))

    def drip(asked: Asked, sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(60):
            sock.sendall(b"x")
            time.sleep(0.1)

    server = TlsServer(certificate, drip)
    began = time.monotonic()
    with pytest.raises(TransientError) as caught:
        fetch(server.port, timeout=1)
    assert time.monotonic() - began < 3
    server.close()
    assert caught.value.code == "E_TIMEOUT"
