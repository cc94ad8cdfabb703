// A problem file, solved in the page in steps between which it paints.
import init, { Problem, Solver, defaultProblem } from "../pkg/labwire_wasm.js";

/** Evaluations a step: a few milliseconds even for large problems. */
const FUEL = 200;

const form = /** @type {HTMLFormElement} */ (document.getElementById("form"));
const problemText = /** @type {HTMLTextAreaElement} */ (document.getElementById("problem"));
const parameters = /** @type {HTMLInputElement} */ (document.getElementById("parameters"));
const solveButton = /** @type {HTMLButtonElement} */ (document.getElementById("solve"));
const cancelButton = /** @type {HTMLButtonElement} */ (document.getElementById("cancel"));
const error = /** @type {HTMLElement} */ (document.getElementById("error"));
const result = /** @type {HTMLTableElement} */ (document.getElementById("result"));

let isCancelled = false;

/** @param {Record<string, unknown>} rows */
function show(rows) {
  result.replaceChildren(
    ...Object.entries(rows).map(([name, value]) => {
      const row = document.createElement("tr");
      const head = document.createElement("th");
      const cell = document.createElement("td");
      head.textContent = name;
      cell.textContent = Array.isArray(value) ? value.join(", ") : String(value);
      cell.dataset.name = name;
      row.append(head, cell);
      return row;
    }),
  );
}

/** @param {string} text */
function numbers(text) {
  return text.split(",").filter((part) => part.trim() !== "").map(Number);
}

async function solve() {
  const problem = new Problem(problemText.value);
  const solver = new Solver(problem);
  try {
    solver.start(numbers(parameters.value));
    for (;;) {
      const { done, cost, residual, violation, evaluations } = solver.step(FUEL);
      if (done) break;
      show({ status: "solving", cost, residual, violation, evaluations });
      await new Promise(requestAnimationFrame);
      if (isCancelled) solver.cancel();
    }
    show(/** @type {Record<string, any>} */ (solver.result()));
  } finally {
    solver.free();
    problem.free();
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  error.textContent = "";
  result.replaceChildren();
  isCancelled = false;
  solveButton.disabled = true;
  cancelButton.disabled = false;
  try {
    await solve();
  } catch (thrown) {
    error.textContent = thrown instanceof Error ? thrown.message : String(thrown);
  }
  solveButton.disabled = false;
  cancelButton.disabled = true;
});
cancelButton.addEventListener("click", () => (isCancelled = true));

await init();
problemText.value = defaultProblem();
solveButton.disabled = false;
