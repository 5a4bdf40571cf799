"""What most people write first: paho-mqtt, json, influxdb-client's batching writer, one comparison.

    python tests/benchmarks/plain.py HOST PORT QOS TOPIC ALERT_TOPIC THRESHOLD STORE_URL

It is the yardstick of the first watch, so it is written as its libraries' own examples are, not made slow."""

import json
import sys
from datetime import UTC, datetime

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write.point import Point
from influxdb_client.client.write_api import WriteOptions
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

FIELDS = ("smoke", "power_w", "temp_c", "humidity", "battery")


def main() -> None:
    host, port, qos, topic, alert_topic, threshold, store = sys.argv[1:]
    limit = float(threshold)
    database = InfluxDBClient(url=store, token="token", org="org")
    writer = database.write_api(write_options=WriteOptions(batch_size=1000, flush_interval=1000))
    client = Client(CallbackAPIVersion.VERSION2, client_id="plain")

    def heard(client: Client, userdata: object, message: MQTTMessage) -> None:
        reading = json.loads(message.payload)
        device = message.topic.rpartition("/")[2]
        point = Point("fire").tag("device", device).time(datetime.fromtimestamp(reading["ts"], UTC))  # type: ignore[no-untyped-call]
        for field in FIELDS:
            point.field(field, float(reading[field]))
        writer.write(bucket="bench", record=point)
        if reading["smoke"] > limit:
            client.publish(alert_topic, json.dumps({"device": device}), qos=1)

    client.on_message = heard
    client.on_connect = lambda client, *_: client.subscribe(topic, int(qos))
    client.connect(host, int(port))
    client.loop_forever()


if __name__ == "__main__":
    main()
