"""Runs a server on a socket until a signal ends it."""

from socket import socket

import uvicorn


def run(config: uvicorn.Config, listening: socket) -> None:
    """Serve until interrupted. Raises `KeyboardInterrupt` where a signal was the end of it: the one
    that uvicorn raises again may come too late."""
    server = uvicorn.Server(config)
    server.run([listening])
    if server.should_exit:
        raise KeyboardInterrupt
