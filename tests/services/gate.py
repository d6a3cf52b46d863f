"""A port before a server, which can be shut: for clients the server is then stopped, and it loses nothing."""

import contextlib
import socket
import threading

from tests.services.servers import HOST, free_port


class Gate:
    """Passes connections on to another port of this machine until it is shut."""

    def __init__(self, port_behind: int) -> None:
        self.port = free_port()
        self._port_behind = port_behind
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.open()

    def open(self) -> None:
        # SO_REUSEADDR, which create_server sets: the same port again at once.
        self._listener = socket.create_server((HOST, self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        """New connections are refused, and those that are open end."""
        assert self._listener is not None
        # Wakes up the thread that waits in accept, which close alone does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection((HOST, self._port_behind))
            self._open |= {client, server}
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._open -= {source}
        source.close()
