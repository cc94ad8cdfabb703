// Problem files: edited, solved here or on the server, compared.
import { defaultProblem, type RunReply } from "labwire-wasm";
import { type Bridge, OpenClient, ServerError } from "labwire-wasm/client";
import { button, card, h, message, short, table } from "./dom";
import { Editor } from "./editor";
import * as engine from "./engine";
import { Plot } from "./plot";
import trailer from "./problems/trailer.json?raw";
import { Scene } from "./scene";

interface Example {
  parameters: number[];
  /** Range of the slider of each parameter. */
  ranges: [number, number][];
}

// Ill-conditioned, and with many variables: much work.
const LONG = `{
  "variables": {"u": 5000},
  "cost": "sum(i in 0..4999, 1e4*(u[i+1] - u[i]^2)^2 + (1 - u[i])^2)",
  "initial_guess": -1,
  "solver": {"tolerance": 1e-9, "max_inner_iterations": 4000000000}
}
`;

const EXAMPLES: Record<string, Example & { text: () => string }> = {
  "Rosenbrock in a ball": {
    text: defaultProblem,
    parameters: [1, 50],
    ranges: [
      [0, 5],
      [1, 200],
    ],
  },
  "Trailer around an obstacle": {
    text: () => trailer,
    parameters: [-0.8, 0.7, 0, 1, 1, 0.1, 1.2, 0.35],
    ranges: [
      [-2, 2],
      [-1, 3],
      [-3, 3],
      [-2, 2],
      [-1, 3],
      [-2, 2],
      [-1, 3],
      [0.05, 1],
    ],
  },
  "A long solve": { text: () => LONG, parameters: [], ranges: [] },
};

