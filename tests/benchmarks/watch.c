/* The independent witness: writes when each alert came out of the broker.
 *
 *     watch HOST PORT TOPIC…      one line for each message: nanoseconds (CLOCK_REALTIME), a tab, the payload */

#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void heard(struct mosquitto *client, void *unused, const struct mosquitto_message *message) {
    (void)client;
    (void)unused;
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    printf("%lld\t%.*s\n", at.tv_sec * 1000000000LL + at.tv_nsec, message->payloadlen, (char *)message->payload);
    fflush(stdout);
}

int main(int argc, char **argv) {
    if (argc < 4) return fprintf(stderr, "watch HOST PORT TOPIC...\n"), 2;
    mosquitto_lib_init();
    struct mosquitto *client = mosquitto_new("watch", true, NULL);
    mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_message_callback_set(client, heard);
    if (mosquitto_connect(client, argv[1], atoi(argv[2]), 30)) return fprintf(stderr, "watch: no broker\n"), 1;
    for (int i = 3; i < argc; i++) mosquitto_subscribe(client, NULL, argv[i], 0);
    return mosquitto_loop_forever(client, -1, 1);
}
