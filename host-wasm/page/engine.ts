// The engines in workers, as promises.
import type { ExperimentFile, History, ProblemFile, Solved, SolveOrder } from "./worker";

export type { ExperimentFile, History, ProblemFile, Solved, SolveOrder } from "./worker";

/** A worker with the engines in it. */
export class Engine {
  readonly #worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  #next = 0;
  #failure: Error | undefined;
  #waiting = new Map<number, { resolve: (value: any) => void; reject: (error: Error) => void; tell?: (news: any) => void }>();

  constructor() {
    this.#worker.onmessage = ({ data: { id, result, news, error } }) => {
      const waiting = this.#waiting.get(id);
      if (news !== undefined) return waiting?.tell?.(news);
      this.#waiting.delete(id);
      if (error) waiting?.reject(Object.assign(new Error(error.message), error));
      else waiting?.resolve(result);
    };
    this.#worker.onerror = (event) => {
      const error = new Error(`the engine could not be loaded: ${event.message ?? "no answer from the server"}; load the page again`);
      this.#failure = error;
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
  }

  solve(order: SolveOrder, tell?: (history: History) => void): Promise<Solved> {
    return this.#ask("solve", [order], tell);
  }

  /** Ends the solve that runs; its best point is its result. */
  cancel() {
    this.#worker.postMessage({ kind: "cancel" });
  }

  /** What a problem file holds; rejected with its fault. */
  problem(text: string): Promise<ProblemFile> {
    return this.#ask("problem", [text]);
  }

  /** What an experiment file holds; rejected with its fault. */
  experiment(text: string): Promise<ExperimentFile> {
    return this.#ask("experiment", [text]);
  }

  /** An object in the worker: calls methods and reads properties. */
  async make(kind: "Designer" | "Experiment" | "Simulator", ...args: unknown[]) {
    const id = await this.#ask<number>("make", [kind, ...args]);
    return {
      call: <T>(name: string, ...rest: unknown[]) => this.#ask<T>("call", [id, name, ...rest]),
      /** Of a simulator: what would be measured at each setting, a number for each channel. */
      curve: (settings: number[][]) => this.#ask<Float64Array[]>("curve", [id, settings.map((setting) => Float64Array.from(setting))]),
      /** Of a designer: the utility as `largest` cuts it down. */
      utility: (counts: number[], x: number, y?: number) => this.#ask<Float64Array>("utility", [id, counts, x, y]),
      free: () => this.#ask<void>("free", [id]),
    };
  }

  #ask<T>(kind: string, args: unknown[], tell?: (news: any) => void): Promise<T> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = this.#next++;
    this.#worker.postMessage({ id, kind, args });
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject, tell }));
  }
}

export type Remote = Awaited<ReturnType<Engine["make"]>>;

/** Made with the page, so that they are there when the server no longer is. */
export const solving = new Engine();
export const designing = new Engine();
