// labwire-wasm in a page or a worker, whose bundler or server has the WebAssembly module as a file.
import guarded from "./guarded.js";
import { given, type InitOptions, type Module } from "./source.js";

export * from "./api.js";
export { solve, type SolveOptions } from "./solve.js";
export type { InitOptions, Module, Source } from "./source.js";

/** Loads the WebAssembly module, once; nothing works before. Default: the file beside this one. */
export default function init(options?: InitOptions): Promise<void> {
  return guarded.initialize(() => given(options) ?? new URL("./labwire_wasm_bg.wasm", import.meta.url));
}

/** Loads the WebAssembly module at once, from its bytes or compiled. */
export function initSync(source: ArrayBuffer | ArrayBufferView | Module): void {
  guarded.initializeSync(() => source);
}
