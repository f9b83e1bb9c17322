#!/usr/bin/env python3
"""Sends the connections of a server to a streaming standby for a few seconds, like a proxy that has not noticed a failover, and
then back to the primary. The server must recover by itself. Then the server starts while the database is unavailable, and must
wait for it.
"""

import socket
import threading
import time

from drill import ME, Gatehouse, Workshop, free_port, get, run, sign_up, until


class Route:
    """A TCP proxy whose target can change. Existing connections stay where they are, as with HAProxy."""

    def __init__(self, target):
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            self.open += [client, server]
            for one, other in [(client, server), (server, client)]:
                threading.Thread(target=self.copy, args=(one, other), daemon=True).start()

    def copy(self, one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        for end in [one, other]:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def lead_to(self, target):
        """Sends new connections to another server. Open ones stay where they are."""
        self.target = target

    def cut(self):
        """Ends all open connections."""
        for end in self.open:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.open.clear()


def writes(server):
    try:
        change = f'mutation {{ updateProfile(input: {{ bio: "{time.monotonic()}" }}) {{ __typename }} }}'
        status, answer = run(server.port, change, token=server.token)
        return status == 200 and answer["data"]["updateProfile"]["__typename"] == "User"
    except OSError:
        return False


def main():
    with Workshop() as workshop:
        primary = workshop.postgres()
        second = workshop.standby(primary)
        route = Route(primary)
        url = f"postgres://gatehouse@127.0.0.1:{route.port}/postgres"
        server = Gatehouse(workshop, url)
        server.token = sign_up(server.port)["accessToken"]
        assert writes(server)

        route.lead_to(second)
        route.cut()
        end = time.monotonic() + 3
        while time.monotonic() < end:
            assert not writes(server), "a standby accepted a write"
            assert run(server.port, ME, token=server.token)[0] == 503, "a standby was read"
        route.lead_to(primary)
        until("the server writes again", lambda: writes(server))
        print("misrouted for 3 s: the server recovered by itself")

        # both servers in the URL, the standby first
        both = f"postgres://gatehouse@127.0.0.1:{second},127.0.0.1:{primary}/postgres?target_session_attrs=read-write"
        other = Gatehouse(workshop, both, log="both.log")
        other.token = sign_up(other.port)["accessToken"]
        assert writes(other)
        print("with two servers in DATABASE_URL, the one that accepts writes was used")

        server.stop()
        route.lead_to(free_port())
        route.cut()
        start = threading.Thread(target=server.start)
        start.start()
        until("the log says so", lambda: "waiting for the database" in workshop.text(server.log))
        assert server.process.poll() is None
        route.lead_to(primary)
        start.join()
        assert get(server.port, "/health/ready")[0] == 200
        print("the server waited for a database that was unavailable at its start")


if __name__ == "__main__":
    main()
