// The engines off the main thread of a page, with the WebAssembly module in a text.
import { compiled } from "../source.js";
import { unpacked } from "../unpacked.js";
import { Engine as Base } from "./engine.js";
import { spawn } from "./pages.js";

export type { History, Remote, RemoteSolveOptions, RemoteSolver } from "./engine.js";

/** Worker with the engines. It needs no `init`. */
export class Engine extends Base {
  constructor() {
    super(spawn, compiled(unpacked()));
  }
}
