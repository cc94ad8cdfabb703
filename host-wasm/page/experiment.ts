// The designer chooses where a simulated instrument measures, against a scan of all settings in turn.
import { exampleExperiment } from "labwire-wasm";
import type { Bridge } from "labwire-wasm/client";
import { type ServerRun, Watched } from "./chooser";
import { button, card, h, message, select, short, table } from "./dom";
import { Editor } from "./editor";
import { designing as engine, type ExperimentFile, readExperiment } from "./engine";
import { Pictures, type View } from "./pictures";
import { MOST, Run } from "./run";

const EXAMPLES = {
  "Resonance dip": "dip",
  "Lorentzian peak": "lorentzian",
  "Straight line, unknown noise": "line",
  "Coil: two channels, unknown noise": "coil",
  "Rabi oscillation: two knobs": "rabi",
};

const counted = ({ measured: { length } }: Run) => `${length} ${length === 1 ? "measurement" : "measurements"} each.`;

const called = ({ run, experiment, measurements }: ServerRun) =>
  `run ${run} of “${experiment}” with ${measurements} ${measurements === 1 ? "measurement" : "measurements"}`;

/** Interval at which a run of somebody else is looked at. */
const WATCH_MS = 2000;
/** Time that pending work may continue when a new run begins. */
const PATIENCE_MS = 1000;

