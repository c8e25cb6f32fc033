"""Start the sandbox: `python -m ticketadmin.sandbox --port 8901 --database sandbox.sqlite3`."""

import argparse
import asyncio
import os
import signal
import ssl
import sys
from pathlib import Path

from ticketadmin.sandbox.control import answer
from ticketadmin.sandbox.crm import Crm
from ticketadmin.sandbox.server import Server

_LOOPBACK = "127.0.0.1"


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog="ticketadmin.sandbox", description="A test double of the remote ticket API."
    )
    parser.add_argument("--port", type=int, default=8901, help="0 picks a free one")
    parser.add_argument("--database", type=Path, required=True, help="SQLite file that keeps the tickets")
    parser.add_argument("--tickets", type=int, default=250, help="how many to make at the first start")
    parser.add_argument("--tls-cert", type=Path)
    parser.add_argument("--tls-key", type=Path)
    arguments = parser.parse_args()
    key = os.environ.get("SANDBOX_KEY", "")
    if not key:
        sys.exit("Set SANDBOX_KEY to the key that clients must send.")
    asyncio.run(_serve(arguments, key))


async def _serve(arguments: argparse.Namespace, key: str) -> None:
    crm = Crm(arguments.database, key=key, count=arguments.tickets)
    server = Server(crm, answer)
    tls = None
    if arguments.tls_cert:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(arguments.tls_cert, arguments.tls_key)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    listening = await asyncio.start_server(server.serve, _LOOPBACK, arguments.port, ssl=tls, limit=8_000_000)
    port = listening.sockets[0].getsockname()[1]
    scheme = "https" if tls else "http"
    sys.stdout.write(f"sandbox ready on {scheme}://{_LOOPBACK}:{port}\n")
    sys.stdout.flush()
    await stop.wait()
    listening.close()


if __name__ == "__main__":
    main()
