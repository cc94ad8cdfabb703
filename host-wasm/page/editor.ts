// Editor of a file, which is checked while it is edited.
import { button, h, message, select } from "./dom";

export interface EditorOptions<T> {
  id: string;
  label: string;
  rows: number;
  /** Example texts; the editor starts with the first one. */
  examples: [name: string, text: string][];
  onExample?: (name: string) => void;
  /** Contents of the text; rejected with its error, which has a line and column. */
  check: (text: string) => Promise<T>;
  /** Called when the text has changed, with its contents, or undefined while it is invalid. */
  onChange: (found: T | undefined) => void;
  /** Called when a text was opened from a file. */
  onOpen?: () => void;
  /** Called on Control and Enter. */
  onSubmit?: () => void;
}

/** Pause in typing after which the text is checked. */
const PAUSE_MS = 150;
/** Longest text: no engine accepts a longer one, which would also slow down the text area. */
const MOST_BYTES = 4 << 20;

export class Editor<T> {
  readonly element: HTMLElement;
  #example: HTMLSelectElement;
  #area: HTMLTextAreaElement;
  #fault: HTMLElement;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #count = 0;

  constructor(private readonly options: EditorOptions<T>) {
    const { id, label, rows, examples } = options;
    const names = examples.map(([name]): [string, string] => [name, name]);
    this.#example = select([...names, ["", "(edited)"]], (name) => this.example(name), `${label}: example`);
    this.#example.lastElementChild!.setAttribute("hidden", "");
    this.#area = h("textarea", { id, rows, spellcheck: false, "aria-describedby": `${id}-error` });
    this.#fault = h("pre", { id: `${id}-error`, className: "error", role: "alert" });
    this.#area.oninput = () => {
      this.#example.value = "";
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#check(), PAUSE_MS);
    };
    this.#area.onpaste = (event) => {
      if (this.#refuses("The clipboard", event.clipboardData?.getData("text").length ?? 0)) event.preventDefault();
    };
    this.#area.onkeydown = (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) options.onSubmit?.();
    };
    const file = h("input", { type: "file", accept: ".json", hidden: true });
    file.onchange = async () => {
      const [chosen] = file.files ?? [];
      file.value = "";
      if (chosen) await this.#read(chosen);
    };
    const row = h(
      "div",
      { className: "row" },
      this.#example,
      button("Open …", () => file.click()),
      file,
    );
    this.element = h("div", {}, row, h("label", { for: id }, label), this.#area, this.#fault);
  }

  get text() {
    return this.#area.value;
  }

  /** Inserts one of the examples. */
  example(name: string) {
    this.#area.value = this.options.examples.find(([known]) => known === name)![1];
    this.options.onExample?.(name);
    void this.#check();
  }

  async #read(file: File) {
    if (this.#refuses(file.name, file.size)) return;
    this.#area.value = await file.text();
    this.#example.value = "";
    this.options.onOpen?.();
    await this.#check();
  }

  #refuses(what: string, bytes: number): boolean {
    if (bytes <= MOST_BYTES) return false;
    const size = `${(bytes / (1 << 20)).toFixed(1)} MiB`;
    this.#fault.textContent = `${what} has ${size}, at most ${MOST_BYTES >> 20} MiB are read. The text above is as it was.`;
    return true;
  }

  async #check() {
    clearTimeout(this.#timer);
    const mine = ++this.#count;
    let found: T | undefined;
    let fault = "";
    try {
      found = await this.options.check(this.text);
    } catch (error) {
      fault = message(error);
    }
    // The text may have changed in the meantime.
    if (mine !== this.#count) return;
    this.#fault.textContent = fault;
    this.#area.setAttribute("aria-invalid", String(fault !== ""));
    this.options.onChange(found);
  }
}
