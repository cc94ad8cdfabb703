"""Threads, signals, forks, the end of the interpreter: nothing hangs."""

import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest
from conftest import ENDLESS

import labwire


def run(program, **options):
    """Run a program that has `endless`, a problem that never ends; return the process."""
    start = f"import labwire, threading, time, os, sys\nendless = labwire.Problem({ENDLESS!r})\n"
    return subprocess.Popen([sys.executable, "-c", start + textwrap.dedent(program)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, **options)


def test_threads_solve_at_the_same_time(heating):
    expected = labwire.Solver(heating).solve([5, 16]).solution.tolist()
    results = []

    def work():
        solver = labwire.Solver(heating)
        results.extend(solver.solve([5, 16], cold=True).solution.tolist() for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 200 and all(result == expected for result in results)


def test_other_threads_run_during_a_solve(endless):
    solver = labwire.Solver(endless)
    running, seen = threading.Event(), []

    def watch(state):
        running.set()

    def work():
        solver.solve(progress=watch, max_duration=1)

    thread = threading.Thread(target=work)
    thread.start()
    running.wait()
    with pytest.raises(labwire.BusyError, match="a solve is running already"):
        while thread.is_alive():
            seen.append(solver.solve([]))
    thread.join()
    assert solver.solve(max_duration=0.01).status == "time limit"


def test_keyboard_interrupt(endless):
    process = run("""
        solver = labwire.Solver(endless)
        print("solving", flush=True)
        try:
            solver.solve()
        except KeyboardInterrupt:
            print("interrupted", solver.solve(max_duration=0.01).status)
    """)
    assert process.stdout.readline() == "solving\n"
    # The solve begins some microseconds later; before it the exception is the same.
    import time
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (out, err, process.returncode) == ("interrupted time limit\n", "", 0)


def test_the_interpreter_ends_during_a_solve():
    process = run("""
        begun = threading.Event()
        work = lambda: labwire.Solver(endless).solve(progress=lambda state: begun.set())
        threading.Thread(target=work, daemon=True).start()
        threading.Thread(target=lambda: labwire.Solver(endless).solve(), daemon=True).start()
        begun.wait()
        print("end", flush=True)
    """)
    out, err = process.communicate(timeout=30)
    assert (out, err, process.returncode) == ("end\n", "", 0)


@pytest.mark.parametrize("work", [
    "solver.solve(max_duration=60, progress=lambda state: sum(range(1000)))",
    "designer.suggest(); designer.update([1.0], [0.5])",
    "quick.solve([1.0])",
    "quick.solve_batch(np.ones((1000, 1)))",
])
def test_the_interpreter_ends_while_threads_come_and_go(work):
    """CPython ends such threads in the middle of what they do, with whatever has called them."""
    program = f"""
        import numpy as np
        problem = labwire.Problem({{"variables": {{"u": 1}}, "parameters": {{"p": 1}}, "cost": "(u - p)^2"}})
        experiment = labwire.Experiment({{"settings": {{"t": {{"linspace": [0, 5, 51]}}}}, "noise": 0.1,
            "parameters": {{"k": {{"uniform": [0.1, 2]}}}}, "model": lambda t, k: np.exp(-k * t)}})
        def work():
            solver, quick, designer = labwire.Solver(endless), labwire.Solver(problem), labwire.Designer(experiment, seed=1)
            while True:
                {work}
        for _ in range(3):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.3)
    """
    for process in [run(program) for _ in range(4)]:
        out, err = process.communicate(timeout=60)
        assert (out, err, process.returncode) == ("", "", 0)


def test_the_interpreter_does_not_wait_for_ever():
    process = run("""
        begun = threading.Event()
        def blocks(state):
            begun.set()
            time.sleep(100)
        threading.Thread(target=lambda: labwire.Solver(endless).solve(progress=blocks), daemon=True).start()
        begun.wait()
        print("end", flush=True)
    """)
    out, err = process.communicate(timeout=30)
    assert (out, err, process.returncode) == ("end\n", "", 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_forked_processes_solve():
    process = run("""
        solver = labwire.Solver(endless)
        begun = threading.Event()
        thread = threading.Thread(target=lambda: labwire.Solver(endless).solve(
            max_duration=2, progress=lambda state: begun.set()))
        thread.start()
        begun.wait()
        child = os.fork()
        status = solver.solve(max_duration=0.05).status
        if child == 0:
            print(status, flush=True)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print(status)
    """)
    out, err = process.communicate(timeout=30)
    assert (out, process.returncode) == ("time limit\ntime limit\n", 0), err
