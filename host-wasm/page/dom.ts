// Helpers for the page.

type Child = Node | string;

/** Element with properties (`data-`, `aria-` and `role` as attributes) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Record<string, unknown> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role" || key === "for" || key === "list") element.setAttribute(key, String(value));
    else (element as any)[key] = value;
  }
  element.append(...children);
  return element;
}

export function button(text: string, onclick: () => void, properties: Record<string, unknown> = {}) {
  return h("button", { type: "button", onclick, ...properties }, text);
}

export function select(options: [value: string, text: string][], onchange: (value: string) => void, label: string) {
  const element = h("select", { onchange: () => onchange(element.value), "aria-label": label });
  element.append(...options.map(([value, text]) => h("option", { value }, text)));
  return element;
}

/** Box with a title. */
export function card(title: string, ...children: Child[]) {
  return h("div", { className: "card" }, h("h2", {}, title), ...children);
}

/** Table with two columns: name and value. */
export function table(rows: Record<string, unknown>) {
  const content = (name: string, value: unknown) =>
    Array.isArray(value)
      ? h("div", { className: "long", tabIndex: 0, role: "group", "aria-label": name }, value.join(", "))
      : String(value);
  const cells = ([name, value]: [string, unknown]) =>
    h("tr", {}, h("th", { scope: "row" }, name), h("td", { "data-name": name }, content(name, value)));
  return h("table", {}, h("tbody", {}, ...Object.entries(rows).map(cells)));
}

export function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Number with a few significant digits. */
export function short(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e5 ? String(Number(value.toPrecision(4))) : value.toExponential(2);
}

/** Colour of the style sheet, for canvases. */
export function color(name: string): string {
  const probe = h("span", { hidden: true });
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** Calls back when the colours change between light and dark. */
export function onColors(redraw: () => void) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

export function download(name: string, content: string) {
  const url = URL.createObjectURL(new Blob([content], { type: "application/json" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
