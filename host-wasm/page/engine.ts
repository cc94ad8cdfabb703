// The engines in workers, as promises.
import type { Recording } from "labwire-wasm/client";
import wasm from "../pkg/labwire_wasm_bg.wasm?url";
import type { ExperimentFile, History, ProblemFile, Solved, SolveOrder } from "./worker";
import EngineWorker from "./worker?worker&inline";

export type { ExperimentFile, History, ProblemFile, Solved, SolveOrder } from "./worker";

/** Compiled once, for the page and its workers: from then on nothing more is requested from the server. */
export const compiled = WebAssembly.compileStreaming(fetch(wasm));

/** Worker with the engines. */
export class Engine {
  #worker = this.#start();
  #next = 0;
  #failure: Error | undefined;
  #waiting = new Map<number, { resolve: (value: any) => void; reject: (error: Error) => void; tell?: (news: any) => void }>();

  #start(): Worker {
    const worker = new EngineWorker();
    // The page reports its failure.
    compiled.then((module) => worker.postMessage({ kind: "begin", args: module })).catch(() => {});
    worker.onmessage = ({ data: { id, result, news, error } }) => {
      const waiting = this.#waiting.get(id);
      if (news !== undefined) return waiting?.tell?.(news);
      this.#waiting.delete(id);
      if (error) waiting?.reject(Object.assign(new Error(error.message), error));
      else waiting?.resolve(result);
    };
    worker.onerror = (event) => {
      this.#failure = new Error(`the engine has failed: ${event.message ?? "out of memory?"}; load the page again`);
      this.#rejectAll(this.#failure);
    };
    return worker;
  }

  #rejectAll(error: Error) {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  /** Waits until nothing is in progress. After `patience` milliseconds, the worker is dropped with all its objects. */
  async settle(patience: number): Promise<void> {
    for (const end = performance.now() + patience; this.#waiting.size;) {
      if (performance.now() > end) {
        this.#worker.terminate();
        this.#worker = this.#start();
        this.#rejectAll(new Error("given up"));
      } else await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  solve(order: SolveOrder, tell?: (history: History) => void): Promise<Solved> {
    return this.#ask("solve", [order], tell);
  }

  /** Cancels the solve in progress; its result is the best point. */
  cancel() {
    this.#worker.postMessage({ kind: "cancel" });
  }

  /** Contents of a problem file; rejected with its error. */
  problem(text: string): Promise<ProblemFile> {
    return this.#ask("problem", [text]);
  }

  /** Contents of an experiment file; rejected with its error. */
  experiment(text: string): Promise<ExperimentFile> {
    return this.#ask("experiment", [text]);
  }

  /** Recording in a file; rejected with its error. */
  recording(text: string): Promise<Recording> {
    return this.#ask("recording", [text]);
  }

  /** Replays a recording. Returns the number of steps, and those with a different outcome. */
  replay(recording: Recording): Promise<{ count: number; differences: number[] }> {
    return this.#ask("replay", [recording]);
  }

  /** Recording as text. */
  written(recording: Recording): Promise<string> {
    return this.#ask("written", [recording]);
  }

  /** Handle of an object in the worker, which calls methods and reads properties. */
  async make(kind: "Designer" | "Experiment" | "Simulator", ...args: unknown[]) {
    const id = await this.#ask<number>("make", [kind, ...args]);
    const worker = this.#worker;
    const ask = <T>(kind: string, ...rest: unknown[]): Promise<T> =>
      worker === this.#worker ? this.#ask<T>(kind, [id, ...rest]) : Promise.reject(new Error("given up"));
    return {
      call: <T>(name: string, ...rest: unknown[]) => ask<T>("call", name, ...rest),
      /** For a simulator: values without noise at each setting, one per channel. */
      curve: (settings: number[][]) =>
        ask<Float64Array[]>(
          "curve",
          settings.map((setting) => Float64Array.from(setting)),
        ),
      /** For a designer: the utility, reduced by `largest`. */
      utility: (counts: number[], x: number, y?: number) => ask<Float64Array>("utility", counts, x, y),
      free: () => void ask<void>("free").catch(() => {}),
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

/** Solves and reads files; always responsive. */
export const solving = new Engine();
/** May be busy for a long time. */
export const designing = new Engine();
