// The engines in a thread of Node.js.
import { readable, readBeside } from "../files.js";
import { compiled, given, type InitOptions } from "../source.js";
import { Engine as Base } from "./engine.js";
import { spawn } from "./threads.js";

export type { History, Remote, RemoteSolveOptions, RemoteSolver } from "./engine.js";
export type { InitOptions, Source } from "../source.js";

/** Thread with the engines. It needs no `init`, and keeps the process alive until `terminate`. */
export class Engine extends Base {
  /** Starts a thread. `options`: see `init`. */
  constructor(options?: InitOptions) {
    const source = given(options);
    super(spawn, compiled(source === undefined ? readBeside() : readable(source)));
  }
}
