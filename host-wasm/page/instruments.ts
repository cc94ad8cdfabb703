// A device's console, PyMoDAQ's modules, and requests to ZEISS INSPECT.
import type { ModuleAnswer, ModuleData } from "labwire-wasm";
import { type Bridge, DeviceClient, PymodaqClient, ZeissClient } from "labwire-wasm/client";
import { button, color, h, message, select, short } from "./dom";
import { Plot } from "./plot";

export function instruments(bridge: Bridge): HTMLElement {
  return h(
    "section",
    {},
    h("div", { className: "columns" }, device(bridge), modules(bridge), zeiss(bridge)),
  );
}

function card(title: string, ...children: (Node | string)[]) {
  return h("div", { className: "card" }, h("h2", {}, title), ...children);
}

function device(bridge: Bridge): HTMLElement {
  const lamp = h("span", { className: "lamp", role: "status", id: "device-lamp", "data-state": "loading" }, "connecting");
  const log = h("div", { className: "log", role: "log", tabIndex: 0, "aria-label": "Device log" });
  const line = h("input", { className: "grow", value: "*IDN?", "aria-label": "Command", autocomplete: "off", spellcheck: false });
  const history: string[] = [];
  let place = 0;
  let degraded: string | undefined;
  let client: DeviceClient;
  const say = (text: string, kind = "") => {
    log.append(h("p", { className: kind }, text));
    while (log.children.length > 500) log.firstChild?.remove();
    log.scrollTop = log.scrollHeight;
  };
  let isAsking = false;
  /** A device whose last connection brought no answer counts as well only when it has answered again. */
  const probe = () => {
    if (isAsking || degraded === undefined || client.state !== "connected" || dialect.value === "raw") return;
    isAsking = true;
    client
      .query("*IDN?")
      .catch(() => {})
      .finally(() => (isAsking = false));
  };
  const light = () => {
    probe();
    const state = degraded === undefined ? client.state : "degraded";
    const again = { backoff: ", waiting to reconnect", connecting: ", reconnecting", connected: ", asking it" }[client.state] ?? "";
    const text = degraded === undefined ? client.state : `degraded: ${degraded}${again}`;
    if (lamp.textContent !== text) lamp.textContent = text;
    lamp.dataset.state = state;
  };
  const watch = async (mine: DeviceClient) => {
    for await (const event of mine.health()) {
      if (mine !== client) return;
      if (event.type === "degraded") {
        degraded = event.cause;
        say(`degraded: ${event.cause}`, "bad");
      } else if (event.type === "restored") {
        degraded = undefined;
        say(`restored after ${(event.afterMs / 1000).toFixed(1)} s`);
      }
      light();
    }
  };
  const connect = () => {
    client?.close();
    degraded = undefined;
    client = new DeviceClient(bridge, dialect.value, which.value || undefined);
    void watch(client);
    light();
  };
  const submit = async () => {
    const command = line.value.trim();
    if (!command) return;
    history.push(command);
    place = history.length;
    say(`> ${command}`, "out");
    line.select();
    try {
      // SCPI answers questions only.
      if (dialect.value === "scpi" && !command.includes("?")) await client.send(command);
      else say(await client.query(command));
    } catch (error) {
      say(message(error), "bad");
    }
    light();
  };
  line.onkeydown = (event) => {
    if (event.key === "Enter") void submit();
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step === undefined || !history.length) return;
    event.preventDefault();
    place = Math.min(Math.max(place + step, 0), history.length - 1);
    line.value = history[place];
  };
  const dialects = ["scpi", "crlf", "cr", "prompt", "colon", "raw"];
  const dialect = select(dialects.map((name) => [name, name]), connect, "Dialect");
  const which = select([["", "the bridge's own"]], connect, "Device");
  void bridge
    .describe()
    .then(({ devices }) => which.append(...devices.map((address) => h("option", { value: address }, address))))
    .catch(() => {});
  connect();
  setInterval(light, 250);
  const examples = ["*IDN?", "MEAS:VOLT?", "VOLT 12", "OUTP ON"].map((text) =>
    button(text, () => {
      line.value = text;
      void submit();
    }),
  );
  return card(
    "Device console",
    h("div", { className: "row" }, lamp),
    h("div", { className: "row" }, h("label", {}, "device", which), h("label", {}, "dialect", dialect)),
    log,
    h("div", { className: "row" }, line, button("Send", () => void submit(), { className: "primary" })),
    h("div", { className: "row" }, ...examples),
  );
}

