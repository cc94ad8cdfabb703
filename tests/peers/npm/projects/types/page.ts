// Types in a page's project: tsc accepts the right calls, and only these.
import init, { type FileText, type Progress, Problem, type Solution, Solver, solve, type TextError, version } from "labwire-wasm";
import initInline, { Designer } from "labwire-wasm/inline";
import { Bridge, OpenClient } from "labwire-wasm/client";
import initSolver, { Solver as OnlySolver } from "labwire-wasm/solver";
import { Engine, type Remote } from "labwire-wasm/worker";
import { Engine as InlineEngine } from "labwire-wasm/worker/inline";

const file: FileText = { variables: { u: 1 }, cost: "u[0]^2" };
await Promise.all([init(), init("/labwire_wasm_bg.wasm"), init({ module_or_path: fetch("/labwire_wasm_bg.wasm") }), initInline(), initSolver()]);
const solver = new Solver(Problem.from({ variables: { u: 1 }, cost: "u[0]^2" }));
const solution: Solution = await solve(solver, [], { cold: true, onProgress: ({ residual }: Progress) => residual });
const designers: Designer[] = [new Designer(file, 1), new Designer("{}", 1n)];
const engine: Engine | InlineEngine = new Engine();
const remote: Remote<Designer> = await engine.designer(file, 1);
const mean: Float64Array = await remote.mean();
const count: number = await remote.numMeasurements();
const converged: boolean = (await (await engine.solver(file)).solve([1])).status === "converged";
const reply = await new OpenClient(new Bridge("http://127.0.0.1:8080")).run({ parameter: [1] });
const place = (error: TextError) => `${error.line}:${error.column} ${error.path} ${error.help ?? ""}`;
export { converged, count, designers, mean, OnlySolver, place, reply, solution, version };

// @ts-expect-error a number is no text
new Problem(5);
// @ts-expect-error no seed
new Designer(file);
// @ts-expect-error a string is no seed
new Designer(file, "1");
// @ts-expect-error no such option
await solve(solver, [], { guess: [1] });
// @ts-expect-error the solver-only build designs nothing
await import("labwire-wasm/solver").then(({ Designer }) => Designer);
// @ts-expect-error a problem is not a solver
await solve(Problem.from({}), []);
// @ts-expect-error no such status
solution.status === "good";
// @ts-expect-error raw memory is nobody's business
(await init()).memory;
