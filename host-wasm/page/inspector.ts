// Both directions of every connection of this page, decoded, next to their bytes.
import { type Bridge, type Connection, hex, observers, type Recording, type Step } from "labwire-wasm/client";
import { button, download, h, message } from "./dom";
import { solving as engine } from "./engine";

/** Number of connections kept. */
const KEPT = 100;
/** Longest recording file that is opened. Recordings made here have at most 4 MiB, several times as much in a file. */
const FILE_BYTES = 64 << 20;
/** Number of bytes of a chunk that are shown. */
const SHOWN_BYTES = 96;

interface Entry {
  name: string;
  recording: Recording;
}

/** Descriptions of the calls that are not requests. */
const WORDS: Record<string, string> = {
  handleTimeout: "(time)",
  handleConnected: "connected",
  handleConnectFailed: "no connection",
  handleEof: "end of stream",
  handleLost: "connection lost",
  handleShutdown: "(shutting down)",
};

const entries: Entry[] = [];
const known = new WeakMap<Connection, Entry>();
let changed = (_entry: Entry) => {};

/** Called at the start, so that connections before the panel is opened are seen too. */
export function watchConnections() {
  let count = 0;
  observers.add((connection: Connection, _step: Step) => {
    let entry = known.get(connection);
    if (!entry) {
      const time = new Date().toLocaleTimeString();
      entry = { name: `${++count}: ${connection.protocol}, ${time}`, recording: connection.recording };
      known.set(connection, entry);
      entries.push(entry);
      if (entries.length > KEPT) entries.shift();
    }
    changed(entry);
  });
}

export function inspector(_bridge: Bridge): HTMLElement {
  const list = h("select", { "aria-label": "Connection", className: "grow", onchange: () => show() });
  const frames = h("div", { className: "frames", tabIndex: 0, "aria-label": "Frames" });
  const verdict = h("p", { role: "status" });
  const error = h("p", { className: "error", role: "alert" });
  const chosen = () => entries.find((entry) => entry.name === list.value);

  /** Entry on the screen, and whether it has changed since. */
  let shown: Entry | undefined;
  const news = new Set<Entry>();
  const refresh = () => {
    const names = entries.map((entry) => entry.name);
    const current = list.value;
    if (names.length) list.replaceChildren(...names.map((name) => h("option", { value: name }, name)).reverse());
    else list.replaceChildren(h("option", { value: "" }, "none yet"));
    list.value = names.includes(current) ? current : (names.at(-1) ?? "");
    show();
  };
  const show = () => {
    const entry = chosen();
    if (entry !== shown) {
      verdict.className = "state";
      verdict.textContent = entry?.recording.isCut ? "Only the beginning of this connection was recorded." : "";
    } else if (entry && !news.has(entry)) return;
    shown = entry;
    news.clear();
    frames.replaceChildren(
      entry
        ? framesOf(entry.recording)
        : h("p", { className: "state", "data-state": "empty" }, "No connection yet. Use the other panels, or open a recording."),
    );
  };
  /** Runs a task that takes a while for a long recording, in a worker. */
  const work = async (doing: string, what: string, task: () => Promise<void>) => {
    error.textContent = "";
    verdict.className = "state";
    verdict.textContent = doing;
    verdict.dataset.state = "loading";
    try {
      await task();
    } catch (thrown) {
      verdict.textContent = "";
      error.textContent = `${what}: ${message(thrown)}`;
    }
    delete verdict.dataset.state;
  };
  const again = () =>
    work("Replaying …", "This recording cannot be replayed", async () => {
      const entry = chosen();
      if (!entry) return void (verdict.textContent = "There is nothing to replay yet.");
      const { count, differences } = await engine.replay(entry.recording);
      verdict.className = differences.length ? "differs" : "same";
      verdict.textContent = differences.length
        ? `Replayed ${count} steps: other bytes or events in ${differences.length} of them, first in step ${differences[0] + 1}.`
        : `Replayed ${count} steps: the same bytes and events, all of them.`;
    });
  const file = h("input", { type: "file", accept: ".json", hidden: true });
  file.onchange = () =>
    work("Reading …", "This file cannot be read", async () => {
      const [chosenFile] = file.files ?? [];
      file.value = "";
      if (!chosenFile) return;
      if (chosenFile.size > FILE_BYTES)
        throw new Error(`it has ${(chosenFile.size / (1 << 20)).toFixed(0)} MiB, at most ${FILE_BYTES >> 20} MiB are read`);
      const recording = await engine.parse(await chosenFile.text());
      entries.push({ name: `${chosenFile.name} (${recording.protocol})`, recording });
      list.replaceChildren();
      refresh();
    });
  let pending = false;
  changed = (entry) => {
    news.add(entry);
    if (pending) return;
    pending = true;
    const attempt = () => {
      // Nothing is drawn while it is hidden.
      if (frames.offsetParent === null) return void setTimeout(attempt, 300);
      pending = false;
      refresh();
    };
    setTimeout(attempt, 200);
  };
  const save = () =>
    work("Writing …", "This recording cannot be written", async () => {
      const entry = chosen();
      if (entry) download(`labwire-${entry.recording.protocol}.json`, await engine.stringify(entry.recording));
      verdict.textContent = entry ? "" : "There is nothing to export yet.";
    });
  refresh();
  return h(
    "section",
    { className: "card" },
    h("h2", {}, "Protocol inspector"),
    h(
      "div",
      { className: "row" },
      list,
      button("Replay", again),
      button("Export", save),
      button("Open a recording …", () => file.click()),
      file,
    ),
    verdict,
    error,
    frames,
  );
}

