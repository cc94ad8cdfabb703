/* Tests of the interface, as a C program: what works, and what every kind of bad argument gives. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static const char *PROBLEM =
    "{\"name\": \"nearest\", \"variables\": {\"u\": 2}, \"parameters\": {\"p\": 2},"
    " \"cost\": \"(u[0] - p[0])^2 + (u[1] - p[1])^2\","
    " \"f1\": {\"expressions\": [\"u[0] + u[1]\"], \"set\": {\"box\": {\"max\": 1}}},"
    " \"solver\": {\"tolerance\": 1e-8, \"delta_tolerance\": 1e-8}}";

static const char *EXPERIMENT =
    "{\"name\": \"line\", \"settings\": {\"x\": {\"linspace\": [-1, 1, 21]}},"
    " \"parameters\": {\"a\": {\"normal\": [0, 1]}, \"b\": {\"normal\": [0, 1]}},"
    " \"model\": \"a*x + b\", \"noise\": 0.1}";

static labwire_problem *problem_from(const char *text) {
    labwire_problem *problem = NULL;
    labwire_error error;
    labwire_code code = labwire_problem_from_text(text, LABWIRE_TERMINATED, &problem, &error);
    if (code != LABWIRE_CODE_OK) printf("%s\n", error.message);
    return problem;
}

static void problems_are_read(void) {
    labwire_error error;
    labwire_problem *problem = problem_from(PROBLEM);
    labwire_dimensions numbers;
    CHECK(labwire_problem_dimensions(problem, &numbers, &error) == LABWIRE_CODE_OK);
    CHECK(numbers.variables == 2 && numbers.parameters == 2 && numbers.f1 == 1 && numbers.f2 == 0);
    char name[16];
    size_t length = 0;
    CHECK(labwire_problem_name(problem, name, sizeof name, &length, NULL) == LABWIRE_CODE_OK);
    CHECK(length == 7 && strcmp(name, "nearest") == 0);
    CHECK(labwire_problem_name(problem, name, 7, &length, &error) == LABWIRE_CODE_BUFFER_TOO_SMALL);
    CHECK(length == 7 && name[0] == 0 && strstr(error.message, "8 bytes") != NULL);
    CHECK(labwire_problem_name(problem, NULL, 0, &length, NULL) == LABWIRE_CODE_BUFFER_TOO_SMALL && length == 7);
    labwire_problem_free(problem);
    labwire_problem_free(NULL);

    /* Errors have the core's text. */
    problem = (labwire_problem *)&error;
    const char *wrong = "{\"variables\": {\"u\": 1}, \"cost\": \"u[0] + v\"}";
    CHECK(labwire_problem_from_text(wrong, strlen(wrong), &problem, &error) == LABWIRE_CODE_INVALID_TEXT);
    CHECK(problem == NULL && error.code == LABWIRE_CODE_INVALID_TEXT);
    CHECK(strstr(error.message, "unknown name `v`") != NULL);
    CHECK(labwire_problem_from_text("\xff", 1, &problem, &error) == LABWIRE_CODE_NOT_UTF8);
    CHECK(labwire_problem_from_text("", 0, &problem, &error) == LABWIRE_CODE_INVALID_TEXT);
    CHECK(labwire_problem_from_text(NULL, 0, &problem, NULL) == LABWIRE_CODE_INVALID_TEXT);
    CHECK(labwire_problem_from_text(NULL, 5, &problem, &error) == LABWIRE_CODE_NULL_POINTER);
    CHECK(labwire_problem_from_text(NULL, LABWIRE_TERMINATED, &problem, &error) == LABWIRE_CODE_NULL_POINTER);
    CHECK(labwire_problem_from_text(PROBLEM, LABWIRE_TERMINATED, NULL, &error) == LABWIRE_CODE_NULL_POINTER);
    CHECK(strstr(error.message, "is NULL") != NULL);
    CHECK(labwire_problem_dimensions(NULL, &numbers, &error) == LABWIRE_CODE_NULL_POINTER);
    CHECK(labwire_problem_from_text(PROBLEM, (size_t)-2, &problem, &error) == LABWIRE_CODE_WRONG_LENGTH);
}

