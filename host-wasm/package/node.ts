// labwire-wasm in Node.js.
import { readable, readBeside } from "./files.js";
import guarded from "./guarded.js";
import { given, type InitOptions, type Module } from "./source.js";

export * from "./api.js";
export { solve, type SolveOptions } from "./solve.js";
export type { InitOptions, Module, Source } from "./source.js";

/** Loads the WebAssembly module, once; nothing works before. Default: the file beside this one. */
export default function init(options?: InitOptions): Promise<void> {
  const source = given(options);
  return guarded.initialize(() => (source === undefined ? readBeside() : readable(source)));
}

/** Loads the WebAssembly module at once, from its bytes, compiled, or by default from the file beside this one. */
export function initSync(source?: ArrayBuffer | ArrayBufferView | Module): void {
  guarded.initializeSync(() => source ?? readBeside());
}
