// Pictures of a run: measurements, utility, posterior, and the comparison with the scan.
import { h, short } from "./dom";
import type { ExperimentFile } from "./engine";
import { scanStep } from "./grid";
import { HeatMap } from "./heat";
import { histogram, Plot } from "./plot";
import { type Measured, MOST, type Run } from "./run";

/** View of a run. */
export interface View {
  /** Knobs of the axes; without `y` there is only one. */
  x: number;
  y?: number;
  /** Values of the other knobs. */
  slice: number[];
  channel: number;
  parameter: number;
}

export class Pictures {
  readonly data = new Plot("Measurements, truth and model", "setting", [
    { label: "measured", color: "second", points: true },
    { label: "measured elsewhere", color: "faint", points: true },
    { label: "truth", color: "third" },
    { label: "model at the mean", color: "accent" },
  ]);
  readonly utility = new Plot("Utility of every setting", "setting", [{ label: "utility", color: "accent", fill: true }], { height: 150 });
  readonly map = new HeatMap("Utility of every setting");
  readonly utilityNote = h("p", { className: "state", id: "utility-note" });
  readonly posterior = new Plot(
    "Posterior of the parameter",
    "parameter",
    [{ label: "probability density", color: "accent", fill: true, steps: true }],
    { height: 170 },
  );
  readonly posteriorNote = h("p", { className: "state" });
  readonly race = new Plot(
    "Standard deviation by number of measurements",
    "measurements",
    [
      { label: "designed", color: "accent" },
      { label: "scan", color: "second" },
    ],
    { log: true, whole: true },
  );
  readonly scanNote = h("p", { className: "state" });
  readonly knowledge = h("div", { id: "knowledge" });

  /** Draws everything, unless `isWanted` becomes false in the meantime. */
  async draw(run: Run, view: View, isWanted: () => boolean) {
    const { chooser, scan, file, measured, spread } = run;
    const { mean, std } = await chooser.knowledge();
    const scanned = await scan.knowledge();
    const useful = await chooser.utility(view.x, view.y);
    const particles = await chooser.particles(view.parameter);
    const along = file.knobs[view.x].values.map((value) => view.slice.map((at, knob) => (knob === view.x ? value : at)));
    const curves = await run.curves(along, mean);
    if (!isWanted()) return;
    this.#data(file, view, measured, curves);
    this.#utility(file, view, measured, useful);
    const name = file.parameters[view.parameter];
    this.posterior.element.hidden = !particles;
    this.posteriorNote.textContent = particles
      ? ""
      : "The server's particles are too many to be fetched: see mean and standard deviation above.";
    if (particles) this.posterior.set(histogram(...particles), name);
    const step = scanStep(file.settings, MOST);
    this.scanNote.textContent = `The scan measures at ${step === 1 ? "all settings" : `one of ${step.toLocaleString("en")} settings`}, in turn.`;
    const designed = spread.designed.map((of) => of[view.parameter]);
    this.race.set([designed.map((_, index) => index + 1), designed, spread.scanned.map((of) => of[view.parameter])]);
    const row = (name: string, at: number) => [
      name,
      short(run.truth[at]),
      `${short(mean[at])} ± ${short(std[at])}`,
      `${short(scanned.mean[at])} ± ${short(scanned.std[at])}`,
    ];
    const cells = (row: string[]) => h("tr", {}, ...row.map((text, column) => h(column ? "td" : "th", {}, text)));
    const heads = ["parameter", "truth", "designed", "scan"].map((name) => h("th", { scope: "col" }, name));
    this.knowledge.replaceChildren(
      h("table", {}, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...file.parameters.map((name, at) => cells(row(name, at))))),
    );
  }

  #data(file: ExperimentFile, { x, slice, channel }: View, measured: Measured[], [truth, model]: [Float64Array[], Float64Array[]]) {
    const isHere = (setting: number[]) => setting.every((value, knob) => knob === x || value === slice[knob]);
    type Row = [x: number, here: number | null, elsewhere: number | null, truth: number | null, model: number | null];
    const points = measured.map(({ setting, values }): Row => {
      const value = values[channel];
      return isHere(setting) ? [setting[x], value, null, null, null] : [setting[x], null, value, null, null];
    });
    const curve = file.knobs[x].values.map((at, index): Row => [at, null, null, truth[index][channel], model[index][channel]]);
    const rows = [...points, ...curve].sort((a, b) => a[0] - b[0]);
    this.data.set([0, 1, 2, 3, 4].map((column) => rows.map((row) => row[column])) as number[][], file.knobs[x].name);
  }

  #utility({ knobs, settings }: ExperimentFile, { x, y }: View, measured: Measured[], useful: ArrayLike<number> | undefined) {
    const others = knobs.filter((_, knob) => knob !== x && knob !== y).map(({ name }) => name);
    const largest = others.length ? `The largest over ${others.join(" and ")}. ` : "";
    const count = settings.toLocaleString("en");
    this.utilityNote.textContent = useful
      ? `${largest}${count} settings${y === undefined ? "" : "; squares: the last measurements"}.`
      : `The server's utility of ${count} settings is too much to be fetched. The designer in this page shows it.`;
    this.utility.element.hidden = !useful || y !== undefined;
    this.map.element.hidden = !useful || y === undefined;
    if (!useful) return;
    if (y === undefined) return this.utility.set([knobs[x].values, Array.from(useful)], knobs[x].name);
    const nearest = (knob: number, value: number) =>
      knobs[knob].values.reduce((best, at, place, all) => (Math.abs(at - value) < Math.abs(all[best] - value) ? place : best), 0);
    const marks = measured.slice(-10).map(({ setting }): [number, number] => [nearest(x, setting[x]), nearest(y, setting[y])]);
    const axis = (knob: number) => ({ label: knobs[knob].name, values: knobs[knob].values });
    this.map.set({ x: axis(x), y: axis(y), label: "utility", values: useful, marks });
  }
}