function framesOf({ steps }: Recording): HTMLElement {
  const start = steps[0]?.at ?? 0;
  const body = h("tbody");
  const row = (at: number, kind: string, what: string, decoded: string, bytes?: Uint8Array) => {
    const dump = h("td", { className: "bytes" });
    if (bytes) dump.textContent = `${bytes.length} B  ${printable(bytes)}\n${spaced(bytes)}`;
    dump.style.whiteSpace = "pre-wrap";
    const time = `${(at - start).toFixed(1)}`;
    body.append(h("tr", {}, h("td", {}, time), h("td", { className: kind }, what), h("td", {}, decoded), dump));
  };
  for (const { at, call, args, sent, events, actions } of steps.slice(-300)) {
    const decoded = events.map((event) => brief(event)).join("\n");
    if (call === "handleInput") row(at, "in", "← in", decoded || "(part of a frame)", args[0] as Uint8Array);
    else {
      const isRequest = !call.startsWith("handle");
      const name = isRequest ? `${call} ${args.map(brief).join(" ")}` : [WORDS[call] ?? call, ...args.map(brief)].join(": ");
      const said = [name, ...actions.map((action) => `→ ${action}`), decoded].filter(Boolean).join("\n");
      row(at, sent.length || isRequest ? "out" : "", sent.length || isRequest ? "→ out" : "·", said, sent.length ? sent : undefined);
      continue;
    }
    if (sent.length) row(at, "out", "→ out", "", sent);
  }
  const heads = ["ms", "", "decoded", "bytes"].map((name) => h("th", { scope: "col" }, name));
  return h("table", {}, h("thead", {}, h("tr", {}, ...heads)), body);
}

function brief(value: unknown): string {
  const shorten = (_: string, inner: unknown) => {
    if (inner instanceof Uint8Array) return printable(inner);
    if (inner instanceof Float64Array || (Array.isArray(inner) && inner.length > 12 && typeof inner[0] === "number")) {
      return `[${Array.from(inner.slice(0, 6)).join(", ")} … ${inner.length} numbers]`;
    }
    return inner;
  };
  const text = typeof value === "string" ? value : JSON.stringify(value, shorten);
  return text === undefined ? "" : text.length > 600 ? `${text.slice(0, 600)} …` : text;
}

const spaced = (bytes: Uint8Array) => hex(bytes.subarray(0, SHOWN_BYTES)).replace(/../g, "$& ") + (bytes.length > SHOWN_BYTES ? "…" : "");

const printable = (bytes: Uint8Array) =>
  String.fromCharCode(...bytes.subarray(0, SHOWN_BYTES)).replace(/[^ -~]/g, "·") + (bytes.length > SHOWN_BYTES ? "…" : "");
