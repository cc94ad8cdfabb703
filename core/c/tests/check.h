/* What the tests in C share. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>

#include "labwire.h"

static int failures;

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);     \
            failures++;                                                        \
        }                                                                      \
    } while (0)

/* Moves all bytes that wait on either side, and lets the server work. */
static inline void exchange(labwire_client *client, labwire_server *server, uint64_t id, uint64_t now) {
    labwire_error error;
    labwire_connection state;
    for (int moved = 1; moved;) {
        moved = 0;
        CHECK(labwire_client_connection(client, &state, &error) == LABWIRE_CODE_OK);
        if (state.output_length > 0) {
            /* In pieces, as a transport may. */
            size_t count = state.output_length > 5 ? 5 : state.output_length;
            CHECK(labwire_server_input(server, now, id, state.output, count, &error) == LABWIRE_CODE_OK);
            CHECK(labwire_client_sent(client, now, count, &error) == LABWIRE_CODE_OK);
            moved = 1;
        }
        int32_t is_busy = 1;
        while (is_busy) CHECK(labwire_server_step(server, now, 1000, &is_busy, &error) == LABWIRE_CODE_OK);
        CHECK(labwire_server_connection(server, id, &state, &error) == LABWIRE_CODE_OK);
        if (state.output_length > 0) {
            size_t count = state.output_length;
            CHECK(labwire_client_input(client, now, state.output, count, &error) == LABWIRE_CODE_OK);
            CHECK(labwire_server_sent(server, now, id, count, &error) == LABWIRE_CODE_OK);
            moved = 1;
        }
    }
}

static inline labwire_event next(labwire_client *client, char *text, size_t size) {
    labwire_event event;
    labwire_error error;
    CHECK(labwire_client_poll(client, &event, text, size, NULL, &error) == LABWIRE_CODE_OK);
    return event;
}

#endif
