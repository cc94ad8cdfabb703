// PyMoDAQ's modules: moves, grabs and settings.
import type { ModuleAnswer, ModuleData, ModuleSetting } from "labwire-wasm";
import { type Bridge, PymodaqClient } from "labwire-wasm/client";
import { button, card, h, message, select, short } from "./dom";
import { HeatMap } from "./heat";
import { Plot } from "./plot";

/** Number of scalars drawn as a curve. */
const TRACE = 300;

export function modules(bridge: Bridge): HTMLElement {
  const client = new PymodaqClient(bridge);
  const list = h("div", { id: "modules" }, h("p", { className: "state", "data-state": "loading" }, "Asking for modules …"));
  const error = h("p", { className: "error", role: "alert" });
  const shown = new Map<string, HTMLElement>();
  const refresh = async () => {
    try {
      const answers = await client.request("list", [], undefined, { signal: AbortSignal.timeout(5000) });
      error.textContent = "";
      if (!answers.length) {
        shown.clear();
        list.replaceChildren(
          h("p", { className: "state", "data-state": "empty" }, "No module is connected. Start a simulated one:"),
          h("pre", {}, "labwire pymodaq instrument --as grabber"),
        );
        return;
      }
      const names = new Set(answers.map(({ module }) => module));
      for (const [name, element] of shown) {
        if (names.has(name)) continue;
        element.remove();
        shown.delete(name);
      }
      if (!shown.size) list.replaceChildren();
      for (const answer of answers) {
        if (shown.has(answer.module) || !answer.info) continue;
        const element = answer.info.kind === "ACTUATOR" ? actuator(client, answer) : detector(client, answer);
        shown.set(answer.module, element);
        list.append(element);
      }
    } catch (thrown) {
      error.textContent = `The modules cannot be reached: ${message(thrown)}. Trying again.`;
      shown.clear();
      list.replaceChildren();
    }
  };
  const poll = async () => {
    for (;;) {
      await refresh();
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  };
  void poll();
  return card("PyMoDAQ modules", error, list);
}

/** Card of a module, with its commands. */
function moduleCard(client: PymodaqClient, { module, info }: ModuleAnswer, ...children: Node[]) {
  const title = h("h3", {}, `${module} (${info?.generation}, ${info?.address})`);
  return h("div", { "data-module": module }, title, ...children, settingsOf(client, module));
}

function actuator(client: PymodaqClient, answer: ModuleAnswer): HTMLElement {
  const { module } = answer;
  const position = h("output", { className: "value" }, "position unknown");
  const target = h("input", { type: "number", step: "any", value: 10, "aria-label": `Target of ${module}` });
  target.style.width = "6rem";
  const error = h("p", { className: "error", role: "alert" });
  const run = async (command: string, argument?: string) => {
    error.textContent = "";
    try {
      const [answer] = await client.request(command, [module], argument);
      if (answer?.error) throw new Error(answer.error);
      if (answer?.position !== undefined) position.textContent = `${short(answer.position)} ${answer.units ?? ""}`;
    } catch (thrown) {
      error.textContent = message(thrown);
    }
  };
  void run("position");
  const controls = [
    button("Move to", () => void run("move_abs", target.value)),
    button("Move by", () => void run("move_rel", target.value)),
    button("Home", () => void run("home")),
    button("Stop", () => void run("stop")),
  ];
  return moduleCard(client, answer, h("div", { className: "row" }, position, target, ...controls), error);
}

function detector(client: PymodaqClient, answer: ModuleAnswer): HTMLElement {
  const { module } = answer;
  const error = h("p", { className: "error", role: "alert" });
  const view = h("div", {}, h("p", { className: "state", "data-state": "empty" }, "Nothing grabbed yet."));
  const drawing = new Drawing();
  let abort: AbortController | undefined;
  const draw = (data: ModuleData[]) => {
    const element = drawing.draw(data);
    if (view.firstChild !== element) view.replaceChildren(element);
  };
  /** Grabs `count` times, or until stopped. */
  const grab = async (count: number) => {
    if (abort) return abort.abort();
    error.textContent = "";
    const { signal } = (abort = new AbortController());
    once.disabled = true;
    live.textContent = "Stop";
    try {
      for await (const data of client.grabs(module, dim.value || undefined, { signal })) {
        draw(data);
        if (--count <= 0) break;
        await new Promise(requestAnimationFrame);
      }
    } catch (thrown) {
      if (!signal.aborted) error.textContent = `No data: ${message(thrown)}. Grab again to go on.`;
    }
    abort = undefined;
    once.disabled = false;
    live.textContent = "Live";
  };
  const dim = select(
    [
      ["", "as the module likes"],
      ["0D", "0D"],
      ["1D", "1D"],
      ["2D", "2D"],
    ],
    () => {},
    `Dimensions of ${module}`,
  );
  const once = button("Grab", () => void grab(1));
  const live = button("Live", () => void grab(Infinity));
  return moduleCard(client, answer, h("div", { className: "row" }, dim, once, live), error, view);
}

/** Settings of a module, read when they are opened and again after each change, so that they are the module's own. */
function settingsOf(client: PymodaqClient, module: string): HTMLElement {
  const list = h("div");
  const error = h("p", { className: "error", role: "alert" });
  const status = h("p", { className: "state", role: "status" });
  const load = async () => {
    try {
      const settings = await client.settings(module);
      if (!settings.length) status.textContent = "This module has no settings.";
      list.replaceChildren(...settings.map((setting) => settingRow(module, setting, (value) => void change(setting, value))));
    } catch (thrown) {
      status.textContent = "";
      error.textContent = `The settings are not known: ${message(thrown)}`;
    }
  };
  const change = async (setting: ModuleSetting, value: string) => {
    const name = setting.path.join("/");
    error.textContent = "";
    status.textContent = `Setting ${name} …`;
    try {
      const isConfirmed = await client.set(module, setting.path, value);
      status.textContent = isConfirmed ? `${name} is set.` : `${name} was sent; the module has not confirmed it.`;
    } catch (thrown) {
      status.textContent = "";
      error.textContent = `${name} was not set: ${message(thrown)}`;
    }
    await load();
  };
  const details = h("details", {}, h("summary", {}, "Settings"), list, status, error);
  details.ontoggle = () => {
    error.textContent = "";
    status.textContent = "";
    if (details.open) void load();
  };
  return details;
}

function settingRow(module: string, { path, title, kind, value, isReadOnly }: ModuleSetting, change: (value: string) => void) {
  const isSwitch = kind.includes("bool") || kind.includes("led");
  const type = isSwitch ? "checkbox" : /^(slide_)?int$|^(float|slide)$/.test(kind) ? "number" : "text";
  const name = path.join("/");
  const input = h("input", { type, value: kind === "list" ? choice(value) : value, step: "any", disabled: isReadOnly, "aria-label": `${name} of ${module}` });
  if (isSwitch) input.checked = ["1", "True", "true"].includes(value);
  input.onchange = () => change(isSwitch ? String(input.checked) : input.value);
  return h(
    "div",
    { className: "setting" },
    h("span", { title: name }, title || name),
    input,
    h("span", {}, isReadOnly ? `${kind}, read-only` : kind),
  );
}

/** Latest data of a module: numbers, a curve or an image. */
class Drawing {
  #trace: number[] = [];
  #plot: Plot | undefined;
  #image: HeatMap | undefined;

  draw(data: ModuleData[]): HTMLElement {
    const item = data.find(({ channels }) => channels.length);
    const channel = item?.channels[0];
    if (!item || !channel) return h("p", { className: "state", "data-state": "empty" }, "The module sent no data.");
    const label = withUnits(channel.label || item.name, item.units);
    const axis = (index: number, length: number, otherwise: string) => {
      const found = item.axes.find((axis) => axis.index === index && axis.values.length === length);
      if (found) return { label: withUnits(found.label || otherwise, found.units), values: found.values };
      return { label: otherwise, values: Array.from({ length }, (_, place) => place) };
    };
    if (channel.shape.length === 2 && channel.values.length > 1) {
      const [rows, columns] = channel.shape;
      this.#image ??= new HeatMap(`Image of ${item.name}`);
      this.#image.set({ x: axis(1, columns, "column"), y: axis(0, rows, "row"), label, values: channel.values, isImage: true });
      return this.#image.element;
    }
    const isNumber = channel.values.length === 1;
    if (isNumber) {
      this.#trace.push(channel.values[0]);
      if (this.#trace.length > TRACE) this.#trace.shift();
    }
    const x = isNumber ? { label: "grab", values: this.#trace.map((_, place) => place) } : axis(0, channel.values.length, "index");
    this.#plot ??= new Plot(`Data of ${item.name}`, x.label, [{ label, color: "accent" }], { height: 190 });
    this.#plot.set([x.values, isNumber ? this.#trace : channel.values]);
    return this.#plot.element;
  }
}

/** Value of a choice such as `str('fast')`. */
const choice = (value: string) => value.match(/^(?:str|int|float)\('?(.*?)'?\)$/)?.[1] ?? value;

const withUnits = (name: string, units: string) => (units ? `${name} / ${units}` : name);
