/* Tests of connections to devices, and of PyMoDAQ: what works, and what every kind of bad argument gives. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define TEXT(text) (text), LABWIRE_TERMINATED

/* Sends what waits, at `now`, and checks that it is `expected`. */
static void expect_output(labwire_client *client, uint64_t now, const char *expected) {
    labwire_error error;
    labwire_connection state;
    CHECK(labwire_client_connection(client, &state, &error) == LABWIRE_CODE_OK);
    CHECK(state.output_length == strlen(expected) && memcmp(state.output, expected, state.output_length) == 0);
    CHECK(labwire_client_sent(client, now, state.output_length, &error) == LABWIRE_CODE_OK);
}

static void answer(labwire_client *client, uint64_t now, const char *bytes, size_t length) {
    labwire_error error;
    CHECK(labwire_client_input(client, now, (const uint8_t *)bytes, length, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_client_timeout(client, now + 1, &error) == LABWIRE_CODE_OK);
}

static labwire_action action(labwire_client *client) {
    labwire_error error;
    labwire_action action = LABWIRE_ACTION_NONE;
    CHECK(labwire_client_action(client, &action, &error) == LABWIRE_CODE_OK);
    return action;
}

/* Lets time pass until the client wants to connect. */
static uint64_t connects(labwire_client *client) {
    labwire_error error;
    uint64_t due = 0;
    for (int i = 0; i < 10; i++) {
        CHECK(labwire_client_next_timeout(client, &due, &error) == LABWIRE_CODE_OK && due != UINT64_MAX);
        CHECK(labwire_client_timeout(client, due, &error) == LABWIRE_CODE_OK);
        if (action(client) == LABWIRE_ACTION_CONNECT) return due;
    }
    CHECK(!"it connects");
    return due;
}

static void devices_are_asked(void) {
    labwire_error error;
    labwire_client *client = NULL;
    char text[256];
    CHECK(labwire_client_device(TEXT("scpi"), 1, &client, &error) == LABWIRE_CODE_OK);
    CHECK(action(client) == LABWIRE_ACTION_NONE);
    CHECK(labwire_client_timeout(client, 0, &error) == LABWIRE_CODE_OK);
    CHECK(action(client) == LABWIRE_ACTION_CONNECT && action(client) == LABWIRE_ACTION_NONE);
    CHECK(labwire_client_connected(client, 0, &error) == LABWIRE_CODE_OK);

    CHECK(labwire_client_query(client, 0, TEXT("*IDN?"), &error) == LABWIRE_CODE_OK);
    CHECK(labwire_client_request(client, 0, TEXT("VOLT 5"), &error) == LABWIRE_CODE_OK);
    CHECK(labwire_client_request(client, 0, TEXT("VOLT?"), &error) == LABWIRE_CODE_OK);
    expect_output(client, 10, "*IDN?\n");
    CHECK(next(client, text, sizeof text) == LABWIRE_EVENT_NONE);
    answer(client, 20, "labwire,1\n", 10);
    CHECK(next(client, text, sizeof text) == LABWIRE_EVENT_REPLY && strcmp(text, "labwire,1") == 0);
    expect_output(client, 30, "VOLT 5\n");
    CHECK(next(client, text, sizeof text) == LABWIRE_EVENT_REPLY && strcmp(text, "") == 0);
    expect_output(client, 40, "VOLT?\n");
    /* Any bytes: a block of IEEE 488.2. */
    answer(client, 50, "#13\0\n\xff\n", 7);
    size_t length = 0;
    labwire_event event;
    CHECK(labwire_client_poll(client, &event, text, 3, &length, &error) == LABWIRE_CODE_BUFFER_TOO_SMALL);
    CHECK(event == LABWIRE_EVENT_NONE && length == 6);
    CHECK(labwire_client_poll(client, &event, text, sizeof text, &length, &error) == LABWIRE_CODE_OK);
    CHECK(event == LABWIRE_EVENT_REPLY && length == 6 && memcmp(text, "#13\0\n\xff", 6) == 0);
    answer(client, 60, "what?\n", 6);
    CHECK(labwire_client_send(client, 70, TEXT("OUTP 1"), &error) == LABWIRE_CODE_OK);
    CHECK(labwire_client_query(client, 70, TEXT("OUTP?"), &error) == LABWIRE_CODE_OK);
    expect_output(client, 70, "OUTP 1\n");
    expect_output(client, 80, "OUTP?\n");
    answer(client, 90, "1\n", 2);
    int answers = 0, unasked = 0;
    while ((event = next(client, text, sizeof text)) != LABWIRE_EVENT_NONE) {
        answers += event == LABWIRE_EVENT_REPLY;
        unasked += event == LABWIRE_EVENT_UNASKED && strcmp(text, "what?") == 0;
    }
    CHECK(answers == 2 && unasked == 1);

    CHECK(labwire_client_query(client, 0, TEXT("two\nlines"), &error) == LABWIRE_CODE_INVALID_TEXT);
    CHECK(labwire_client_send(client, 0, NULL, 3, &error) == LABWIRE_CODE_NULL_POINTER);
    CHECK(labwire_client_query(NULL, 0, TEXT("A?"), &error) == LABWIRE_CODE_NULL_POINTER);
    CHECK(labwire_client_action(client, NULL, &error) == LABWIRE_CODE_NULL_POINTER);
    CHECK(labwire_client_report(client, 0, TEXT("{}"), NULL, 0, &error) == LABWIRE_CODE_WRONG_STATE);

    CHECK(labwire_client_finish(client, 100, &error) == LABWIRE_CODE_OK);
    labwire_connection state;
    CHECK(labwire_client_connection(client, &state, &error) == LABWIRE_CODE_OK);
    while ((event = next(client, text, sizeof text)) == LABWIRE_EVENT_NONE) {
        uint64_t due = 0;
        CHECK(labwire_client_next_timeout(client, &due, &error) == LABWIRE_CODE_OK && due != UINT64_MAX);
        if (due == UINT64_MAX) break;
        CHECK(labwire_client_timeout(client, due, &error) == LABWIRE_CODE_OK);
    }
    CHECK(event == LABWIRE_EVENT_FINISHED);
    CHECK(labwire_client_query(client, 200, TEXT("A?"), &error) == LABWIRE_CODE_WRONG_STATE);
    labwire_client_free(client);
}

static void connections_heal(void) {
    labwire_error error;
    labwire_client *client = NULL;
    char text[256];
    CHECK(labwire_client_device(TEXT("scpi,end=crlf"), 7, &client, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_client_timeout(client, 0, &error) == LABWIRE_CODE_OK && action(client) == LABWIRE_ACTION_CONNECT);
    CHECK(labwire_client_connected(client, 0, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_client_query(client, 0, TEXT("VOLT?"), &error) == LABWIRE_CODE_OK);
    expect_output(client, 0, "VOLT?\r\n");
    CHECK(labwire_client_eof(client, 1000, &error) == LABWIRE_CODE_OK);
    int failed = 0, degraded = 0;
    labwire_event event;
    while ((event = next(client, text, sizeof text)) != LABWIRE_EVENT_NONE) {
        failed += event == LABWIRE_EVENT_REQUEST_FAILED && strstr(text, "may have received") != NULL;
        degraded += event == LABWIRE_EVENT_DEGRADED && strcmp(text, "the device closed the connection") == 0;
    }
    CHECK(failed == 1 && degraded == 1);

    uint64_t now = connects(client);
    CHECK(labwire_client_query(client, now, TEXT("CURR?"), &error) == LABWIRE_CODE_OK);
    CHECK(labwire_client_connect_failed(client, now, TEXT("no route"), &error) == LABWIRE_CODE_OK);
    int not_sent = 0;
    while ((event = next(client, text, sizeof text)) != LABWIRE_EVENT_NONE)
        not_sent += event == LABWIRE_EVENT_REQUEST_NOT_SENT && strstr(text, "no route") != NULL;
    CHECK(not_sent == 1);

    now = connects(client);
    CHECK(labwire_client_connected(client, now, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_client_query(client, now, TEXT("CURR?"), &error) == LABWIRE_CODE_OK);
    expect_output(client, now, "CURR?\r\n");
    answer(client, now + 10, "0.5\r\n", 5);
    int restored = 0, replies = 0;
    while ((event = next(client, text, sizeof text)) != LABWIRE_EVENT_NONE) {
        restored += event == LABWIRE_EVENT_RESTORED;
        replies += event == LABWIRE_EVENT_REPLY && strcmp(text, "0.5") == 0;
    }
    CHECK(restored == 1 && replies == 1);
    labwire_client_free(client);

    CHECK(labwire_client_device(TEXT("nonsense"), 1, &client, &error) == LABWIRE_CODE_INVALID_TEXT && client == NULL);
    CHECK(labwire_client_device(TEXT("scpi,end"), 1, &client, &error) == LABWIRE_CODE_INVALID_TEXT);
    CHECK(labwire_client_device(NULL, 4, 1, &client, &error) == LABWIRE_CODE_NULL_POINTER);
    CHECK(labwire_client_device(TEXT("scpi"), 1, NULL, &error) == LABWIRE_CODE_NULL_POINTER);
    CHECK(labwire_client_new(LABWIRE_PROTOCOL_OPEN, 0, &client, &error) == LABWIRE_CODE_OK);
    labwire_action none;
    CHECK(labwire_client_action(client, &none, &error) == LABWIRE_CODE_WRONG_STATE);
    CHECK(labwire_client_connected(client, 0, &error) == LABWIRE_CODE_WRONG_STATE);
    CHECK(strcmp(error.message, "the client is not that of a device") == 0);
    labwire_client_free(client);
}

static void modules_are_used(void) {
    labwire_error error;
    labwire_server *server = NULL;
    labwire_client *camera = NULL, *stage = NULL, *user = NULL;
    char text[4096];
    CHECK(labwire_server_pymodaq(1.7e9, &server, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_client_module(LABWIRE_MODULE_GRABBER, "g4", "camera",
                                "<settings type=\"group\"><exposure type=\"float\">0.1</exposure></settings>", 0, &camera,
                                &error) == LABWIRE_CODE_OK);
    CHECK(labwire_client_module(LABWIRE_MODULE_ACTUATOR, "5.1", "stage", NULL, 0, &stage, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_client_new(LABWIRE_PROTOCOL_PYMODAQ, 0, &user, &error) == LABWIRE_CODE_OK);
    labwire_client *clients[] = {camera, stage, user};
    for (uint64_t id = 0; id < 3; id++) {
        CHECK(labwire_server_connect(server, 0, id, 1, &error) == LABWIRE_CODE_OK);
        exchange(clients[id], server, id, 1000);
    }
#define CARRY(now)                                                             \
    for (int turn = 0; turn < 2; turn++)                                       \
        for (uint64_t id = 0; id < 3; id++) exchange(clients[id], server, id, (now))

    /* An actuator: asked, and moved. */
    CARRY(1500);
    CHECK(next(stage, text, sizeof text) == LABWIRE_EVENT_ORDER && strcmp(text, "{\"order\":\"position\"}") == 0);
    CHECK(labwire_client_report(stage, 1600, TEXT("{\"report\": \"position\", \"value\": 0.5, \"units\": \"mm\"}"), NULL, 0,
                                &error) == LABWIRE_CODE_OK);
    CHECK(labwire_client_request(user, 2000, TEXT("{\"id\": 1, \"request\": \"list\"}"), &error) == LABWIRE_CODE_OK);
    CHECK(labwire_client_request(user, 2000, TEXT("{\"id\": 2, \"request\": \"move_abs\", \"modules\": [\"stage\"], "
                                                  "\"value\": 2.5}"), &error) == LABWIRE_CODE_OK);
    CARRY(2000);
    CHECK(next(user, text, sizeof text) == LABWIRE_EVENT_REPLY && strstr(text, "\"id\":1") != NULL);
    CHECK(strstr(text, "\"module\":\"camera\"") != NULL && strstr(text, "\"module\":\"stage\"") != NULL);
    CHECK(next(stage, text, sizeof text) == LABWIRE_EVENT_ORDER && strstr(text, "\"order\":\"move_abs\"") != NULL);
    CHECK(strstr(text, "\"value\":2.5") != NULL);
    CHECK(labwire_client_report(stage, 3000, TEXT("{\"report\": \"move_done\", \"value\": 2.49, \"units\": \"mm\"}"), NULL, 0,
                                &error) == LABWIRE_CODE_OK);
    CARRY(3000);
    CHECK(next(user, text, sizeof text) == LABWIRE_EVENT_REPLY && strstr(text, "\"id\":2") != NULL);
    CHECK(strstr(text, "\"position\":2.49") != NULL && strstr(text, "\"units\":\"mm\"") != NULL);
    double numbers[6] = {0};
    CHECK(labwire_client_array(user, 0, numbers, 6, &error) == LABWIRE_CODE_INVALID_VALUE);

    /* A detector: two channels of 2 x 3 numbers and an axis. */
    CHECK(labwire_client_request(user, 4000, TEXT("{\"id\": 3, \"request\": \"grab\", \"modules\": [\"camera\"], "
                                                  "\"dim\": \"2D\"}"), &error) == LABWIRE_CODE_OK);
    CARRY(4000);
    CHECK(next(camera, text, sizeof text) == LABWIRE_EVENT_ORDER && strstr(text, "\"order\":\"grab\"") != NULL);
    CHECK(strstr(text, "\"dim\":\"2D\"") != NULL);
    double values[15];
    for (int i = 0; i < 15; i++) values[i] = i == 7 ? NAN : i;
    const char *data =
        "{\"report\": \"data\", \"name\": \"camera\", \"timestamp\": 1.7e9, \"data\": [{\"name\": \"image\", \"units\": \"V\","
        " \"shape\": [2, 3], \"labels\": [\"red\", \"blue\"], \"axes\": [{\"dimension\": 1, \"label\": \"x\", \"units\": \"mm\"}]}]}";
    CHECK(labwire_client_report(camera, 5000, TEXT(data), values, 14, &error) == LABWIRE_CODE_WRONG_LENGTH);
    CHECK(strcmp(error.message, "for an array of shape [3] there are 2 numbers") == 0);
    CHECK(labwire_client_report(camera, 5000, TEXT(data), values, 15, &error) == LABWIRE_CODE_OK);
    CARRY(5000);
    CHECK(next(user, text, sizeof text) == LABWIRE_EVENT_REPLY && strstr(text, "\"id\":3") != NULL);
    CHECK(strstr(text, "\"shape\":[2,3]") != NULL && strstr(text, "\"label\":\"blue\"") != NULL);
    CHECK(labwire_client_array(user, 1, numbers, 6, &error) == LABWIRE_CODE_OK);
    CHECK(numbers[0] == 6 && isnan(numbers[1]) && numbers[5] == 11);
    CHECK(labwire_client_array(user, 2, numbers, 3, &error) == LABWIRE_CODE_OK && numbers[2] == 14);
    CHECK(labwire_client_array(user, 0, numbers, 5, &error) == LABWIRE_CODE_WRONG_LENGTH);
    CHECK(labwire_client_array(user, 3, numbers, 6, &error) == LABWIRE_CODE_INVALID_VALUE);
    CHECK(labwire_client_array(user, 0, NULL, 6, &error) == LABWIRE_CODE_NULL_POINTER);
    CHECK(labwire_client_array(camera, 0, numbers, 6, &error) == LABWIRE_CODE_INVALID_VALUE);

    /* A setting; an order that is refused. */
    CHECK(labwire_client_request(user, 6000, TEXT("{\"id\": 4, \"request\": \"set\", \"modules\": [\"camera\"], "
                                                  "\"path\": [\"exposure\"], \"value\": \"0.25\"}"), &error) == LABWIRE_CODE_OK);
    CARRY(6000);
    CHECK(next(camera, text, sizeof text) == LABWIRE_EVENT_ORDER && strstr(text, "\"value\":\"0.25\"") != NULL);
    CHECK(labwire_client_report(camera, 7000, TEXT("{\"report\": \"set\", \"path\": [\"settings\", \"exposure\"], "
                                                   "\"xml\": \"<exposure type=\\\"float\\\">0.25</exposure>\"}"), NULL, 0, &error) ==
          LABWIRE_CODE_OK);
    CARRY(7000);
    CHECK(next(user, text, sizeof text) == LABWIRE_EVENT_REPLY && strstr(text, "\"confirmed\":true") != NULL);
    CHECK(labwire_client_request(user, 8000, TEXT("{\"id\": 5, \"request\": \"home\", \"modules\": [\"stage\"]}"), &error) ==
          LABWIRE_CODE_OK);
    CARRY(8000);
    CHECK(next(stage, text, sizeof text) == LABWIRE_EVENT_ORDER && strstr(text, "\"order\":\"home\"") != NULL);
    CHECK(labwire_client_report(stage, 9000, TEXT("{\"report\": \"error\", \"text\": \"the door is open\"}"), NULL, 0, &error) ==
          LABWIRE_CODE_OK);
    CARRY(9000);
    CHECK(next(user, text, sizeof text) == LABWIRE_EVENT_REPLY && strstr(text, "the door is open") != NULL);

    /* Bad requests and reports change nothing. */
    const char *bad_requests[] = {"{", "[]", "{\"request\": \"fly\"}", "{\"request\": \"grab\", \"dim\": \"5D\"}",
                                  "{\"request\": \"move_abs\"}", "{\"request\": \"list\", \"module\": []}"};
    for (size_t i = 0; i < sizeof bad_requests / sizeof *bad_requests; i++)
        CHECK(labwire_client_request(user, 0, TEXT(bad_requests[i]), &error) == LABWIRE_CODE_INVALID_TEXT);
    CHECK(strstr(error.message, "unknown key \"module\"") != NULL);
    const char *bad_reports[] = {"{", "{\"report\": \"sing\"}", "{\"report\": \"position\"}",
                                 "{\"report\": \"error\", \"text\": \"\", \"code\": 1}",
                                 "{\"report\": \"data\", \"name\": \"\", \"data\": [{\"name\": \"\", \"shape\": [-1], \"labels\": []}]}",
                                 "{\"report\": \"data\", \"name\": \"\", \"data\": [{\"name\": \"\", \"shape\": [1], \"labels\": [],"
                                 " \"axes\": [{\"dimension\": 1}]}]}"};
    for (size_t i = 0; i < sizeof bad_reports / sizeof *bad_reports; i++)
        CHECK(labwire_client_report(stage, 0, TEXT(bad_reports[i]), NULL, 0, &error) == LABWIRE_CODE_INVALID_TEXT);
    const char *huge = "{\"report\": \"data\", \"name\": \"\", \"data\": [{\"name\": \"\", \"labels\": [\"a\"],"
                       " \"shape\": [4294967296, 4294967296]}]}";
    CHECK(labwire_client_report(stage, 0, TEXT(huge), values, 15, &error) == LABWIRE_CODE_WRONG_LENGTH);
    CHECK(labwire_client_report(stage, 0, TEXT("{\"report\": \"error\", \"text\": \"\"}"), values, 3, &error) ==
          LABWIRE_CODE_WRONG_LENGTH);
    CHECK(labwire_client_report(stage, 0, TEXT(data), NULL, 15, &error) == LABWIRE_CODE_NULL_POINTER);
    CHECK(labwire_client_report(user, 0, TEXT(data), values, 15, &error) == LABWIRE_CODE_WRONG_STATE);
    CHECK(labwire_client_request(stage, 0, TEXT("{}"), &error) == LABWIRE_CODE_WRONG_STATE);
    CHECK(labwire_client_report(NULL, 0, TEXT(data), values, 15, &error) == LABWIRE_CODE_NULL_POINTER);

    /* The connection of a module ends. */
    CHECK(labwire_client_finish(stage, 10000, &error) == LABWIRE_CODE_OK);
    CARRY(10000);
    CHECK(labwire_client_report(stage, 10000, TEXT("{\"report\": \"position\", \"value\": 1}"), NULL, 0, &error) ==
          LABWIRE_CODE_WRONG_STATE);
    CHECK(labwire_client_lost(camera, 10000, &error) == LABWIRE_CODE_OK);
    CHECK(next(camera, text, sizeof text) == LABWIRE_EVENT_FAILED);
    for (int i = 0; i < 3; i++) labwire_client_free(clients[i]);
    labwire_server_free(server);

    labwire_client *none = NULL;
    CHECK(labwire_client_module(2, "g4", NULL, NULL, 0, &none, &error) == LABWIRE_CODE_INVALID_VALUE);
    CHECK(labwire_client_module(LABWIRE_MODULE_GRABBER, "g9", NULL, NULL, 0, &none, &error) == LABWIRE_CODE_INVALID_TEXT);
    CHECK(labwire_client_module(LABWIRE_MODULE_GRABBER, NULL, NULL, NULL, 0, &none, &error) == LABWIRE_CODE_NULL_POINTER);
    CHECK(labwire_client_module(LABWIRE_MODULE_GRABBER, "g4", NULL, "<a>", 0, &none, &error) == LABWIRE_CODE_INVALID_TEXT);
    CHECK(labwire_client_module(LABWIRE_MODULE_GRABBER, "g4", "\xff", NULL, 0, &none, &error) == LABWIRE_CODE_NOT_UTF8);
    CHECK(labwire_client_module(LABWIRE_MODULE_GRABBER, "g4", NULL, NULL, 0, NULL, &error) == LABWIRE_CODE_NULL_POINTER);
    CHECK(labwire_server_pymodaq(NAN, &server, &error) == LABWIRE_CODE_INVALID_VALUE && none == NULL);
}

int main(void) {
    devices_are_asked();
    connections_heal();
    modules_are_used();
    if (failures == 0) printf("devices and modules of PyMoDAQ work\n");
    return failures == 0 ? 0 : 1;
}
