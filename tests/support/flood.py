"""Far more messages than a community sends: ``python -m tests.support.flood PORT SECONDS QOS RATE [USER PASSWORD]``.

Its readings go to ``bench/f0`` … ``bench/f999``, each with a time of its own. The last line it prints is how many it sent. With
QoS 1 it waits for the broker's confirmations, at most 1,000 open.
"""

import select
import socket
import sys
import time

from tests.support.rawmqtt import CONNACK, PUBACK, Cut, connect_packet, publish_packet

GROUP = 200


def main(port: int, seconds: float, qos: int, rate: float, username: str = "", password: str = "") -> None:
    """``rate`` messages a second; 0: as fast as the broker takes them."""
    link = socket.create_connection(("127.0.0.1", port))
    link.sendall(connect_packet(f"flood-{qos}", username, password))
    cut = Cut()
    assert cut.feed(link.recv(100))[0].kind == CONNACK
    began, sent, confirmed = time.monotonic(), 0, 0
    start = time.time_ns() // 1_000_000
    while (passed := time.monotonic() - began) < seconds:
        if rate and sent > passed * rate:
            time.sleep(0.002)
            continue
        group = []
        for number in range(sent, sent + GROUP):
            payload = b'{"ts":%d,"level":%d,"power":%d}' % (start + number // 1000, number % 400, number % 3000)
            group.append(publish_packet(f"bench/f{number % 1000}", payload, number % 60_000 + 1 if qos else 0))
        link.sendall(b"".join(group))
        sent += GROUP
        while qos and (sent - confirmed > 1000 or select.select([link], [], [], 0)[0]):
            confirmed += sum(packet.kind == PUBACK for packet in cut.feed(link.recv(1 << 16)))
    while qos and confirmed < sent:
        confirmed += sum(packet.kind == PUBACK for packet in cut.feed(link.recv(1 << 16)))
    link.sendall(b"\xe0\x00")
    print(sent, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), *sys.argv[5:7])
