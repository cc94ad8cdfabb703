// Choice of the next setting: by a designer in this page, or by the server's.
import { type Bridge, ObeClient } from "labwire-wasm/client";
import type { ExperimentFile, RemoteDesigner } from "./engine";
import { largest } from "./grid";

/** Knowledge after some measurements. */
export interface Knowledge {
  mean: number[];
  std: number[];
}

export interface Chooser {
  suggest(): Promise<number[]>;
  update(setting: number[], values: number[]): Promise<void>;
  knowledge(): Promise<Knowledge>;
  /** Largest utility over all other knobs, see `largest`; undefined if that would be too many numbers. */
  utility(x: number, y?: number): Promise<ArrayLike<number> | undefined>;
  /** Values of a parameter, and their weights; undefined if that would be too many numbers. */
  particles(parameter: number): Promise<[ArrayLike<number>, ArrayLike<number>] | undefined>;
  close(): void;
}

/** Most numbers requested from a server for one picture. As text, this many take the page 50 ms. */
const ASKED = 300_000;

export class Local implements Chooser {
  constructor(
    private readonly designer: RemoteDesigner,
    private readonly file: ExperimentFile,
  ) {}
  suggest = async () => Array.from(await this.designer.suggest());
  update = (setting: number[], values: number[]) => this.designer.update(setting, values);
  knowledge = async () => ({
    mean: Array.from(await this.designer.mean()),
    std: Array.from(await this.designer.std()),
  });
  utility = async (x: number, y?: number) => largest(await this.designer.utility(), countsOf(this.file), x, y);
  particles = async (parameter: number): Promise<[Float64Array, Float64Array]> => [
    await this.designer.particles(parameter),
    await this.designer.weights(),
  ];
  close = () => this.designer.free();
}

/** Run that a server keeps. */
export interface ServerRun {
  run: number;
  experiment: string;
  measurements: number;
}

/** Run that is the server's default one, as everybody knows it. */
export class Watched {
  readonly #client: ObeClient;
  constructor(bridge: Bridge) {
    this.#client = new ObeClient(bridge);
  }
  run = async (): Promise<ServerRun> =>
    (await this.#client.command("runs")).find((run: ServerRun & { default: boolean }) => run.default);
  /** Names, means and standard deviations of a run's parameters. */
  knowledge = async ({ run }: ServerRun): Promise<[string[], Knowledge]> => [
    (await this.#client.command("status", { run })).parameters,
    { mean: await this.#client.command("getmean", { run }), std: await this.#client.command("getstd", { run }) },
  ];
  close = () => this.#client.close();
}

/** Run of this page on a server, which it keeps to if somebody begins another. */
export class Served implements Chooser {
  readonly #client: ObeClient;
  #run = 0;
  constructor(
    bridge: Bridge,
    private readonly file: ExperimentFile,
  ) {
    this.#client = new ObeClient(bridge);
  }
  get run(): number {
    return this.#run;
  }
  #ask = (command: string, further: object = {}) => this.#client.command(command, { ...further, run: this.#run });
  begin = async (text: string) => {
    // One behind the other, so that nothing comes between them.
    const begun = this.#client.command("newrun", { experiment: JSON.parse(text) });
    const [, { run }] = await Promise.all([begun, this.#client.command("status")]);
    this.#run = run;
  };
  suggest = () => this.#ask("optset");
  update = (x: number[], y: number[]) => this.#ask("newdat", { x, y });
  knowledge = async () => ({ mean: await this.#ask("getmean"), std: await this.#ask("getstd") });
  utility = async (x: number, y?: number) => {
    if (this.file.settings > ASKED) return undefined;
    return largest(await this.#ask("utility"), countsOf(this.file), x, y);
  };
  particles = async (parameter: number): Promise<[number[], number[]] | undefined> => {
    if (this.file.particles * this.file.parameters.length > ASKED) return undefined;
    return [(await this.#ask("getpar"))[parameter], await this.#ask("getwgt")];
  };
  close = () => this.#client.close();
}

const countsOf = ({ knobs }: ExperimentFile) => knobs.map(({ count }) => count);
