"""What systemd is told of this service: READY=1, WATCHDOG=1, STOPPING=1 (sd_notify(3)); nothing where nobody listens."""

import os
import socket


def notify(state: str) -> None:
    """One datagram to the socket systemd names in NOTIFY_SOCKET. A supervisor that does not read must not hold us up."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]  # Linux's abstract namespace
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.setblocking(False)
        try:
            out.sendto(state.encode(), address)
        except OSError:
            return  # it is asked for again in a second; if it stays away, systemd restarts us, as it should
