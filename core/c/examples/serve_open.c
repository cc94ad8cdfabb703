/* An OpEn server over sockets of one's own: the loop that a ROS 2 node, a PLC gateway or a game would have.
 *
 *   cc serve_open.c -o serve_open $(pkg-config --cflags --libs labwire)
 *   ./serve_open [PORT]
 *
 * One thread, any number of clients, until one of them sends {"Kill": 1}. It prints its address first.
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

#define MOST 64

static const char *PROBLEM =
    "{\"name\": \"rosenbrock\", \"variables\": {\"u\": 5}, \"parameters\": {\"p\": 2},"
    " \"cost\": \"sum(i in 0..4, p[1]*(u[i+1] - u[i]^2)^2 + (p[0] - u[i])^2)\","
    " \"constraints\": {\"u\": {\"ball2\": {\"radius\": 1.5}}}}";

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

static int listen_on(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 16) != 0 || getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
        perror("cannot listen");
        exit(1);
    }
    printf("127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(int argc, char **argv) {
    labwire_error error;
    labwire_problem *problem;
    labwire_server *server;
    check(labwire_problem_from_text(PROBLEM, LABWIRE_TERMINATED, &problem, &error), &error);
    check(labwire_server_open(problem, &server, &error), &error);
    labwire_problem_free(problem);
    int listener = listen_on(argc > 1 ? atoi(argv[1]) : 0);

    /* Entry 0 is the listener; the number of a connection is the place of its socket. */
    struct pollfd sockets[MOST + 1];
    int has_finished[MOST + 1] = {0}, has_ended[MOST + 1] = {0};
    for (int i = 0; i <= MOST; i++) sockets[i].fd = -1;
    sockets[0].fd = listener;
    int is_ending = 0;
    for (;;) {
        int32_t is_busy, is_finished;
        check(labwire_server_step(server, now(), 100, &is_busy, &error), &error);
        check(labwire_server_timeout(server, now(), &error), &error);
        int are_open = 0;
        sockets[0].events = 0;
        for (int i = 1; i <= MOST; i++) {
            if (sockets[i].fd < 0) {
                sockets[0].events = POLLIN;
                continue;
            }
            labwire_connection state;
            check(labwire_server_connection(server, (uint64_t)i, &state, &error), &error);
            if (state.output_length > 0) {
                ssize_t count = send(sockets[i].fd, state.output, state.output_length, MSG_NOSIGNAL);
                if (count > 0) check(labwire_server_sent(server, now(), (uint64_t)i, (size_t)count, &error), &error);
                if (count < 0 && errno != EAGAIN) state.is_over = 1;
                is_busy |= count > 0;
            }
            if (state.is_finishing && !has_finished[i]) {
                shutdown(sockets[i].fd, SHUT_WR);
                has_finished[i] = 1;
            }
            if (state.is_over) {
                check(labwire_server_disconnect(server, now(), (uint64_t)i, &error), &error);
                close(sockets[i].fd);
                sockets[i].fd = -1;
                continue;
            }
            are_open = 1;
            sockets[i].events = (short)((state.wants_input && !has_ended[i] ? POLLIN : 0) | (state.output_length > 0 ? POLLOUT : 0));
        }
        check(labwire_server_is_finished(server, &is_finished, &error), &error);
        if (is_finished && !are_open) break;
        if (is_finished && !is_ending) {
            /* Those that are idle are told. */
            is_ending = 1;
            check(labwire_server_shutdown(server, now(), &error), &error);
            continue;
        }

        uint64_t due;
        check(labwire_server_next_timeout(server, &due, &error), &error);
        const uint64_t time = now();
        const int wait = is_busy ? 0 : due <= time ? 0 : due - time > 1000000000u ? 1000 : (int)((due - time) / 1000000u) + 1;
        if (poll(sockets, MOST + 1, wait) < 0 && errno != EINTR) break;
        if (sockets[0].revents & POLLIN) {
            int socket = accept(listener, NULL, NULL);
            for (int i = 1; i <= MOST && socket >= 0; i++) {
                if (sockets[i].fd >= 0) continue;
                fcntl(socket, F_SETFL, O_NONBLOCK);
                check(labwire_server_connect(server, now(), (uint64_t)i, 1, &error), &error);
                sockets[i].fd = socket;
                sockets[i].revents = 0;
                has_finished[i] = has_ended[i] = 0;
                break;
            }
        }
        for (int i = 1; i <= MOST; i++) {
            if (sockets[i].fd < 0 || !(sockets[i].revents & (POLLIN | POLLHUP | POLLERR))) continue;
            uint8_t bytes[4096];
            ssize_t count = recv(sockets[i].fd, bytes, sizeof bytes, 0);
            if (count > 0) check(labwire_server_input(server, now(), (uint64_t)i, bytes, (size_t)count, &error), &error);
            if (count == 0 && !has_ended[i]) {
                has_ended[i] = 1;
                check(labwire_server_eof(server, now(), (uint64_t)i, &error), &error);
            }
            if (count < 0 && errno != EAGAIN) {
                check(labwire_server_disconnect(server, now(), (uint64_t)i, &error), &error);
                close(sockets[i].fd);
                sockets[i].fd = -1;
            }
        }
    }
    close(listener);
    labwire_server_free(server);
    return 0;
}
