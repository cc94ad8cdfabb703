/* Questions to a device over a connection that heals, on sockets of one's own.
 *
 *   cc query_device.c -o query_device $(pkg-config --cflags --libs labwire)
 *   labwire device emulate --fault drop-after=3 &
 *   ./query_device 127.0.0.1 5025 scpi '*IDN?' 'VOLT 5' 'VOLT?'
 *
 * It prints a line per reply, and on standard error what becomes of the connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "labwire.h"

static void check(labwire_code code, const labwire_error *error) {
    if (code != LABWIRE_CODE_OK) {
        fprintf(stderr, "%s\n", error->message);
        exit(1);
    }
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Does what the client asks for. A program with more to do would connect without waiting. */
static int act(labwire_client *device, const char *host, int port, int connection) {
    labwire_error error;
    labwire_action action;
    for (;;) {
        check(labwire_client_action(device, &action, &error), &error);
        if (action == LABWIRE_ACTION_NONE) return connection;
        if (connection >= 0) close(connection);
        connection = -1;
        if (action == LABWIRE_ACTION_CLOSE) continue;
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        if (inet_pton(AF_INET, host, &address.sin_addr) == 1) connection = socket(AF_INET, SOCK_STREAM, 0);
        if (connection >= 0 && connect(connection, (struct sockaddr *)&address, sizeof address) == 0) {
            fcntl(connection, F_SETFL, O_NONBLOCK);
            check(labwire_client_connected(device, now(), &error), &error);
            continue;
        }
        const char *reason = connection < 0 ? "no address" : strerror(errno);
        check(labwire_client_connect_failed(device, now(), reason, LABWIRE_TERMINATED, &error), &error);
        if (connection >= 0) close(connection);
        connection = -1;
    }
}

/* Prints what has happened; returns the number of requests that have ended. */
static int report(labwire_client *device) {
    static char text[1 << 20];
    labwire_error error;
    labwire_event event;
    int ended = 0;
    for (;;) {
        check(labwire_client_poll(device, &event, text, sizeof text, NULL, &error), &error);
        switch (event) {
        case LABWIRE_EVENT_NONE:
            return ended;
        case LABWIRE_EVENT_REPLY:
            ended++;
            printf("%s\n", text);
            break;
        case LABWIRE_EVENT_REQUEST_NOT_SENT:
        case LABWIRE_EVENT_REQUEST_FAILED:
            ended++;
            printf("failed: %s\n", text);
            break;
        case LABWIRE_EVENT_RESTORED:
            fprintf(stderr, "restored\n");
            break;
        default:
            fprintf(stderr, "%s\n", text);
        }
    }
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: %s ADDRESS PORT DIALECT COMMAND...\n", argv[0]);
        return 64;
    }
    labwire_error error;
    labwire_client *device;
    check(labwire_client_device(argv[3], LABWIRE_TERMINATED, now(), &device, &error), &error);
    for (int i = 4; i < argc; i++) check(labwire_client_request(device, now(), argv[i], LABWIRE_TERMINATED, &error), &error);
    int connection = -1, wanted = argc - 4;
    while (wanted > 0) {
        check(labwire_client_timeout(device, now(), &error), &error);
        connection = act(device, argv[1], atoi(argv[2]), connection);
        wanted -= report(device);
        labwire_connection state;
        check(labwire_client_connection(device, &state, &error), &error);
        uint64_t due;
        check(labwire_client_next_timeout(device, &due, &error), &error);
        const uint64_t time = now();
        const int wait = due <= time ? 0 : due - time > 1000000000u ? 1000 : (int)((due - time) / 1000000u) + 1;
        struct pollfd socket = {.fd = connection, .events = (short)(POLLIN | (state.output_length > 0 ? POLLOUT : 0))};
        if (poll(&socket, connection >= 0, wanted > 0 ? wait : 0) < 0 && errno != EINTR) break;
        if (connection < 0) continue;
        /* What has come is read before anything is sent: so the end of the connection is noticed first. */
        uint8_t bytes[4096];
        ssize_t count = state.wants_input ? recv(connection, bytes, sizeof bytes, 0) : -1;
        if (count > 0) check(labwire_client_input(device, now(), bytes, (size_t)count, &error), &error);
        if (count == 0) check(labwire_client_eof(device, now(), &error), &error);
        if (count < 0 && state.wants_input && errno != EAGAIN) check(labwire_client_lost(device, now(), &error), &error);
        if (count >= 0 || !(socket.revents & POLLOUT)) continue;
        count = send(connection, state.output, state.output_length, MSG_NOSIGNAL);
        if (count > 0) check(labwire_client_sent(device, now(), (size_t)count, &error), &error);
        if (count < 0 && errno != EAGAIN) check(labwire_client_lost(device, now(), &error), &error);
    }
    if (connection >= 0) close(connection);
    labwire_client_free(device);
    return 0;
}
