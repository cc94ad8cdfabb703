// Console of a device, with a lamp for its health.
import { type Bridge, DeviceClient } from "labwire-wasm/client";
import { button, card, h, message, select } from "./dom";

export function device(bridge: Bridge): HTMLElement {
  const lamp = h("span", { className: "lamp", role: "status", id: "device-lamp", "data-state": "loading" }, "connecting");
  const log = h("div", {
    className: "log",
    role: "log",
    tabIndex: 0,
    "aria-label": "Device log",
    "data-empty": "Nothing was said yet. Enter a command below.",
  });
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
  /** A device whose last connection gave no answer counts as healthy only once it has answered again. */
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
      } else if (event.type === "unasked") {
        say(`unasked: ${new TextDecoder().decode(event.bytes)}`);
      }
      light();
    }
  };
  const connect = () => {
    client?.close();
    degraded = undefined;
    const spoken = [dialect.value, options.value.trim()].filter(Boolean).join(",");
    try {
      client = new DeviceClient(bridge, spoken, which.value || undefined);
    } catch (error) {
      return say(message(error), "bad");
    }
    void watch(client);
    // It starts on its own first.
    queueMicrotask(light);
  };
  const submit = async () => {
    const command = line.value.trim();
    if (!command) return;
    history.push(command);
    place = history.length;
    say(`> ${command}`, "out");
    line.select();
    try {
      const answer = await client.talk(command);
      if (answer) say(answer);
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
  const dialects = ["scpi", "keithley", "lakeshore", "crlf", "cr", "prompt", "colon", "raw"];
  const options = h("input", {
    "aria-label": "Options of the dialect",
    placeholder: "echo,end=crlf,event=!",
    autocomplete: "off",
    spellcheck: false,
  });
  options.onchange = () => connect();
  const dialect = select(
    dialects.map((name) => [name, name]),
    connect,
    "Dialect",
  );
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
    h("div", { className: "row" }, h("label", {}, "device", which), h("label", {}, "dialect", dialect), h("label", {}, "options", options)),
    log,
    h(
      "div",
      { className: "row" },
      line,
      button("Send", () => void submit(), { className: "primary" }),
    ),
    h("div", { className: "row" }, ...examples),
  );
}
