// The engines in workers, as promises.
import type { Recording } from "labwire-wasm/client";
import wasm from "../pkg/labwire_wasm_bg.wasm?url";
import type { ExperimentFile, History, ProblemFile, Solved, SolveOrder } from "./worker";
import EngineWorker from "./worker?worker&inline";

export type { ExperimentFile, History, ProblemFile, Solved, SolveOrder } from "./worker";

/** Compiled once, for the page and its workers: once it is there, nothing more is asked of the server. */
export const compiled = WebAssembly.compileStreaming(fetch(wasm));

/** A worker with the engines in it. */
export class Engine {
  #worker = this.#start();
  #next = 0;
  #failure: Error | undefined;
  #waiting = new Map<number, { resolve: (value: any) => void; reject: (error: Error) => void; tell?: (news: any) => void }>();

  #start(): Worker {
    const worker = new EngineWorker();
    // Where it fails, the page says so.
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

  /** Waits until nothing is under way. What takes longer than `patience` milliseconds is given up, and all that was made. */
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

  /** The recording in a file; rejected with its fault. */
  recording(text: string): Promise<Recording> {
    return this.#ask("recording", [text]);
  }

  /** Does a recording again: how many steps it has, and which had another outcome. */
  replay(recording: Recording): Promise<{ count: number; differences: number[] }> {
    return this.#ask("replay", [recording]);
  }

  /** A recording as text. */
  written(recording: Recording): Promise<string> {
    return this.#ask("written", [recording]);
  }

  /** An object in the worker: calls methods and reads properties. */
  async make(kind: "Designer" | "Experiment" | "Simulator", ...args: unknown[]) {
    const id = await this.#ask<number>("make", [kind, ...args]);
    const worker = this.#worker;
    const ask = <T>(kind: string, ...rest: unknown[]): Promise<T> =>
      worker === this.#worker ? this.#ask<T>(kind, [id, ...rest]) : Promise.reject(new Error("given up"));
    return {
      call: <T>(name: string, ...rest: unknown[]) => ask<T>("call", name, ...rest),
      /** Of a simulator: what would be measured at each setting, a number for each channel. */
      curve: (settings: number[][]) =>
        ask<Float64Array[]>(
          "curve",
          settings.map((setting) => Float64Array.from(setting)),
        ),
      /** Of a designer: the utility as `largest` cuts it down. */
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

/** Solves, and reads files; it answers at any time. */
export const solving = new Engine();
/** May be at work for long. */
export const designing = new Engine();
