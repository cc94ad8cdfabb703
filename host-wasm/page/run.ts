// Run of an experiment: an instrument, a designer with its measurements, and a scan with as many of its own.
import type { Bridge } from "labwire-wasm/client";
import { type Chooser, Local, Served } from "./chooser";
import { designing as engine, type ExperimentFile, type RemoteExperiment, type RemoteSimulator } from "./engine";
import { scanStep } from "./grid";

/** Largest number of measurements of a run. */
export const MOST = 1000;

export interface Measured {
  setting: number[];
  values: number[];
}

export class Run {
  readonly measured: Measured[] = [];
  /** Standard deviation of each parameter after each measurement. */
  readonly spread: { designed: number[][]; scanned: number[][] } = { designed: [], scanned: [] };
  #scanned = 0;

  private constructor(
    readonly text: string,
    readonly file: ExperimentFile,
    readonly chooser: Chooser,
    readonly scan: Chooser,
    readonly truth: number[],
    private readonly parts: { grid: RemoteExperiment; instrument: RemoteSimulator; scanned: RemoteSimulator; exact: RemoteSimulator },
  ) {}

  /** Number of the run on the server that designs. */
  get number(): number | undefined {
    return this.chooser instanceof Served ? this.chooser.run : undefined;
  }

  /** @param bridge to the server that designs; without it, this page does */
  static async begin(text: string, file: ExperimentFile, seed: bigint, bridge?: Bridge): Promise<Run> {
    const served = bridge && new Served(bridge, file);
    await served?.begin(text);
    const instrument = await engine.simulator(text, undefined, undefined, seed);
    const truth = await instrument.truth();
    const copy = (seed: bigint) => engine.simulator(text, truth, undefined, seed);
    const parts = { grid: await engine.experiment(text), instrument, scanned: await copy(seed + 1n), exact: await copy(seed) };
    const local = async () => new Local(await engine.designer(text, seed), file);
    const [scan, chooser] = [await local(), served ?? (await local())];
    return new Run(text, file, chooser, scan, Array.from(truth), parts);
  }

  /** Takes one measurement for the designer, and one for the scan. */
  async step(): Promise<void> {
    const { chooser, scan, parts, spread } = this;
    const setting = await chooser.suggest();
    const values = Array.from(await parts.instrument.measure(setting));
    await chooser.update(setting, values);
    this.measured.push({ setting, values });
    const place = (this.#scanned++ * scanStep(this.file.settings, MOST)) % this.file.settings;
    const next = Array.from(await parts.grid.setting(place));
    await scan.update(next, Array.from(await parts.scanned.measure(next)));
    spread.designed.push((await chooser.knowledge()).std);
    spread.scanned.push((await scan.knowledge()).std);
  }

  /** Values of the instrument without noise, and those of the model with these parameters. */
  async curves(settings: number[][], parameters: number[]): Promise<[Float64Array[], Float64Array[]]> {
    const model = await engine.simulator(this.text, parameters, undefined, 0);
    const { channels } = this.file;
    const curve = async (simulator: RemoteSimulator) => {
      const values = await simulator.curve(settings.flat());
      return settings.map((_, index) => values.subarray(index * channels, (index + 1) * channels));
    };
    const curves: [Float64Array[], Float64Array[]] = [await curve(this.parts.exact), await curve(model)];
    model.free();
    return curves;
  }

  end(): void {
    this.chooser.close();
    this.scan.close();
    for (const remote of Object.values(this.parts)) remote.free();
  }
}
