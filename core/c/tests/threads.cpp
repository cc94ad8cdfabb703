// One problem, many threads, each with a solver of its own: C++ from the same header.
#include <cmath>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include "labwire.h"

namespace {

struct Free {
    void operator()(labwire_problem *problem) const { labwire_problem_free(problem); }
    void operator()(labwire_solver *solver) const { labwire_solver_free(solver); }
};

const char *const TEXT = R"({"variables": {"u": 2}, "parameters": {"p": 1},
    "cost": "(p - u[0])^2 + 100*(u[1] - u[0]^2)^2"})";

bool solve(const labwire_problem *problem, double parameter) {
    labwire_error error;
    labwire_solver *made = nullptr;
    if (labwire_solver_new(problem, &made, &error) != LABWIRE_CODE_OK) return false;
    std::unique_ptr<labwire_solver, Free> solver(made);
    for (int i = 0; i < 20; i++) {
        const double p = parameter + 0.01 * i;
        double u[2];
        if (labwire_solver_solve(solver.get(), &p, 1, &error) != LABWIRE_CODE_OK ||
            labwire_solver_solution(solver.get(), u, 2, &error) != LABWIRE_CODE_OK || std::fabs(u[0] - p) > 1e-2) {
            return false;
        }
    }
    return true;
}

}  // namespace

int main() {
    labwire_error error;
    labwire_problem *made = nullptr;
    if (labwire_problem_from_text(TEXT, LABWIRE_TERMINATED, &made, &error) != LABWIRE_CODE_OK) {
        std::puts(error.message);
        return 1;
    }
    std::unique_ptr<labwire_problem, Free> problem(made);
    std::vector<std::thread> threads;
    std::vector<char> results(8, 0);
    for (std::size_t i = 0; i < results.size(); i++) {
        threads.emplace_back([&, i] { results[i] = solve(problem.get(), 0.5 + 0.1 * static_cast<double>(i)); });
    }
    for (std::thread &thread : threads) thread.join();
    for (char is_solved : results) {
        if (!is_solved) return 1;
    }
    std::puts("8 threads have solved the same problem");
    return 0;
}