export function experiment(bridge: Bridge): HTMLElement {
  let file: ExperimentFile | undefined;
  let run: Run | undefined;
  let isRunning = false;
  let generation = 0;
  /** Run on the server that this page has begun. */
  let mineOnServer: number | undefined;
  let view: View = { x: 0, slice: [], channel: 0, parameter: 0 };
  /** Whether the other knobs follow the last measurement, until the user moves them. */
  let follows = true;

  const error = h("p", { className: "error", role: "alert" });
  const status = h("p", { className: "state", role: "status", id: "experiment-status" });
  const pictures = new Pictures();
  const holds = h("p", { className: "state" });
  const seed = h("input", { type: "number", value: 1, min: 0, step: 1, onchange: () => void begin() });
  seed.style.width = "5rem";
  const where = select(
    [
      ["here", "in this page"],
      ["server", "on the server (OBE)"],
    ],
    () => void begin(),
    "Designer",
  );
  const look = (choose: (at: number) => void) => (value: string) => {
    if (!run) return;
    choose(Number(value));
    lookAgain();
    void redraw();
  };
  const xKnob = select(
    [],
    look((x) => (view = { ...view, x, y: view.y === x ? view.x : view.y })),
    "Knob on the x axis",
  );
  const yKnob = select(
    [],
    look((y) => (view = { ...view, y, x: view.x === y ? view.y! : view.x })),
    "Knob on the y axis",
  );
  const channel = select(
    [],
    look((at) => (view.channel = at)),
    "Channel",
  );
  const parameter = select(
    [],
    look((at) => (view.parameter = at)),
    "Parameter",
  );
  const slices = h("div");
  const start = button("Run", () => void toggle(), { className: "primary" });
  const one = button("One measurement", () => void measure(1));
  const anew = button("Begin anew", () => void begin());
  const found = h("div", { className: "columns" });
  const watched = h("div", { className: "stack", id: "experiment-watched", hidden: true });

  const editor = new Editor<ExperimentFile>({
    id: "experiment-file",
    label: "Experiment file",
    rows: 12,
    examples: Object.entries(EXAMPLES).map(([title, name]) => [title, exampleExperiment(name)!]),
    // The designer may be busy for a long time.
    check: readExperiment,
    onChange: (now) => {
      file = now;
      if (file) {
        const { knobs, parameters, channels, settings, particles } = file;
        const counts = knobs.map(({ name, count }) => `${name} (${count.toLocaleString("en")})`).join(" × ");
        holds.textContent = `${file.name}: ${counts}, ${settings.toLocaleString("en")} settings; ${parameters.length} parameters; ${channels === 1 ? "1 channel" : `${channels} channels`}; ${particles.toLocaleString("en")} particles.`;
      } else holds.textContent = "";
      void begin();
    },
  });

  function fail(thrown: unknown) {
    isRunning = false;
    start.textContent = "Run";
    say("");
    error.textContent = message(thrown);
    if (where.value !== "server") return;
    error.textContent = `The server's designer does not go on: ${message(thrown)}. Choose the designer in this page, or begin anew.`;
    // A server that comes back may design another experiment: this run is over, but its results stay visible.
    generation++;
    run?.end();
    run = undefined;
    start.disabled = one.disabled = true;
  }

  function say(text: string, state?: string) {
    status.textContent = text;
    if (state) status.dataset.state = state;
    else delete status.dataset.state;
  }

  /**
   * Shows the run that the server is in, if it has measurements and this page has not begun it, and asks before another
   * takes its place. Returns whether a run may begin.
   */
  async function mayBegin(mine: number): Promise<boolean> {
    const watching = new Watched(bridge);
    const there = await watching.run().catch((thrown) => {
      watching.close();
      throw thrown;
    });
    if (there.measurements === 0 || there.run === mineOnServer) {
      watching.close();
      return true;
    }
    return new Promise((resolve, reject) => {
      let current = there;
      const values = h("div");
      const question = h("p", { role: "alert" });
      let timer: ReturnType<typeof setTimeout> | undefined;
      const end = () => {
        clearTimeout(timer);
        watching.close();
        // Another call may show a run in the meantime.
        if (mine === generation) watched.hidden = true;
      };
      const answer = (may: boolean) => {
        end();
        resolve(may);
      };
      const sure = button("End it for everybody and begin another", () => answer(true));
      const ask = button("Begin another run", () => {
        question.textContent = `Another run would end ${called(current)}, for every client of the server. It is kept: “labwire obe resume ${current.run}” goes on with it.`;
        sure.hidden = false;
        ask.hidden = true;
      });
      sure.hidden = true;
      watched.replaceChildren(values, question, h("div", { className: "row" }, ask, sure));
      watched.hidden = false;
      const look = async () => {
        try {
          if (mine !== generation) return answer(false);
          const now = await watching.run();
          const [names, { mean, std }] = await watching.knowledge(now);
          if (mine !== generation) return answer(false);
          // A question is about the run that it names.
          if (now.run !== current.run) [question.textContent, sure.hidden, ask.hidden] = ["", true, false];
          current = now;
          say(`The server is in ${called(now)}, which this page only watches.`);
          values.replaceChildren(table(Object.fromEntries(names.map((name, at) => [name, `${short(mean[at])} ± ${short(std[at])}`]))));
          timer = setTimeout(look, WATCH_MS);
        } catch (thrown) {
          end();
          reject(thrown);
        }
      };
      void look();
    });
  }

  let last: Promise<void> = Promise.resolve();
  /** Ends the current run and begins one with the current file; of several calls, the last counts. */
  function begin() {
    const mine = ++generation;
    isRunning = false;
    start.textContent = "Run";
    start.disabled = one.disabled = true;
    anew.disabled = !file;
    error.textContent = "";
    found.hidden = pictures.knowledge.hidden = watched.hidden = true;
    say(file ? "Drawing particles from the priors …" : "Once the file is right, a run begins here.", file ? "loading" : "empty");
    run?.end();
    run = undefined;
    last = Promise.all([last, engine.settle(PATIENCE_MS)]).then(async () => {
      if (mine !== generation || !file) return;
      // Whoever looks at the server's run does not keep others from beginning here.
      if (where.value === "server") void beginServed(mine);
      else await beginWith(mine);
    });
  }

  async function beginServed(mine: number) {
    try {
      if (!(await mayBegin(mine))) return;
      last = last.then(() => (mine === generation ? beginWith(mine, bridge) : undefined));
    } catch (thrown) {
      if (mine === generation) fail(thrown);
    }
  }

  /** Begins a run with the current file. */
  async function beginWith(mine: number, server?: Bridge) {
    if (!file) return;
    try {
      const number = BigInt(Math.abs(Math.trunc(Number(seed.value))) || 0);
      const begun = await Run.begin(editor.text, file, number, server);
      mineOnServer = begun.number ?? mineOnServer;
      if (mine !== generation) return begun.end();
      run = begun;
      offer(file);
      found.hidden = pictures.knowledge.hidden = false;
      await draw();
      if (mine !== generation) return;
      say("No measurement yet.");
      start.disabled = one.disabled = false;
    } catch (thrown) {
      if (mine === generation) fail(thrown);
    }
  }

  /** Fills the controls with the choices. */
  function offer({ knobs, parameters, channels }: ExperimentFile) {
    const middle = knobs.map(({ values }) => values[values.length >> 1]);
    view = { x: 0, y: knobs.length > 1 ? 1 : undefined, slice: middle, channel: 0, parameter: 0 };
    follows = true;
    const fill = (element: HTMLSelectElement, names: string[]) => {
      element.replaceChildren(...names.map((name, index) => h("option", { value: String(index) }, name)));
      element.parentElement!.hidden = names.length < 2;
    };
    for (const element of [xKnob, yKnob])
      fill(
        element,
        knobs.map(({ name }) => name),
      );
    fill(
      channel,
      Array.from({ length: channels }, (_, index) => `${index + 1} of ${channels}`),
    );
    fill(parameter, parameters);
    lookAgain();
  }

  function lookAgain() {
    xKnob.value = String(view.x);
    yKnob.value = String(view.y);
    const { knobs } = run!.file;
    slices.replaceChildren(
      ...knobs.flatMap(({ name, values }, knob) => {
        if (knob === view.x) return [];
        const output = h("output");
        const range = h("input", {
          type: "range",
          min: 0,
          max: values.length - 1,
          "data-knob": knob,
          "aria-label": `${name}, where the curves are`,
        });
        range.oninput = () => {
          follows = false;
          view.slice[knob] = values[Number(range.value)];
          if (!run) return;
          place();
          void redraw();
        };
        return [h("div", { className: "slider" }, h("span", {}, `at ${name} =`), range, output)];
      }),
    );
    place();
  }

  /** Moves the sliders to the slice. */
  function place() {
    for (const range of slices.querySelectorAll("input")) {
      const { values } = run!.file.knobs[Number(range.dataset.knob)];
      const at = view.slice[Number(range.dataset.knob)];
      const nearest = values.reduce((best, value, index) => (Math.abs(value - at) < Math.abs(values[best] - at) ? index : best), 0);
      range.value = String(nearest);
      range.nextElementSibling!.textContent = short(at);
    }
  }

  async function draw() {
    const current = run;
    if (current) await pictures.draw(current, { ...view, slice: [...view.slice] }, () => current === run);
  }

  let isDrawing = false;
  let wantsDrawing = false;
  /** Draws the current view; requests in the meantime are merged into one. */
  async function redraw() {
    wantsDrawing = true;
    if (isDrawing) return;
    isDrawing = true;
    const mine = generation;
    try {
      for (; wantsDrawing; await draw()) wantsDrawing = false;
    } catch (thrown) {
      // Nothing can be drawn of a run that has ended in the meantime.
      if (mine === generation) fail(thrown);
    }
    isDrawing = false;
  }

  async function measure(count: number) {
    const mine = generation;
    const current = run;
    if (!current) return;
    one.disabled = true;
    isRunning = true;
    try {
      for (; count > 0 && isRunning && mine === generation && current.measured.length < MOST; count--) {
        if (current.file.settings > 100_000)
          say(`${counted(current)} Choosing among ${current.file.settings.toLocaleString("en")} settings …`, "loading");
        await current.step();
        if (mine !== generation) return;
        if (follows) view.slice = [...current.measured.at(-1)!.setting];
        place();
        await draw();
        say(counted(current));
      }
    } catch (thrown) {
      if (mine === generation) fail(thrown);
    }
    if (mine !== generation) return;
    isRunning = false;
    start.textContent = "Run";
    one.disabled = false;
  }

  async function toggle() {
    if (isRunning) return void (isRunning = false);
    start.textContent = "Pause";
    await measure(Infinity);
  }

  const labelled = (text: string, element: HTMLElement) => h("label", {}, text, element);
  found.append(
    card(
      "Measurements",
      h("div", { className: "row" }, labelled("x axis", xKnob), labelled("y axis of the utility", yKnob), labelled("channel", channel)),
      slices,
      pictures.data.element,
      h("h3", {}, "Utility: where a measurement would tell most"),
      pictures.utility.element,
      pictures.map.element,
      pictures.utilityNote,
    ),
    card(
      "Posterior",
      h("div", { className: "row" }, labelled("parameter", parameter)),
      pictures.posterior.element,
      pictures.posteriorNote,
      h("h3", {}, "Its standard deviation, against a scan"),
      pictures.race.element,
      pictures.scanNote,
    ),
  );
  editor.example(Object.keys(EXAMPLES)[0]);
  return h(
    "section",
    { className: "stack" },
    h(
      "div",
      { className: "columns" },
      card("Experiment", editor.element, holds),
      card(
        "Run",
        h("div", { className: "row" }, labelled("designer", where), labelled("seed", seed)),
        h("div", { className: "row" }, start, one, anew),
        error,
        status,
        watched,
        pictures.knowledge,
      ),
    ),
    found,
  );
}
