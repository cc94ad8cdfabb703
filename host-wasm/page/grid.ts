// Grids of settings of any size, in as many points as a picture has room for.

/** How many points of an axis are drawn. */
const SHOWN = 400;

/** Places of the values that stand for `count`: all of them, or some, evenly spaced, both ends among them. */
export function shownPlaces(count: number): number[] {
  const bins = Math.min(count, SHOWN);
  return Array.from({ length: bins }, (_, bin) => (bins === count ? bin : Math.round((bin * (count - 1)) / (bins - 1))));
}

/**
 * The largest of the values of a grid, whose last knob changes fastest, for every shown place of the knob `x`; with `y`,
 * a row of these for every shown place of that knob.
 */
export function largest(values: ArrayLike<number>, counts: number[], x: number, y?: number): Float64Array {
  const stride = (knob: number) => counts.slice(knob + 1).reduce((product, count) => product * count, 1);
  const bins = (knob: number) => Math.min(counts[knob], SHOWN);
  const place = (knob: number) => {
    const [repeats, count, shown] = [stride(knob), counts[knob], bins(knob)];
    return (index: number) => Math.floor(((Math.floor(index / repeats) % count) * shown) / count);
  };
  const [columns, column] = [bins(x), place(x)];
  const row = y === undefined ? () => 0 : place(y);
  const found = new Float64Array(columns * (y === undefined ? 1 : bins(y))).fill(-Infinity);
  for (let index = 0; index < values.length; index++) {
    const at = row(index) * columns + column(index);
    if (values[index] > found[at]) found[at] = values[index];
  }
  return found;
}

/** The step by which a scan of at most `most` settings visits all parts of a grid of `count`, and none twice. */
export function scanStep(count: number, most: number): number {
  const divisor = (a: number, b: number): number => (b ? divisor(b, a % b) : a);
  let step = Math.ceil(count / most);
  while (divisor(count, step) > 1) step++;
  return step;
}