static void integers_are_searched(void) {
    labwire_error error;
    labwire_solver *solver = NULL;
    labwire_integers integers;
    labwire_problem *problem = problem_from(
        "{\"variables\": {\"n\": 2}, \"cost\": \"(n[0] - 2.4)^2 + (n[1] - 7.7)^2\","
        " \"constraints\": {\"n\": {\"box\": {\"min\": 0, \"max\": 10}}}, \"integers\": \"n\"}");
    CHECK(labwire_solver_new(problem, &solver, &error) == LABWIRE_CODE_OK);
    labwire_problem_free(problem);
    CHECK(labwire_solver_integers(solver, &integers, &error) == LABWIRE_CODE_WRONG_STATE);
    CHECK(labwire_solver_solve(solver, NULL, 0, &error) == LABWIRE_CODE_OK);
    double n[2];
    CHECK(labwire_solver_solution(solver, n, 2, &error) == LABWIRE_CODE_OK && n[0] == 2 && n[1] == 8);
    CHECK(labwire_solver_integers(solver, &integers, &error) == LABWIRE_CODE_OK);
    CHECK(integers.nodes > 1 && integers.has_solution == 1 && integers.is_global == 1 && integers.gap < 1e-5);
    CHECK(labwire_solver_integers(solver, NULL, &error) == LABWIRE_CODE_NULL_POINTER);
    labwire_solver_free(solver);
}

