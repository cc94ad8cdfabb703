// A solve as a promise.
import type { Numbers, Progress, Solution, Solver, StartOptions } from "./api.js";

export interface SolveOptions extends StartOptions {
  /** Called with the progress of the solve, repeatedly. */
  onProgress?: (progress: Progress) => void;
  /** Approximate number of evaluations between two calls; 1: at most one iteration. Default 100. */
  fuel?: number;
  /** Cancels the solve: the solution is then the best point so far, with the status "cancelled". */
  signal?: AbortSignal;
}

/** Time worked, in ms, before messages and timers get their turn. */
const SLICE_MS = 30;

/** Gives messages and timers their turn. */
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
 * @throws {Error} if a vector has the wrong length or contains a value that is not finite
 */
export async function solve(solver: Solver, parameters: Numbers, { onProgress, fuel = 100, signal, ...start }: SolveOptions = {}): Promise<Solution> {
  solver.start(parameters, start);
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
