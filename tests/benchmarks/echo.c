/* The floor: the least that hears a message and answers it with an alert. No table of rules, no store, no memory.
 *
 *     echo HOST PORT QOS TOPIC ALERT_TOPIC THRESHOLD
 *
 * Reads the number after "smoke": from each payload and publishes {"device":"…"} (QoS 1) when it is above THRESHOLD. */

#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *alert_topic;
static double threshold;

static void heard(struct mosquitto *client, void *unused, const struct mosquitto_message *message) {
    (void)unused;
    char text[512];
    size_t length = (size_t)message->payloadlen < sizeof text - 1 ? (size_t)message->payloadlen : sizeof text - 1;
    memcpy(text, message->payload, length);
    text[length] = 0;
    const char *found = strstr(text, "\"smoke\":");
    if (!found || strtod(found + 8, NULL) <= threshold) return;
    const char *device = strrchr(message->topic, '/');
    char alert[128];
    int size = snprintf(alert, sizeof alert, "{\"device\":\"%s\"}", device ? device + 1 : message->topic);
    mosquitto_publish(client, NULL, alert_topic, size, alert, 1, false);
}

int main(int argc, char **argv) {
    if (argc != 7) return fprintf(stderr, "echo HOST PORT QOS TOPIC ALERT_TOPIC THRESHOLD\n"), 2;
    alert_topic = argv[5];
    threshold = atof(argv[6]);
    mosquitto_lib_init();
    struct mosquitto *client = mosquitto_new("echo", true, NULL);
    mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_int_option(client, MOSQ_OPT_RECEIVE_MAXIMUM, 500);
    mosquitto_message_callback_set(client, heard);
    if (mosquitto_connect(client, argv[1], atoi(argv[2]), 30)) return fprintf(stderr, "echo: no broker\n"), 1;
    if (mosquitto_subscribe(client, NULL, argv[4], atoi(argv[3]))) return fprintf(stderr, "echo: cannot subscribe\n"), 1;
    return mosquitto_loop_forever(client, -1, 1);
}
