// The package without further files: its WebAssembly module is in the code.
import * as labwire from "labwire-wasm/inline";
import * as client from "labwire-wasm/client";
import * as solver from "labwire-wasm/solver/inline";
import * as worker from "labwire-wasm/worker/inline";
import { check } from "./app.js";

check(labwire, worker, client, solver).then(
  (lines) => console.log([...lines, "end"].join("\n")),
  (error) => console.log(`FAILED: ${error.stack}\nend`),
);
