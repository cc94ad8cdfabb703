// Types in a project for Node.js, without those of pages.
import init, { initSync, Problem, Solver, solve } from "labwire-wasm";
import { Engine } from "labwire-wasm/worker";

initSync();
await init();
await init(new URL("file:///labwire_wasm_bg.wasm"));
const { status } = await solve(new Solver(new Problem("{}")), [1]);
const engine = new Engine();
console.log(status, await (await engine.problem("{}")).summary());
engine.terminate();
