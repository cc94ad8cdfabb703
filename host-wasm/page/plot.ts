// Curves, by uPlot, in the colours of the page.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { color, onColors, short } from "./dom";

export interface Curve {
  label: string;
  color: string;
  /** Draws points instead of a line. */
  points?: boolean;
  fill?: boolean;
  /** Steps, as of a histogram. */
  steps?: boolean;
  scale?: string;
}

/** A plot that fills the width of its element and can be given other data. */
export class Plot {
  readonly element: HTMLElement;
  #plot: uPlot | undefined;
  #data: uPlot.AlignedData = [[]];

  constructor(
    label: string,
    private x: string,
    private readonly curves: Curve[],
    private readonly options: { log?: boolean; height?: number; /** x has whole numbers only */ whole?: boolean } = {},
  ) {
    this.element = document.createElement("div");
    this.element.className = "plot";
    this.element.setAttribute("role", "img");
    this.element.setAttribute("aria-label", label);
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

  /** @param x what the first row is, where it is something else than before */
  set(data: (ArrayLike<number> | (number | null)[])[], x = this.x) {
    this.#data = data as uPlot.AlignedData;
    if (x === this.x) return this.#plot?.setData(this.#data);
    this.x = x;
    this.#again();
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
        points: { show: points ?? false, size: 5, fill: stroke },
        paths: points ? () => null : steps ? uPlot.paths.stepped!({ align: 1 }) : undefined,
        fill: fill ? stroke.replace(/rgb\((.*)\)/, "rgba($1, 0.2)") : undefined,
        spanGaps: true,
      };
    });
    const log = { distr: 3 as const, log: 10 as const };
    // As many digits as tell neighbours apart.
    const linear = (_: uPlot, splits: number[], __: number, ___: number, step: number) => {
      let digits = 0;
      while (digits < 10 && Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-6) digits++;
      const isLarge = splits.some((split) => Math.abs(split) >= 1e6);
      return splits.map((split) => (isLarge ? short(split) : split.toFixed(digits)));
    };
    const powers = (_: uPlot, splits: (number | null)[]) => splits.map((split) => (split === null ? "" : short(split)));
    // Decades only; of many, some.
    const decades = (_: uPlot, __: number, low: number, high: number) => {
      const [first, last] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
      const step = Math.ceil((last - first + 1) / 6) || 1;
      const splits = [];
      for (let power = first; power <= last; power += step) splits.push(10 ** power);
      return splits;
    };
    const x = this.options.whole ? { incrs: [1, 2, 5].flatMap((first, _, all) => all.map((_, power) => first * 10 ** power)).sort((a, b) => a - b) } : {};
    const y = this.options.log ? { splits: decades, values: powers } : {};
    this.#plot = new uPlot(
      {
        width,
        height: this.#height,
        legend: { show: this.curves.length > 1 },
        cursor: { drag: { x: false, y: false } },
        scales: { x: { time: false }, y: this.options.log ? log : {} },
        axes: [{ ...axis, ...x, size: 30, values: linear, label: this.x, labelSize: 18, labelGap: 0, labelFont: "12px system-ui" }, { ...axis, size: 62, values: linear, ...y }],
        series: [{ label: this.x, value }, ...series],
      },
      this.#data,
      this.element,
    );
  }
}

/** A histogram of weighted samples: the left ends of the bins, and the density in each. */
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
