// The engines off the main thread of a page, whose bundler or server has the WebAssembly module as a file.
import { compiled, given, type InitOptions } from "../source.js";
import { Engine as Base } from "./engine.js";
import { spawn } from "./pages.js";

export type { History, Remote, RemoteSolveOptions, RemoteSolver } from "./engine.js";
export type { InitOptions, Source } from "../source.js";

/** Worker with the engines. It needs no `init`. */
export class Engine extends Base {
  /** Starts a worker. `options`: see `init`. */
  constructor(options?: InitOptions) {
    super(spawn, compiled(given(options) ?? new URL("../labwire_wasm_bg.wasm", import.meta.url)));
  }
}
