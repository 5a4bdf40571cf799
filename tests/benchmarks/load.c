/* The load: MQTT 3.1.1 publishes over a raw socket, every packet encoded beforehand and only its time patched in.
 *
 *     load HOST PORT QOS MESSAGES RATE DEVICES ALERT_EVERY SENT_FILE
 *
 * Message i comes from device i modulo DEVICES - 1 on tele/fire/dNNNNN. RATE is messages a second, 0 as fast as the broker
 * takes them, and then the times in the payloads are a millisecond apart for each device, since a hub that knows its readings by
 * device and time must not take two of them for one. Every ALERT_EVERY-th message (0: none) has smoke 900 instead of 100. The last message of all is a smoke of 900
 * from the last device, which has sent nothing else: when its alert is out, everything before it has been worked through.
 *
 * SENT_FILE gets a line "device nanoseconds" (CLOCK_REALTIME, as the bytes are handed to the kernel) for every message with
 * smoke. Prints one JSON object: messages, and when the first and the last were sent. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TOPIC_LENGTH = 16, TIME_AT = 6, TIME_LENGTH = 17, SMOKE_AT = 32, BUFFER = 1 << 15, WINDOW = 500 };

static const char *PAYLOAD =
    "{\"ts\":0000000000.000000,\"smoke\":100,\"power_w\":%d.5,\"temp_c\":2%d.25,\"humidity\":4%d.5,\"battery\":9%d}";

static int sock;
static long unconfirmed;

static void fail(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "unexpected answer");
    exit(1);
}

static int64_t now_ns(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void write_all(const unsigned char *bytes, size_t length) {
    while (length) {
        ssize_t written = write(sock, bytes, length);
        if (written < 0) fail("cannot send");
        bytes += written;
        length -= (size_t)written;
    }
}

/* Counts PUBACKs (four bytes each); waits for at least one when block is set. */
static void take_confirmations(int block) {
    static unsigned char rest[4096];
    static size_t held;
    struct pollfd ready = {sock, POLLIN, 0};
    if (poll(&ready, 1, block ? 30000 : 0) <= 0) {
        if (block) fail("no confirmation for 30 s");
        return;
    }
    ssize_t got = read(sock, rest + held, sizeof rest - held);
    if (got <= 0) fail("the broker hung up");
    held += (size_t)got;
    size_t used = 0;
    while (held - used >= 4) {
        if (rest[used] != 0x40) fail("not a PUBACK");
        used += 4;
        unconfirmed--;
    }
    memmove(rest, rest + used, held - used);
    held -= used;
}

static void connect_to(const char *host, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, host, &address.sin_addr);
    sock = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;
    setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(sock, (struct sockaddr *)&address, sizeof address)) fail("cannot connect");
    const unsigned char hello[] = {0x10, 18, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, 6, 'l', 'o', 'a', 'd', 'e', 'r'};
    unsigned char answer[4];
    write_all(hello, sizeof hello);
    for (size_t got = 0; got < sizeof answer;) {
        ssize_t more = read(sock, answer + got, sizeof answer - got);
        if (more <= 0) fail("no CONNACK");
        got += (size_t)more;
    }
    if (answer[0] != 0x20 || answer[3]) fail("the broker refused the connection");
}

int main(int argc, char **argv) {
    if (argc != 9) return fprintf(stderr, "load HOST PORT QOS MESSAGES RATE DEVICES ALERT_EVERY SENT_FILE\n"), 2;
    int qos = atoi(argv[3]);
    long messages = atol(argv[4]), rate = atol(argv[5]), devices = atol(argv[6]), alert_every = atol(argv[7]);
    FILE *sent = fopen(argv[8], "w");
    if (!sent) fail(argv[8]);

    char body[256];
    int payload = snprintf(body, sizeof body, PAYLOAD, 1000, 0, 0, 0);
    int remaining = 2 + TOPIC_LENGTH + (qos ? 2 : 0) + payload;
    int head = remaining < 128 ? 2 : 3, size = head + remaining;
    int id_at = head + 2 + TOPIC_LENGTH, body_at = id_at + (qos ? 2 : 0);
    unsigned char *packets = malloc((size_t)devices * (size_t)size);
    for (long device = 0; device < devices; device++) {
        unsigned char *packet = packets + device * size;
        packet[0] = (unsigned char)(0x30 | qos << 1);
        packet[1] = (unsigned char)(head == 2 ? remaining : (remaining & 127) | 128);
        if (head == 3) packet[2] = (unsigned char)(remaining >> 7);
        packet[head] = 0;
        packet[head + 1] = TOPIC_LENGTH;
        snprintf(body, sizeof body, "tele/fire/d%05ld", device);
        memcpy(packet + head + 2, body, TOPIC_LENGTH);
        snprintf(body, sizeof body, PAYLOAD, (int)(1000 + device % 4000), (int)(device % 10), (int)(device / 7 % 10), (int)(device % 9));
        memcpy(packet + body_at, body, (size_t)payload);
    }

    connect_to(argv[1], atoi(argv[2]));
    static unsigned char buffer[BUFFER];
    size_t filled = 0;
    int64_t begin = now_ns(CLOCK_MONOTONIC), first = now_ns(CLOCK_REALTIME), last = first;
    for (long i = 0; i < messages; i++) {
        if (rate) {
            int64_t due = begin + i * (1000000000LL / rate);
            if (due > now_ns(CLOCK_MONOTONIC)) {
                write_all(buffer, filled);
                filled = 0;
                struct timespec until = {due / 1000000000LL, due % 1000000000LL};
                while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {}
            }
        }
        int final = i == messages - 1;
        long device = final ? devices - 1 : i % (devices - 1);
        int smoke = final || (alert_every && i % alert_every == alert_every - 1);
        if (filled + (size_t)size > sizeof buffer || (smoke && rate)) {
            write_all(buffer, filled);
            filled = 0;
        }
        unsigned char *packet = buffer + filled;
        memcpy(packet, packets + device * size, (size_t)size);
        last = now_ns(CLOCK_REALTIME);
        int64_t stamp = rate ? last : first + i / (devices - 1) * 1000000LL;
        char time[40];
        snprintf(time, sizeof time, "%010lld.%06lld", (long long)(stamp / 1000000000), (long long)(stamp / 1000 % 1000000));
        memcpy(packet + body_at + TIME_AT, time, TIME_LENGTH);
        if (smoke) packet[body_at + SMOKE_AT] = '9';
        if (qos) {
            unsigned id = (unsigned)(i % 65535) + 1;
            packet[id_at] = (unsigned char)(id >> 8);
            packet[id_at + 1] = (unsigned char)id;
            unconfirmed++;
        }
        filled += (size_t)size;
        if (smoke) {
            write_all(buffer, filled);
            filled = 0;
            fprintf(sent, "d%05ld %lld\n", device, (long long)last);
        }
        if (qos && unconfirmed >= WINDOW) {
            write_all(buffer, filled);
            filled = 0;
            while (unconfirmed >= WINDOW / 2) take_confirmations(1);
        } else if (qos && i % 64 == 0) {
            take_confirmations(0);
        }
    }
    write_all(buffer, filled);
    while (unconfirmed > 0) take_confirmations(1);
    const unsigned char goodbye[] = {0xe0, 0};
    write_all(goodbye, sizeof goodbye);
    fclose(sent);
    printf("{\"messages\":%ld,\"first_ns\":%lld,\"last_ns\":%lld}\n", messages, (long long)first, (long long)last);
    return 0;
}