function modules(bridge: Bridge): HTMLElement {
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
          h("pre", {}, "labwire pymodaq instrument --help"),
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

function actuator(client: PymodaqClient, { module, info }: ModuleAnswer): HTMLElement {
  const position = h("output", { className: "lamp" }, "position unknown");
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
  return h(
    "div",
    { "data-module": module },
    h("h3", {}, `${module} (${info?.generation}, ${info?.address})`),
    h("div", { className: "row" }, position, target,
      button("Move to", () => void run("move_abs", target.value)),
      button("Move by", () => void run("move_rel", target.value)),
      button("Home", () => void run("home")),
      button("Stop", () => void run("stop"))),
    error,
  );
}

function detector(client: PymodaqClient, { module, info }: ModuleAnswer): HTMLElement {
  const error = h("p", { className: "error", role: "alert" });
  const view = h("div", {}, h("p", { className: "state", "data-state": "empty" }, "Nothing grabbed yet."));
  const drawing = new Drawing();
  let abort: AbortController | undefined;
  const draw = (data: ModuleData[]) => {
    const element = drawing.draw(data);
    if (view.firstChild !== element) view.replaceChildren(element);
  };
  const toggle = async (dim?: string) => {
    if (abort) return abort.abort();
    error.textContent = "";
    abort = new AbortController();
    live.textContent = "Stop";
    try {
      for await (const data of client.grabs(module, dim, { signal: abort.signal })) {
        draw(data);
        await new Promise(requestAnimationFrame);
      }
    } catch (thrown) {
      if (!abort.signal.aborted) error.textContent = message(thrown);
    }
    abort = undefined;
    live.textContent = "Live";
  };
  const dim = select([["", "as the module likes"], ["0D", "0D"], ["1D", "1D"], ["2D", "2D"]], () => {}, "Dimensions");
  const live = button("Live", () => void toggle(dim.value || undefined));
  const grab = async () => {
    error.textContent = "";
    try {
      const [answer] = await client.request("grab", [module], dim.value || undefined);
      if (answer?.error) throw new Error(answer.error);
      draw(answer?.data ?? []);
    } catch (thrown) {
      error.textContent = message(thrown);
    }
  };
  return h(
    "div",
    { "data-module": module },
    h("h3", {}, `${module} (${info?.generation}, ${info?.address})`),
    h("div", { className: "row" }, dim, button("Grab", () => void grab()), live),
    error,
    view,
  );
}

/** The last data of a module: numbers, a curve or an image. */
class Drawing {
  #trace: number[] = [];
  #plot: Plot | undefined;
  #canvas = h("canvas", { role: "img", "aria-label": "Image" });

  draw(data: ModuleData[]): HTMLElement {
    const item = data.find(({ channels }) => channels.length);
    const channel = item?.channels[0];
    if (!item || !channel) return h("p", { className: "state" }, "The module sent no data.");
    if (channel.shape.length === 2 && channel.values.length > 1) return this.#image(channel.shape, channel.values);
    const isNumber = channel.values.length === 1;
    if (isNumber) {
      this.#trace.push(channel.values[0]);
      if (this.#trace.length > 300) this.#trace.shift();
    }
    this.#plot ??= new Plot(`Data of ${item.name}`, item.axes[0]?.label || (isNumber ? "grab" : "index"), [{ label: channel.label || item.name, color: "accent" }], { height: 170 });
    const values = isNumber ? this.#trace : Array.from(channel.values);
    const axis = !isNumber && item.axes[0]?.values.length === values.length ? Array.from(item.axes[0].values) : values.map((_, index) => index);
    this.#plot.set([axis, values]);
    return this.#plot.element;
  }

  #image([height, width]: number[], values: Float64Array): HTMLElement {
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#canvas.style.cssText = "width: 100%; image-rendering: pixelated; max-height: 20rem; object-fit: contain";
    const context = this.#canvas.getContext("2d")!;
    const image = context.createImageData(width, height);
    let low = Infinity;
    let high = -Infinity;
    for (const value of values) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    const [r, g, b] = (color("accent").match(/[\d.]+/g) ?? ["0", "0", "0"]).map(Number);
    values.forEach((value, index) => {
      const share = high > low ? (value - low) / (high - low) : 0;
      image.data.set([r, g, b, 255 * share], 4 * index);
    });
    context.putImageData(image, 0, 0);
    return this.#canvas;
  }
}

function zeiss(bridge: Bridge): HTMLElement {
  const client = new ZeissClient(bridge);
  const file = h("input", { className: "grow", value: "part-01.png", "aria-label": "File on the server" });
  const series = h("input", { className: "grow", value: "series 1", "aria-label": "Measurement series" });
  const focal = h("input", { type: "number", value: 50, step: "any", "aria-label": "Focal length in mm" });
  focal.style.width = "6rem";
  const log = h("div", { className: "log", role: "log", tabIndex: 0, "aria-label": "Answers of INSPECT" });
  log.style.height = "8rem";
  const ask = async (what: string, request: () => Promise<string>) => {
    log.append(h("p", { className: "out" }, `> ${what}`));
    try {
      const answer = await request();
      log.append(h("p", { className: answer === "O.k." ? "" : "bad" }, answer));
    } catch (error) {
      log.append(h("p", { className: "bad" }, `${message(error)} — is labwire serve running with a ZEISS port?`));
    }
    log.scrollTop = log.scrollHeight;
  };
  const image = () => ask(`image ${file.value} into ${series.value}`, () => client.image(file.value, series.value, Number(focal.value)));
  const elements = (isNew: boolean) => () => void ask(`elements ${file.value}`, () => client.elements(file.value, isNew));
  return card(
    "ZEISS INSPECT",
    h("div", { className: "row" }, h("label", { className: "grow" }, "file", file)),
    h("div", { className: "row" }, h("label", { className: "grow" }, "series", series), h("label", {}, "f / mm", focal)),
    h("div", { className: "row" }, button("Import image", () => void image(), { className: "primary" }),
      button("Elements to clipboard", elements(false)), button("Elements to new stage", elements(true))),
    log,
  );
}
