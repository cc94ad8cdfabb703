/* A model-predictive controller in C: the file of the problem once, then a solve a period, warm and within a time limit.
 * It drives a cart, with a position and a speed, to the origin by a force.
 *
 *   cc closed_loop.c -o closed_loop $(pkg-config --cflags --libs labwire) -lm
 *   ./closed_loop cart.json
 */
#include <stdio.h>
#include <stdlib.h>

#include "labwire.h"

static void check(labwire_code code, const labwire_error *error) {
    if (code != LABWIRE_CODE_OK) {
        fprintf(stderr, "%s\n", error->message);
        exit(1);
    }
}

/* The text of a file. */
static char *text_of(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    char *text = NULL;
    size_t size = 0, count;
    *length = 0;
    do {
        if (*length == size) {
            size = 2 * size + 4096;
            text = realloc(text, size);
            if (text == NULL) abort();
        }
        count = fread(text + *length, 1, size - *length, file);
        *length += count;
    } while (count > 0);
    fclose(file);
    return text;
}

int main(int argc, char **argv) {
    labwire_error error;
    size_t length;
    char *text = text_of(argc > 1 ? argv[1] : "cart.json", &length);
    labwire_problem *problem;
    labwire_solver *solver;
    labwire_dimensions numbers;
    check(labwire_problem_from_text(text, length, &problem, &error), &error);
    free(text);
    check(labwire_problem_dimensions(problem, &numbers, &error), &error);
    check(labwire_solver_new(problem, &solver, &error), &error);
    check(labwire_solver_set_time_limit(solver, 0.05, &error), &error);

    double *inputs = malloc(numbers.variables * sizeof *inputs);
    double state[2] = {1, 0};
    for (int period = 0; period < 100; period++) {
        labwire_summary summary;
        check(labwire_solver_solve(solver, state, 2, &error), &error);
        check(labwire_solver_summary(solver, &summary, &error), &error);
        if (summary.status != LABWIRE_STATUS_CONVERGED && summary.status != LABWIRE_STATUS_TIME_LIMIT) {
            fprintf(stderr, "period %d: %s\n", period, labwire_status_name(summary.status));
            return 1;
        }
        check(labwire_solver_solution(solver, inputs, numbers.variables, &error), &error);
        /* The first input goes to the cart. */
        const double force = inputs[0];
        state[0] += 0.1 * state[1];
        state[1] += 0.1 * force;
    }
    printf("after 10 s: x = %.4f, v = %.4f\n", state[0], state[1]);
    free(inputs);
    labwire_solver_free(solver);
    labwire_problem_free(problem);
    return state[0] * state[0] < 1e-4 ? 0 : 1;
}
