// The workbench: four panels, one at a time.
import init, { version } from "labwire-wasm";
import { Bridge } from "labwire-wasm/client";
import { button, h, message } from "./dom";
import { compiled } from "./engine";
import { experiment } from "./experiment";
import { inspector, watchConnections } from "./inspector";
import { instruments } from "./instruments";
import { optimizer } from "./optimizer";

const query = new URLSearchParams(location.search);
const bridge = new Bridge(query.get("server") ?? location.origin, query.get("token") ?? undefined);
const panels: Record<string, (bridge: Bridge) => HTMLElement> = {
  Optimizer: optimizer,
  Experiment: experiment,
  Instruments: instruments,
  Inspector: inspector,
};
const names = Object.keys(panels);
const shown = new Map<string, HTMLElement>();
const nav = document.querySelector("nav")!;
const main = document.querySelector("main")!;

/** Whether the engine is loaded, which every panel needs; a tab that is chosen before is shown then. */
let isReady = false;

function show(name: string, withFocus = false) {
  if (!names.includes(name)) name = names[0];
  for (const tab of nav.querySelectorAll("button")) {
    const isSelected = tab.textContent === name;
    tab.setAttribute("aria-selected", String(isSelected));
    tab.tabIndex = isSelected ? 0 : -1;
    if (isSelected && withFocus) tab.focus();
  }
  if (!isReady) return;
  if (!shown.has(name)) {
    const panel = panels[name](bridge);
    panel.id = `panel-${name}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-label", name);
    shown.set(name, panel);
    main.append(panel);
  }
  for (const [other, panel] of shown) panel.hidden = other !== name;
}

function makeTabs() {
  const choose = (name: string, withFocus = false) => {
    history.replaceState(undefined, "", `${location.search}#${name}`);
    show(name, withFocus);
  };
  nav.append(...names.map((name) => button(name, () => choose(name), { role: "tab", "aria-controls": `panel-${name}` })));
  nav.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = names.findIndex((name) => name === document.activeElement?.textContent);
    if (step && at >= 0) choose(names[(at + step + names.length) % names.length], true);
  });
  window.addEventListener("hashchange", () => show(location.hash.slice(1)));
}

/** Updates the lamp in the corner, which shows whether a server is there. */
async function watchBridge() {
  const lamp = document.querySelector<HTMLElement>("#bridge")!;
  const set = (state: string, text: string) => {
    if (lamp.dataset.state === state && lamp.textContent === text) return;
    lamp.dataset.state = state;
    lamp.textContent = text;
  };
  let wasThere = false;
  for (;;) {
    try {
      await bridge.describe(AbortSignal.timeout(5000));
      wasThere = true;
      set("connected", "server connected");
    } catch (error) {
      const isToken = message(error).includes("(401)");
      const next = isToken ? `. Add token=… to this page's address, after ${location.search ? "&" : "?"}` : "";
      set(wasThere ? "backoff" : "error", wasThere ? "server lost, trying again" : message(error) + next);
    }
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

try {
  watchConnections();
  makeTabs();
  void watchBridge();
  await init({ module_or_path: await compiled });
  document.title = `labwire ${version()} workbench`;
  main.replaceChildren();
  isReady = true;
  show(location.hash.slice(1));
} catch (error) {
  const retry = button("Load again", () => location.reload());
  main.replaceChildren(h("p", { className: "error", role: "alert" }, `The engine could not be loaded: ${message(error)}`), retry);
}
