// Grids of settings of any size, reduced to as many points as fit into a picture.

/** Number of points of an axis that are drawn. */
const SHOWN = 400;

/** Indices of the values that represent `count`: all of them, or some, evenly spaced and including both ends. */
export function shownPlaces(count: number): number[] {
  const bins = Math.min(count, SHOWN);
  return Array.from({ length: bins }, (_, bin) => (bins === count ? bin : Math.round((bin * (count - 1)) / (bins - 1))));
}

/**
 * Largest value of a grid, whose last knob varies fastest, for every shown index of the knob `x`; with `y`,
 * a row of these for every shown index of that knob.
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

/** Step with which a scan of at most `most` settings covers all parts of a grid of `count`, none twice. */
export function scanStep(count: number, most: number): number {
  const divisor = (a: number, b: number): number => (b ? divisor(b, a % b) : a);
  let step = Math.ceil(count / most);
  while (divisor(count, step) > 1) step++;
  return step;
}
