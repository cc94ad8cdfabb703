// The designer chooses where a simulated instrument measures, against a scan of all settings in turn.
import { exampleExperiment } from "labwire-wasm";
import { type Bridge, ObeClient } from "labwire-wasm/client";
import { button, card, h, message, select, short } from "./dom";
import { designing as engine, type Remote } from "./engine";
import { histogram, Plot } from "./plot";

const EXAMPLES: [name: string, text: string][] = [
  ["dip", "Resonance dip"],
  ["lorentzian", "Lorentzian peak"],
  ["line", "Straight line, unknown noise"],
];

/** What is known after some measurements. */
interface Knowledge {
  mean: number[];
  std: number[];
}

/** Who says where to measure: a designer in this page, or the server's. */
interface Chooser {
  suggest(): Promise<number[]>;
  update(setting: number[], values: number[]): Promise<void>;
  knowledge(): Promise<Knowledge>;
  utility(): Promise<ArrayLike<number>>;
  particles(parameter: number): Promise<[ArrayLike<number>, ArrayLike<number>]>;
  close(): void;
}

class Local implements Chooser {
  constructor(private readonly designer: Remote) {}
  suggest = async () => Array.from(await this.designer.call<Float64Array>("suggest"));
  update = (setting: number[], values: number[]) => this.designer.call<void>("update", setting, values);
  knowledge = async () => ({
    mean: Array.from(await this.designer.call<Float64Array>("mean")),
    std: Array.from(await this.designer.call<Float64Array>("std")),
  });
  utility = () => this.designer.call<Float64Array>("utility");
  particles = async (parameter: number): Promise<[Float64Array, Float64Array]> => [
    await this.designer.call("particles", parameter),
    await this.designer.call("weights"),
  ];
  close = () => void this.designer.free();
}

