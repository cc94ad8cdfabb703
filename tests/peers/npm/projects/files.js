// The package as most projects import it: its WebAssembly module is a file.
import * as labwire from "labwire-wasm";
import * as client from "labwire-wasm/client";
import * as solver from "labwire-wasm/solver";
import * as worker from "labwire-wasm/worker";
import { check } from "./app.js";

check(labwire, worker, client, solver).then(
  (lines) => console.log([...lines, "end"].join("\n")),
  (error) => console.log(`FAILED: ${error.stack}\nend`),
);