static void problems_are_solved(void) {
    labwire_error error;
    labwire_problem *problem = problem_from(PROBLEM);
    labwire_solver *solver = NULL;
    CHECK(labwire_solver_new(problem, &solver, &error) == LABWIRE_CODE_OK);
    /* The solver stays when its problem is freed. */
    labwire_problem_free(problem);

    labwire_summary summary;
    double u[2], y[1], values[1], du[4];
    CHECK(labwire_solver_summary(solver, &summary, &error) == LABWIRE_CODE_WRONG_STATE);
    CHECK(labwire_solver_solution(solver, u, 2, &error) == LABWIRE_CODE_WRONG_STATE);

    const double p[2] = {1, 1};
    CHECK(labwire_solver_solve(solver, p, 2, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_solver_summary(solver, &summary, &error) == LABWIRE_CODE_OK);
    CHECK(summary.status == LABWIRE_STATUS_CONVERGED && summary.evaluations > 0 && summary.solve_time_ms >= 0);
    CHECK(strcmp(labwire_status_name(summary.status), "converged") == 0);
    CHECK(labwire_solver_solution(solver, u, 2, &error) == LABWIRE_CODE_OK);
    CHECK(fabs(u[0] - 0.5) < 1e-6 && fabs(u[1] - 0.5) < 1e-6 && fabs(summary.cost - 0.5) < 1e-6);
    CHECK(labwire_solver_multipliers(solver, y, 1, &error) == LABWIRE_CODE_OK && fabs(y[0] - 1) < 1e-5);
    CHECK(labwire_solver_constraints(solver, values, 1, &error) == LABWIRE_CODE_OK && fabs(values[0] - 1) < 1e-6);
    CHECK(labwire_solver_sensitivities(solver, du, 4, &error) == LABWIRE_CODE_OK);
    CHECK(fabs(du[0] - 0.5) < 1e-5 && fabs(du[1] + 0.5) < 1e-5);

    size_t length = 0;
    CHECK(labwire_solver_json(solver, NULL, 0, &length, NULL) == LABWIRE_CODE_BUFFER_TOO_SMALL);
    char *json = malloc(length + 1);
    CHECK(labwire_solver_json(solver, json, length + 1, &length, &error) == LABWIRE_CODE_OK);
    CHECK(strstr(json, "\"status\":\"converged\"") != NULL && strlen(json) == length);
    free(json);

    /* Bad inputs change nothing. */
    const double nan_p[2] = {NAN, 1};
    CHECK(labwire_solver_solve(solver, p, 1, &error) == LABWIRE_CODE_WRONG_LENGTH);
    CHECK(strstr(error.message, "expected 2") != NULL);
    CHECK(labwire_solver_solve(solver, nan_p, 2, &error) == LABWIRE_CODE_INVALID_VALUE);
    CHECK(labwire_solver_solve(solver, NULL, 2, &error) == LABWIRE_CODE_NULL_POINTER);
    CHECK(labwire_solver_solve(NULL, p, 2, &error) == LABWIRE_CODE_NULL_POINTER);
    CHECK(labwire_solver_solution(solver, u, 3, &error) == LABWIRE_CODE_WRONG_LENGTH);
    CHECK(strcmp(error.message, "the solution: expected 2 numbers, found 3") == 0);
    CHECK(labwire_solver_solution(solver, NULL, 2, NULL) == LABWIRE_CODE_NULL_POINTER);
    CHECK(labwire_solver_sensitivities(solver, du, 2, &error) == LABWIRE_CODE_WRONG_LENGTH);
    CHECK(labwire_solver_set_guess(solver, u, 1, &error) == LABWIRE_CODE_WRONG_LENGTH);
    CHECK(labwire_solver_set_multipliers(solver, u, 2, &error) == LABWIRE_CODE_WRONG_LENGTH);
    CHECK(labwire_solver_set_time_limit(solver, -1, &error) == LABWIRE_CODE_INVALID_VALUE);
    CHECK(labwire_solver_set_time_limit(solver, NAN, &error) == LABWIRE_CODE_INVALID_VALUE);
    CHECK(labwire_solver_solution(solver, u, 2, &error) == LABWIRE_CODE_OK);

    /* In steps, from a guess, with multipliers. */
    const double guess[2] = {0.4, 0.6};
    int32_t is_running = 1;
    CHECK(labwire_solver_set_guess(solver, guess, 2, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_solver_set_multipliers(solver, y, 1, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_solver_start(solver, p, 2, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_solver_start(solver, p, 2, &error) == LABWIRE_CODE_WRONG_STATE);
    CHECK(labwire_solver_solution(solver, u, 2, &error) == LABWIRE_CODE_WRONG_STATE);
    while (is_running) CHECK(labwire_solver_step(solver, 1, &is_running, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_solver_solution(solver, u, 2, &error) == LABWIRE_CODE_OK && fabs(u[0] - 0.5) < 1e-6);

    /* Cancelled, and cold. */
    CHECK(labwire_solver_forget(solver, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_solver_start(solver, p, 2, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_solver_cancel(solver, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_solver_summary(solver, &summary, &error) == LABWIRE_CODE_OK);
    CHECK(summary.status == LABWIRE_STATUS_CANCELLED);
    CHECK(labwire_solver_sensitivities(solver, du, 4, &error) == LABWIRE_CODE_WRONG_STATE);
    labwire_solver_free(solver);
    labwire_solver_free(NULL);
    CHECK(labwire_solver_new(NULL, &solver, &error) == LABWIRE_CODE_NULL_POINTER && solver == NULL);
}

static void time_limits_hold(void) {
    labwire_error error;
    labwire_problem *problem = problem_from(
        "{\"variables\": {\"u\": 200}, \"cost\": \"sum(i in 0..199, 100*(u[i+1] - u[i]^2)^2 + (1 - u[i])^2)\","
        " \"initial_guess\": -1.2}");
    labwire_solver *solver = NULL;
    labwire_summary summary;
    CHECK(labwire_solver_new(problem, &solver, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_solver_set_time_limit(solver, 1e-6, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_solver_solve(solver, NULL, 0, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_solver_summary(solver, &summary, &error) == LABWIRE_CODE_OK);
    CHECK(summary.status == LABWIRE_STATUS_TIME_LIMIT);
    CHECK(labwire_solver_set_time_limit(solver, 0, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_solver_solve(solver, NULL, 0, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_solver_summary(solver, &summary, &error) == LABWIRE_CODE_OK);
    CHECK(summary.status == LABWIRE_STATUS_CONVERGED);
    labwire_solver_free(solver);
    labwire_problem_free(problem);
}

static void experiments_are_designed(void) {
    labwire_error error;
    labwire_designer *designer = NULL, *restored = NULL;
    CHECK(labwire_designer_from_text(EXPERIMENT, LABWIRE_TERMINATED, 1, &designer, &error) == LABWIRE_CODE_OK);
    labwire_design design;
    CHECK(labwire_designer_summary(designer, &design, &error) == LABWIRE_CODE_OK);
    CHECK(design.knobs == 1 && design.channels == 1 && design.parameters == 2 && design.measurements == 0);
    double x, y, mean[2], std[2], covariance[4];
    for (int i = 0; i < 50; i++) {
        CHECK(labwire_designer_suggest(designer, &x, 1, &error) == LABWIRE_CODE_OK);
        y = 0.7 * x - 0.2 + 0.02 * ((i * 7) % 11 - 5);
        CHECK(labwire_designer_update(designer, &x, 1, &y, 1, NULL, 0, &error) == LABWIRE_CODE_OK);
    }
    CHECK(labwire_designer_mean(designer, mean, 2, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_designer_std(designer, std, 2, &error) == LABWIRE_CODE_OK);
    CHECK(fabs(mean[0] - 0.7) < 4 * std[0] && fabs(mean[1] + 0.2) < 4 * std[1] && std[0] < 0.05);
    CHECK(labwire_designer_covariance(designer, covariance, 4, &error) == LABWIRE_CODE_OK);
    CHECK(fabs(covariance[0] / (std[0] * std[0]) - 1) < 1e-2 && covariance[1] == covariance[2]);

    CHECK(labwire_designer_summary(designer, &design, &error) == LABWIRE_CODE_OK);
    CHECK(design.measurements == 50 && design.effective_sample_size > 1);
    double *weights = malloc(design.particles * sizeof *weights), sum = 0;
    CHECK(labwire_designer_weights(designer, weights, design.particles, &error) == LABWIRE_CODE_OK);
    for (size_t i = 0; i < design.particles; i++) sum += weights[i];
    CHECK(fabs(sum - 1) < 1e-9);
    CHECK(labwire_designer_particles(designer, 1, weights, design.particles, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_designer_particles(designer, 2, weights, design.particles, &error) == LABWIRE_CODE_INVALID_VALUE);
    free(weights);

    /* Saved, and restored: the same next suggestion. */
    size_t length = 0;
    CHECK(labwire_designer_posterior(designer, NULL, 0, &length, NULL) == LABWIRE_CODE_BUFFER_TOO_SMALL);
    char *posterior = malloc(length + 1);
    CHECK(labwire_designer_posterior(designer, posterior, length + 1, &length, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_designer_from_posterior(EXPERIMENT, LABWIRE_TERMINATED, posterior, length, &restored, &error) ==
          LABWIRE_CODE_OK);
    CHECK(labwire_designer_suggest(designer, &x, 1, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_designer_suggest(restored, &y, 1, &error) == LABWIRE_CODE_OK && x == y);
    labwire_designer_free(restored);
    CHECK(labwire_designer_from_posterior(EXPERIMENT, LABWIRE_TERMINATED, posterior, length / 2, &restored, &error) ==
          LABWIRE_CODE_INVALID_TEXT);
    free(posterior);

    /* Bad measurements change nothing. */
    CHECK(labwire_designer_update(designer, &x, 1, &y, 2, NULL, 0, &error) == LABWIRE_CODE_WRONG_LENGTH);
    y = NAN;
    CHECK(labwire_designer_update(designer, &x, 1, &y, 1, NULL, 0, &error) == LABWIRE_CODE_INVALID_VALUE);
    CHECK(labwire_designer_update(designer, &x, 1, NULL, 1, NULL, 0, &error) == LABWIRE_CODE_NULL_POINTER);
    CHECK(labwire_designer_suggest(designer, &x, 2, &error) == LABWIRE_CODE_WRONG_LENGTH);
    CHECK(labwire_designer_undo(designer, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_designer_summary(designer, &design, &error) == LABWIRE_CODE_OK && design.measurements == 49);
    labwire_designer_free(designer);
    CHECK(labwire_designer_from_text("{}", 2, 1, &designer, &error) == LABWIRE_CODE_INVALID_TEXT);
    CHECK(labwire_designer_from_text(EXPERIMENT, LABWIRE_TERMINATED, (uint64_t)1 << 60, &designer, &error) !=
          LABWIRE_CODE_OK);
}

static void open_is_spoken(void) {
    labwire_error error;
    labwire_problem *problem = problem_from(PROBLEM);
    labwire_server *server = NULL;
    labwire_client *client = NULL;
    char text[4096];
    CHECK(labwire_server_open(problem, &server, &error) == LABWIRE_CODE_OK);
    labwire_problem_free(problem);
    CHECK(labwire_client_new(LABWIRE_PROTOCOL_OPEN, 0, &client, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_server_connect(server, 0, 7, 1, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_server_connect(server, 0, 7, 1, &error) == LABWIRE_CODE_WRONG_STATE);

    const char *run = "{\"Run\": {\"parameter\": [1, 1]}}";
    CHECK(labwire_client_request(client, 0, "{\"Ping\": 3}", LABWIRE_TERMINATED, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_client_request(client, 0, run, strlen(run), &error) == LABWIRE_CODE_OK);
    CHECK(labwire_client_request(client, 0, "{\"Jump\": 3}", LABWIRE_TERMINATED, &error) == LABWIRE_CODE_INVALID_TEXT);
    exchange(client, server, 7, 1000);
    /* An event whose text does not fit stays. */
    labwire_event event;
    size_t length = 0;
    CHECK(labwire_client_poll(client, &event, text, 4, &length, &error) == LABWIRE_CODE_BUFFER_TOO_SMALL);
    CHECK(event == LABWIRE_EVENT_NONE && length == strlen("{\"Pong\":3}"));
    CHECK(next(client, text, sizeof text) == LABWIRE_EVENT_REPLY && strcmp(text, "{\"Pong\":3}") == 0);
    CHECK(next(client, text, sizeof text) == LABWIRE_EVENT_REPLY);
    CHECK(strstr(text, "\"exit_status\":\"Converged\"") != NULL);
    CHECK(next(client, text, sizeof text) == LABWIRE_EVENT_NONE);

    uint64_t due = 0;
    CHECK(labwire_server_next_timeout(server, &due, &error) == LABWIRE_CODE_OK && due > 1000);
    CHECK(labwire_server_timeout(server, 2000, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_client_timeout(client, 2000, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_client_sent(client, 2000, 1, &error) == LABWIRE_CODE_INVALID_VALUE);
    CHECK(labwire_server_sent(server, 2000, 7, 1, &error) == LABWIRE_CODE_INVALID_VALUE);
    /* Nobody knows connection 8. */
    labwire_connection state;
    CHECK(labwire_server_connection(server, 8, &state, &error) == LABWIRE_CODE_OK && state.is_over);
    CHECK(labwire_server_input(server, 2000, 8, (const uint8_t *)"x", 1, &error) == LABWIRE_CODE_WRONG_STATE);

    /* The server ends when it is asked to. */
    int32_t is_finished = 1;
    CHECK(labwire_server_is_finished(server, &is_finished, &error) == LABWIRE_CODE_OK && !is_finished);
    CHECK(labwire_client_request(client, 3000, "{\"Kill\": 1}", LABWIRE_TERMINATED, &error) == LABWIRE_CODE_OK);
    exchange(client, server, 7, 3000);
    CHECK(labwire_server_is_finished(server, &is_finished, &error) == LABWIRE_CODE_OK && is_finished);
    CHECK(labwire_client_eof(client, 3000, &error) == LABWIRE_CODE_OK);
    while ((event = next(client, text, sizeof text)) == LABWIRE_EVENT_REPLY) {
    }
    CHECK(event == LABWIRE_EVENT_FINISHED);
    CHECK(labwire_server_disconnect(server, 3000, 7, &error) == LABWIRE_CODE_OK);
    labwire_client_free(client);
    labwire_server_free(server);
    CHECK(labwire_client_new(9, 0, &client, &error) == LABWIRE_CODE_INVALID_VALUE && client == NULL);
}

static void obe_is_spoken(void) {
    labwire_error error;
    labwire_server *server = NULL;
    labwire_client *client = NULL;
    char text[4096];
    CHECK(labwire_server_obe(EXPERIMENT, LABWIRE_TERMINATED, 1, &server, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_client_new(LABWIRE_PROTOCOL_OBE, 0, &client, &error) == LABWIRE_CODE_OK);
    CHECK(labwire_server_connect(server, 0, 1, 0, &error) == LABWIRE_CODE_OK);
    const char *requests[] = {"{\"command\": \"optset\"}", "{\"command\": \"newdat\", \"x\": [0.5], \"y\": 0.1, \"s\": 0.1}",
                              "{\"command\": \"getmean\"}"};
    for (int i = 0; i < 3; i++)
        CHECK(labwire_client_request(client, 0, requests[i], LABWIRE_TERMINATED, &error) == LABWIRE_CODE_OK);
    exchange(client, server, 1, 1000);
    for (int i = 0; i < 3; i++) {
        CHECK(next(client, text, sizeof text) == LABWIRE_EVENT_REPLY);
        if (strstr(text, "rror") != NULL) printf("%s\n", text);
        CHECK(strstr(text, "rror") == NULL);
    }
    CHECK(text[0] == '[');
    CHECK(labwire_client_request(client, 0, "{", 1, &error) == LABWIRE_CODE_INVALID_TEXT);
    CHECK(labwire_client_lost(client, 2000, &error) == LABWIRE_CODE_OK);
    CHECK(next(client, text, sizeof text) == LABWIRE_EVENT_FAILED && strcmp(text, "connection lost") == 0);
    CHECK(labwire_client_request(client, 0, requests[0], LABWIRE_TERMINATED, &error) == LABWIRE_CODE_WRONG_STATE);
    labwire_client_free(client);
    CHECK(labwire_server_shutdown(server, 2000, &error) == LABWIRE_CODE_OK);
    labwire_server_free(server);
}

int main(void) {
    CHECK(strlen(labwire_version()) >= 5);
    CHECK(strcmp(labwire_code_name(LABWIRE_CODE_WRONG_LENGTH), "wrong length") == 0);
    CHECK(strcmp(labwire_code_name(-1), "unknown") == 0);
    problems_are_read();
    problems_are_solved();
    integers_are_searched();
    time_limits_hold();
    experiments_are_designed();
    open_is_spoken();
    obe_is_spoken();
    if (failures == 0) printf("all of labwire %s's C interface works\n", labwire_version());
    return failures == 0 ? 0 : 1;
}