class Served implements Chooser {
  readonly #client: ObeClient;
  constructor(bridge: Bridge) {
    this.#client = new ObeClient(bridge);
  }
  begin = (text: string) => this.#client.command("newrun", { experiment: JSON.parse(text) });
  suggest = () => this.#client.command("optset");
  update = (x: number[], y: number[]) => this.#client.command("newdat", { x, y });
  knowledge = async () => ({ mean: await this.#client.command("getmean"), std: await this.#client.command("getstd") });
  utility = () => this.#client.command("utility");
  particles = async (parameter: number): Promise<[number[], number[]]> => {
    const particles = await this.#client.command("getpar");
    return [particles[parameter], await this.#client.command("getwgt")];
  };
  close = () => this.#client.close();
}

/** One run: an instrument, the designer with its measurements, and a scan with as many of its own. */
interface Run {
  chooser: Chooser;
  scan: Local;
  instrument: Remote;
  scanInstrument: Remote;
  /** What the instrument gives without noise. */
  exact: Remote;
  settings: number[];
  truth: number[];
  names: string[];
  text: string;
  measured: [number, number][];
  scanned: number;
  spread: { designed: number[]; scanned: number[] };
}

export function experiment(bridge: Bridge): HTMLElement {
  let run: Run | undefined;
  let isRunning = false;
  let generation = 0;

  const error = h("p", { className: "error", role: "alert" });
  const status = h("p", { className: "state", role: "status", id: "experiment-status" });
  const data = new Plot("Measurements, truth and model", "setting", [
    { label: "measured", color: "second", points: true },
    { label: "truth", color: "faint" },
    { label: "model at the mean", color: "accent" },
  ]);
  const utility = new Plot("Utility of every setting", "setting", [{ label: "utility", color: "third", fill: true }], { height: 150 });
  const posterior = new Plot("Posterior of the parameter", "parameter", [{ label: "posterior", color: "accent", fill: true, steps: true }], { height: 170 });
  const race = new Plot("Standard deviation by number of measurements", "measurements", [
    { label: "designed", color: "accent" },
    { label: "scan", color: "second" },
  ], { log: true });
  const results = h("div", { id: "knowledge" });
  const seed = h("input", { type: "number", value: 1, min: 0, step: 1 });
  seed.style.width = "5rem";
  const which = select(EXAMPLES, () => void begin(), "Experiment");
  const where = select([["here", "in this page"], ["server", "on the server (OBE)"]], () => void begin(), "Designer");
  const shownParameter = select([], () => void draw(), "Parameter");
  const start = button("Run", () => toggle(), { className: "primary" });
  const one = button("One measurement", () => void step().then(draw).catch(fail));

  function fail(thrown: unknown) {
    isRunning = false;
    start.textContent = "Run";
    status.textContent = "";
    status.removeAttribute("data-state");
    error.textContent = where.value === "server" ? `The server's designer does not go on: ${message(thrown)}. Choose the designer in this page, or begin anew.` : message(thrown);
  }

  function end(old: Run | undefined) {
    if (!old) return;
    old.chooser.close();
    old.scan.close();
    for (const remote of [old.instrument, old.scanInstrument, old.exact]) void remote.free();
  }

  async function begin() {
    const mine = ++generation;
    isRunning = false;
    start.textContent = "Run";
    start.disabled = one.disabled = true;
    error.textContent = "";
    status.dataset.state = "loading";
    status.textContent = "Drawing particles from the priors …";
    end(run);
    run = undefined;
    try {
      const text = exampleExperiment(which.value)!;
      const number = BigInt(Math.abs(Math.trunc(Number(seed.value))) || 0);
      const instrument = await engine.make("Simulator", text, undefined, undefined, number);
      const truth = Array.from(await instrument.call<Float64Array>("truth"));
      const scan = await engine.make("Designer", text, number);
      const local = await engine.make("Designer", text, number);
      const names = await local.call<string[]>("parameters");
      const settings = Array.from(await local.call<Float64Array>("knobValues", 0));
      let chooser: Chooser = new Local(local);
      if (where.value === "server") {
        chooser.close();
        const served = new Served(bridge);
        chooser = served;
        await served.begin(text);
      }
      if (mine !== generation) return chooser.close();
      run = {
        chooser,
        scan: new Local(scan),
        instrument,
        scanInstrument: await engine.make("Simulator", text, Float64Array.from(truth), undefined, number + 1n),
        exact: await engine.make("Simulator", text, Float64Array.from(truth), undefined, number),
        settings,
        truth,
        names,
        text,
        measured: [],
        scanned: 0,
        spread: { designed: [], scanned: [] },
      };
      shownParameter.replaceChildren(...names.map((name, index) => h("option", { value: String(index) }, name)));
      status.removeAttribute("data-state");
      status.textContent = "No measurement yet.";
      start.disabled = one.disabled = false;
      await draw();
    } catch (thrown) {
      fail(thrown);
    }
  }

  async function step() {
    const current = run;
    if (!current) return;
    const { chooser, scan, instrument, scanInstrument, measured, settings, spread } = current;
    const setting = await chooser.suggest();
    const values = Array.from(await instrument.call<Float64Array>("measure", setting));
    await chooser.update(setting, values);
    measured.push([setting[0], values[0]]);
    const next = [settings[current.scanned++ % settings.length]];
    await scan.update(next, Array.from(await scanInstrument.call<Float64Array>("measure", next)));
    const parameter = Number(shownParameter.value) || 0;
    spread.designed.push((await chooser.knowledge()).std[parameter]);
    spread.scanned.push((await scan.knowledge()).std[parameter]);
  }

  async function draw() {
    const current = run;
    if (!current) return;
    const { chooser, scan, exact, settings, truth, names, measured, spread } = current;
    const parameter = Number(shownParameter.value) || 0;
    const [{ mean, std }, scanned, useful, [samples, weights]] = [
      await chooser.knowledge(),
      await scan.knowledge(),
      await chooser.utility(),
      await chooser.particles(parameter),
    ];
    const curve = async (remote: Remote) => {
      const values = await Promise.all(settings.map((setting) => remote.call<Float64Array>("exact", [setting])));
      return values.map((value) => value[0]);
    };
    const model = await engine.make("Simulator", current.text, Float64Array.from(mean), undefined, 0n);
    const [truthCurve, modelCurve] = [await curve(exact), await curve(model)];
    void model.free();
    if (current !== run) return;
    const x = [...new Set([...settings, ...measured.map(([at]) => at)])].sort((a, b) => a - b);
    const at = new Map(x.map((value, index) => [value, index]));
    const points = new Array<number | null>(x.length).fill(null);
    // Of several measurements at a setting the plot has room for the last.
    for (const [setting, value] of measured) points[at.get(setting)!] = value;
    const onGrid = (values: number[]) => {
      const all = new Array<number | null>(x.length).fill(null);
      settings.forEach((setting, index) => (all[at.get(setting)!] = values[index]));
      return all;
    };
    data.set([x, points, onGrid(truthCurve), onGrid(modelCurve)]);
    utility.set([settings, Array.from(useful)]);
    posterior.set(histogram(samples, weights));
    race.set([spread.designed.map((_, index) => index + 1), spread.designed, spread.scanned]);
    const row = (name: string, index: number) =>
      h(
        "tr",
        {},
        ...[name, short(truth[index]), `${short(mean[index])} ± ${short(std[index])}`, `${short(scanned.mean[index])} ± ${short(scanned.std[index])}`].map(
          (text, column) => h(column ? "td" : "th", {}, text),
        ),
      );
    const heads = ["", "truth", "designed", "scan"].map((name) => h("th", { scope: "col" }, name));
    results.replaceChildren(h("table", {}, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...names.map(row))));
    if (measured.length) status.textContent = `${measured.length} measurements each.`;
  }

  async function toggle() {
    isRunning = !isRunning;
    start.textContent = isRunning ? "Pause" : "Run";
    const mine = generation;
    try {
      while (isRunning && mine === generation && run) {
        await step();
        await draw();
        if (run && run.measured.length >= 1000) isRunning = false;
      }
    } catch (thrown) {
      fail(thrown);
    }
    if (mine === generation) start.textContent = isRunning ? "Pause" : "Run";
  }

  seed.onchange = () => void begin();
  void begin();
  return h(
    "section",
    { className: "stack" },
    card(
      "Experiment",
      h("div", { className: "row" }, which, h("label", {}, "designer", where), h("label", {}, "seed", seed)),
      h("div", { className: "row" }, start, one, button("Begin anew", () => void begin())),
      error,
      status,
      results,
    ),
    h(
      "div",
      { className: "columns" },
      card("Measurements", data.element, h("h3", {}, "Utility: where a measurement would tell most"), utility.element),
      card("Posterior", h("div", { className: "row" }, h("label", {}, "parameter", shownParameter)), posterior.element, h("h3", {}, "Its standard deviation, against a scan"), race.element),
    ),
  );
}