export function optimizer(bridge: Bridge): HTMLElement {
  const client = new OpenClient(bridge);
  let parameters: number[] = [];
  let ranges: [number, number][] = [];
  let isValid = false;
  let abort: AbortController | undefined;
  let here: engine.Solved | undefined;
  let there: RunReply | undefined;

  const summary = h("pre", { className: "state" });
  const sliders = h("div");
  const status = h("p", { className: "state", role: "status" }, "Not solved yet.");
  const failure = h("p", { className: "error", role: "alert" });
  const outcome = h("div", { id: "outcome" });
  const comparison = h("p", { id: "comparison", role: "status" });
  const curves = [
    { label: "residual", color: "accent" },
    { label: "violation", color: "second" },
    { label: "|cost|", color: "third" },
  ];
  const convergence = new Plot("Residual, violation and cost by iteration", "iteration", curves, { log: true });
  const unsolved = h("p", { className: "state", "data-state": "empty" }, "Solve here to see residual, violation and cost fall.");
  const scene = new Scene((names, at) => {
    names.forEach((name, axis) => setParameter(name, at[axis]));
    drag();
  });
  const trajectories = card("Trajectory", scene.element);
  const solveHere = button("Solve here", () => void solve(), { className: "primary" });
  const solveThere = button("Solve on the server", () => void solveOnServer());
  const cancel = button("Cancel", () => (abort ? abort.abort() : engine.cancel()), { disabled: true });

  function names(): string[] {
    return [...sliders.querySelectorAll<HTMLElement>(".slider")].map((row) => row.dataset.name!);
  }

  const editor = new Editor<engine.ProblemFile>({
    id: "problem",
    label: "Problem file",
    rows: 18,
    check: (text) => engine.readProblem(text),
    onChange: (file) => {
      here = there = undefined;
      comparison.textContent = failure.textContent = "";
      outcome.replaceChildren();
      summary.textContent = file?.summary ?? "";
      if (file) makeSliders(file.parameters);
      isValid = file !== undefined;
      solveHere.disabled = solveThere.disabled = !isValid || !cancel.disabled;
    },
    examples: Object.entries(EXAMPLES).map(([name, { text }]) => [name, text()]),
    onExample: (name) => begin(EXAMPLES[name]),
    onOpen: () => begin({ parameters: [], ranges: [] }),
    onSubmit: () => solveHere.disabled || void solve(),
  });

  function makeSliders(found: string[]) {
    if (found.join() === names().join() && sliders.children.length) return;
    parameters = found.map((_, index) => parameters[index] ?? 1);
    sliders.replaceChildren(
      ...found.map((name, index) => {
        const [min, max] = ranges[index] ?? [-10, 10];
        const step = (max - min) / 1000;
        const range = h("input", { type: "range", min, max, step, value: parameters[index], "aria-label": `${name}, slider` });
        const number = h("input", { type: "number", step: "any", value: parameters[index], "aria-label": name });
        const set = (value: number) => {
          if (!Number.isFinite(value)) return;
          parameters[index] = value;
          scene.parameters(names(), parameters);
          drag();
        };
        range.oninput = () => set(Number((number.value = range.value)));
        number.oninput = () => set(Number((range.value = number.value)));
        return h("div", { className: "slider", "data-name": name }, h("span", {}, name), range, number);
      }),
    );
    if (!found.length) sliders.append(h("p", { className: "state", "data-state": "empty" }, "This problem has no parameters."));
    scene.parameters(found, parameters);
  }

  function setParameter(name: string, value: number) {
    const index = names().indexOf(name);
    const row = sliders.querySelectorAll(".slider")[index];
    if (!row) return;
    parameters[index] = value;
    for (const input of row.querySelectorAll("input")) input.value = String(Number(value.toFixed(4)));
  }

  const isTrailer = () => scene.hasPath;

  function show(solved: engine.Solved) {
    const { solution, named, history } = solved;
    status.textContent = "";
    outcome.replaceChildren(
      table({
        status: solution.status,
        cost: solution.cost,
        residual: solution.residual,
        violation: solution.violation,
        iterations: `${solution.innerIterations} inner, ${solution.outerIterations} outer`,
        time: `${solution.solveTimeMs.toFixed(2)} ms`,
        solution: solution.solution,
      }),
    );
    if (history[0].length) plot(history);
    draw(named);
  }

  function draw(named: Record<string, number[]>) {
    trajectories.hidden = !scene.path(named);
  }

  function plot([iteration, cost, residual, violation]: engine.History) {
    // 0 cannot be drawn on a logarithmic axis.
    const positive = (values: number[]) => values.map((value) => (value !== 0 && Number.isFinite(value) ? Math.abs(value) : null));
    unsolved.hidden = iteration.length > 0;
    convergence.element.hidden = iteration.length === 0;
    convergence.set([iteration, positive(residual), positive(violation), positive(cost)]);
  }

  function setBusy(text: string) {
    const isBusy = text !== "";
    solveHere.disabled = solveThere.disabled = isBusy || !isValid;
    cancel.disabled = !isBusy;
    if (isBusy) {
      failure.textContent = comparison.textContent = "";
      status.textContent = text;
      status.dataset.state = "loading";
    } else delete status.dataset.state;
  }

  async function solve() {
    setBusy("Solving in this page …");
    try {
      const order = { text: editor.text, parameters: [...parameters], options: { cold: true }, watched: true };
      here = await engine.solve(order, (history) => {
        plot(history);
        const [iteration, , residual] = history;
        status.textContent = `Solving in this page: iteration ${iteration.at(-1)}, residual ${short(residual.at(-1) ?? NaN)}`;
      });
      show(here);
    } catch (error) {
      status.textContent = "";
      failure.textContent = message(error);
    }
    setBusy("");
    compare();
  }

  async function solveOnServer() {
    setBusy("Solving on the server …");
    abort = new AbortController();
    const options = { signal: abort.signal };
    const request = { parameter: [...parameters] };
    try {
      // A problem that the server already has needs no permission to be loaded.
      const text = editor.text === defaultProblem() ? undefined : editor.text;
      there = await client.runCold(request, text, options);
      status.textContent = "";
      const { status: how, exit_status, cost, kkt_residual, max_constraint_violation, solution, solve_time_ms } = there;
      outcome.replaceChildren(
        table({
          status: how || exit_status,
          cost,
          residual: kkt_residual,
          violation: max_constraint_violation,
          iterations: `${there.num_inner_iterations} inner, ${there.num_outer_iterations} outer`,
          time: `${solve_time_ms.toFixed(2)} ms, on the server`,
          solution,
        }),
      );
      if (there.variables) draw(there.variables);
    } catch (error) {
      status.textContent = abort.signal.aborted ? "Cancelled: the server has stopped too." : "";
      if (!abort.signal.aborted) failure.textContent = explain(error);
    }
    abort = undefined;
    setBusy("");
    compare();
  }

  function explain(error: unknown): string {
    if (error instanceof ServerError && error.code === 2100) {
      return `The server takes no problem files (${error.message}). Start it so that it does: LABWIRE_OPEN_LOAD=local labwire serve`;
    }
    if (error instanceof ServerError) return `The server refuses, code ${error.code}: ${error.message}`;
    return `The server gives no answer: ${message(error)}. Try again, or solve here, which needs no server; one is started with: labwire serve`;
  }

  function compare() {
    if (!here || !there) return;
    const ours = here.solution;
    const pairs: [string, number[], number[]][] = [
      ["solution", ours.solution, there.solution],
      ["cost", [ours.cost], [there.cost ?? NaN]],
      ["residual", [ours.residual], [there.kkt_residual ?? NaN]],
      ["multipliers", ours.multipliers, [...there.lagrange_multipliers, ...there.f2_lagrange_multipliers]],
    ];
    const different = pairs.filter(([, a, b]) => a.length !== b.length || a.some((value, index) => !Object.is(value, b[index])));
    const count = pairs.reduce((sum, [, a]) => sum + a.length, 0);
    comparison.className = different.length ? "differs" : "same";
    comparison.textContent = different.length
      ? `Here and on the server differ in: ${different.map(([name]) => name).join(", ")}.`
      : `Here and on the server: ${count} numbers, equal to the last bit.`;
  }

  let isDragging = false;
  let wants = false;
  /** Solves again, warm, once per frame; changes during a solve wait for the next. */
  function drag() {
    here = there = undefined;
    comparison.textContent = "";
    wants = isValid && cancel.disabled;
    if (isDragging || !wants) return;
    isDragging = true;
    requestAnimationFrame(async () => {
      while (wants) {
        wants = false;
        try {
          const order = { text: editor.text, parameters: [...parameters], watched: !isTrailer() };
          show(await engine.solve(order));
        } catch (error) {
          failure.textContent = message(error);
        }
        await new Promise(requestAnimationFrame);
      }
      isDragging = false;
    });
  }

  /** Starts with another problem. */
  function begin(example: Example) {
    ({ parameters, ranges } = example);
    parameters = [...parameters];
    sliders.replaceChildren();
    status.textContent = "Not solved yet.";
    plot([[], [], [], []]);
    scene.clear();
    trajectories.hidden = !editor.text.includes('"ocp"');
  }

  editor.example(Object.keys(EXAMPLES)[0]);
  return h(
    "section",
    {},
    h(
      "div",
      { className: "columns" },
      h(
        "div",
        { className: "card" },
        h("h2", {}, "Problem"),
        editor.element,
        h("details", {}, h("summary", {}, "What it holds"), summary),
        h("h3", {}, "Parameters"),
        sliders,
        h("div", { className: "row" }, solveHere, solveThere, cancel),
      ),
      h(
        "div",
        { className: "stack" },
        trajectories,
        card("Convergence", unsolved, convergence.element),
        card("Result", comparison, failure, status, outcome),
      ),
    ),
  );
}
