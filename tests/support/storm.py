"""A storm: so many detectors of one building burn within seconds, and are quiet again some time after.

``python -m tests.support.storm MQTT_PORT HUB_URL [COUNT SECONDS USER PASSWORD]`` lets one loose on a hub that knows
``alarm/{device}`` (tests.support.site) and prints what came of it.
"""

import json
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

from tests.support.rawmqtt import Client
from tests.support.site import wall

BUILDING = "storm-3"
IN_FLIGHT = 500


def homes(count: int) -> dict[str, Any]:
    """A building with so many detectors, one in each flat, as ``POST /api/v1/import`` takes it."""
    flats = [{"id": f"{BUILDING}-{n}", "name": f"{n}室", "kind": "flat", "parent": BUILDING} for n in range(count)]
    devices = [{"id": f"alarm:s{n}", "space": f"{BUILDING}-{n}", "accepted": True} for n in range(count)]
    return {"spaces": [{"id": BUILDING, "name": "3幢", "kind": "building", "name_en": "Building 3"}, *flats], "devices": devices}


def burn(client: Client, count: int, seconds: float, smoke: bool = True) -> float:
    """Every detector says once whether it sees smoke, evenly over so many seconds; when the first was sent, monotonic.
    Returns when the broker has confirmed all."""
    began = time.monotonic()
    waiting: set[int] = set()
    for number in range(count):
        while (early := began + seconds * number / count - time.monotonic()) > 0:
            client.listen(min(early, 0.05))
        waiting.add(client.publish(f"alarm/s{number}", {"ts": wall(), "smoke": smoke}))
        while len(waiting) > IN_FLIGHT:
            client.listen(0.5)
            waiting -= client.confirmed
    while waiting:
        client.listen(0.5)
        waiting -= client.confirmed
    return began


def changes(client: Client) -> Iterator[tuple[dict[str, Any], float]]:
    """What the listener has heard of the storm's alerts so far, each with its moment."""
    for _, payload, moment in client.messages:
        alert = json.loads(payload)
        if str(alert["device"]).startswith("alarm:s"):
            yield alert, moment


def main(port: int, url: str, count: int = 5000, seconds: float = 10, *login: str) -> None:
    body = json.dumps(homes(count)).encode()
    urllib.request.urlopen(
        urllib.request.Request(f"{url}/api/v1/import", body, {"Content-Type": "application/json", "Origin": url})
    )
    client = Client(port, "storm", *login)
    burn(client, count, seconds)
    with urllib.request.urlopen(f"{url}/api/v1/incidents?state=firing") as answer:
        found = [one for one in json.load(answer)["items"] if one["space"] == BUILDING]
    print(f"{count} detectors in {seconds:g} s: {len(found)} incident, {sum(one['firing'] for one in found)} members so far")
    burn(client, count, seconds, False)


if __name__ == "__main__":
    count, seconds = map(int, sys.argv[3:5]) if len(sys.argv) > 4 else (5000, 10)
    main(int(sys.argv[1]), sys.argv[2], count, seconds, *sys.argv[5:7])
