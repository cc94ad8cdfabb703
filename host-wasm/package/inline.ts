// labwire-wasm with the WebAssembly module in a text, for where no further file can be had.
import guarded from "./guarded.js";
import { unpacked } from "./unpacked.js";

export * from "./api.js";
export { solve, type SolveOptions } from "./solve.js";

/** Loads the WebAssembly module, once; nothing works before. */
export default function init(): Promise<void> {
  return guarded.initialize(unpacked);
}
