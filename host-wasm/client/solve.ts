// A solve as a promise.
import type { Progress, Solution, Solver, StartOptions } from "labwire-wasm";

export interface SolveOptions extends StartOptions {
  /** Is told where the solve stands, again and again. */
  onProgress?: (progress: Progress) => void;
  /** About how many evaluations lie between two calls of it; 1: at most an iteration. Default 100. */
  fuel?: number;
  /** Cancels: the solution is then the best point so far, of status "cancelled". */
  signal?: AbortSignal;
}

/** How long is worked, in ms, before messages and timers get their turn. */
const SLICE_MS = 30;

/** Lets them have it. */
const breathe = () =>
  new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });

/**
 * Solves the solver's problem for `parameters`, in slices.
 *
 * @throws {Error} when a vector has the wrong length or holds a number that is not finite
 */
export async function solve(solver: Solver, parameters: ArrayLike<number>, { onProgress, fuel = 100, signal, ...start }: SolveOptions = {}): Promise<Solution> {
  solver.start(Float64Array.from(parameters), start);
  for (let since = performance.now(); ; ) {
    if (signal?.aborted) solver.cancel();
    const progress = solver.step(fuel);
    onProgress?.(progress);
    if (progress.done) return solver.result()!;
    if (performance.now() - since > SLICE_MS) {
      await breathe();
      since = performance.now();
    }
  }
}
