// Curves, drawn by uPlot, in the colours of the page.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { color, onColors, short } from "./dom";

export interface Curve {
  label: string;
  color: string;
  /** Whether to draw points instead of a line. */
  points?: boolean;
  fill?: boolean;
  /** Whether to draw steps, as of a histogram. */
  steps?: boolean;
  scale?: string;
}

/** Plot that fills the width of its element and whose data can change. */
export class Plot {
  readonly element: HTMLElement;
  #plot: uPlot | undefined;
  #data: uPlot.AlignedData = [[]];
  #isLogarithmic = false;

  constructor(
    private readonly label: string,
    private x: string,
    private readonly curves: Curve[],
    private readonly options: { log?: boolean; height?: number; /** x has whole numbers only */ whole?: boolean } = {},
  ) {
    this.element = document.createElement("div");
    this.element.className = "plot";
    this.element.setAttribute("role", "img");
    this.element.setAttribute("aria-label", `${label}: nothing yet`);
    new ResizeObserver(() => {
      const width = this.element.clientWidth;
      if (width === 0) return;
      if (this.#plot) this.#plot.setSize({ width, height: this.#height });
      else this.#make(width);
    }).observe(this.element);
    onColors(() => this.#again());
  }

  #again() {
    this.#plot?.destroy();
    this.#plot = undefined;
    if (this.element.clientWidth) this.#make(this.element.clientWidth);
  }

  get #height() {
    return this.options.height ?? 210;
  }

  /** @param x name of the first row, if it has changed */
  set(data: (ArrayLike<number> | (number | null)[])[], x = this.x) {
    const isLogarithmic = isWide(data[0]);
    const isAnother = x !== this.x || isLogarithmic !== this.#isLogarithmic;
    [this.#data, this.x, this.#isLogarithmic] = [data as uPlot.AlignedData, x, isLogarithmic];
    if (isAnother) this.#again();
    else this.#plot?.setData(this.#data);
    this.#tell();
  }

  /** Describes the plot for screen readers; series without values are removed from the legend too. */
  #tell() {
    const told = this.curves.map(({ label }, index) => {
      const row = (this.#data[index + 1] ?? []) as ArrayLike<number | null>;
      const values = Array.from(row).filter((value) => value !== null && value !== undefined);
      const entry = this.element.querySelectorAll<HTMLElement>(".u-legend .u-series")[index + 1];
      if (entry) entry.hidden = !values.length;
      const [low, high] = values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
      return values.length
        ? `${label}: ${values.length} values from ${short(low)} to ${short(high)}, the last ${short(values.at(-1)!)}`
        : "";
    });
    const text = told.filter(Boolean).join("; ") || "nothing yet";
    this.element.setAttribute("aria-label", `${this.label}. Over ${this.x}, ${text}.`);
  }

  #make(width: number) {
    const line = color("line");
    const axis = { stroke: color("faint"), grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
    const value = (_: uPlot, found: number | null) => (found === null || found === undefined ? "–" : short(found));
    const series = this.curves.map(({ label, color: name, points, fill, steps, scale }): uPlot.Series => {
      const stroke = color(name);
      return {
        label,
        stroke,
        value,
        scale: scale ?? "y",
        width: points ? 0 : 2,
        // A line through a single point would be invisible.
        points: { show: points ?? ((plot) => plot.data[0].length < 3), size: 5, fill: stroke },
        paths: points ? () => null : steps ? uPlot.paths.stepped!({ align: 1 }) : undefined,
        fill: fill ? stroke.replace(/rgb\((.*)\)/, "rgba($1, 0.2)") : undefined,
        spanGaps: true,
      };
    });
    const log = { distr: 3 as const, log: 10 as const };
    // As many digits as distinguish neighbours.
    const linear = (_: uPlot, splits: number[], __: number, ___: number, step: number) => {
      let digits = 0;
      while (digits < 10 && Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-6) digits++;
      const isLarge = splits.some((split) => Math.abs(split) >= 1e6);
      return splits.map((split) => (isLarge ? short(split) : split.toFixed(digits)));
    };
    const power = (value: number) =>
      value >= 1e-3 && value <= 1e4 ? String(Number(value.toPrecision(3))) : `1e${Math.round(Math.log10(value))}`;
    const powers = (_: uPlot, splits: (number | null)[]) => splits.map((split) => (split === null ? "" : power(split)));
    // Decades only; if there are many, some of them.
    const decades = (_: uPlot, __: number, low: number, high: number) => {
      const [first, last] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
      const step = Math.ceil((last - first + 1) / 6) || 1;
      const splits = [];
      for (let power = first; power <= last; power += step) splits.push(10 ** power);
      return splits;
    };
    const whole = this.options.whole
      ? { incrs: [1, 2, 5].flatMap((first, _, all) => all.map((_, power) => first * 10 ** power)).sort((a, b) => a - b) }
      : {};
    const logarithmic = { splits: decades, values: powers, filter: (_: uPlot, splits: number[]) => splits };
    const x = this.#isLogarithmic ? logarithmic : whole;
    // Several curves are named by the legend.
    const named = this.curves.length === 1 ? { label: this.curves[0].label, labelSize: 18, labelGap: 0, labelFont: "12px system-ui" } : {};
    const y = { ...named, ...(this.options.log ? logarithmic : {}) };
    this.#plot = new uPlot(
      {
        width,
        height: this.#height,
        legend: { show: this.curves.length > 1 },
        cursor: { drag: { x: false, y: false } },
        scales: { x: { time: false, ...(this.#isLogarithmic ? log : {}) }, y: this.options.log ? log : {} },
        axes: [
          { ...axis, size: 30, values: linear, ...x, label: this.x, labelSize: 18, labelGap: 0, labelFont: "12px system-ui" },
          { ...axis, size: 62, values: linear, ...y },
        ],
        series: [{ label: this.x, value }, ...series],
      },
      this.#data,
      this.element,
    );
    this.#tell();
  }
}

/** Whether the ascending values of an axis suit a logarithmic scale better. */
function isWide(values: ArrayLike<number | null>): boolean {
  const [first, middle, last] = [values[0], values[values.length >> 1], values[values.length - 1]] as number[];
  return first > 0 && last / first > 100 && middle < (first + last) / 10;
}

/** Histogram of weighted samples: left ends of the bins, and the density in each. */
export function histogram(samples: ArrayLike<number>, weights: ArrayLike<number>, bins = 60): [number[], number[]] {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < samples.length; i++) {
    low = Math.min(low, samples[i]);
    high = Math.max(high, samples[i]);
  }
  const width = (high - low) / bins || 1;
  const density = new Array<number>(bins + 1).fill(0);
  for (let i = 0; i < samples.length; i++) {
    density[Math.min(Math.floor((samples[i] - low) / width), bins - 1)] += weights[i] / width;
  }
  return [density.map((_, bin) => low + bin * width), density];
}
