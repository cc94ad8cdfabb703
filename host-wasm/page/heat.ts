// Heat map: a value at every point of a plane, in shades of one colour, with axes and a scale.
import { color, h, onColors, short } from "./dom";

export interface Axis {
  label: string;
  /** Values of the columns or rows, which are drawn equally spaced. */
  values: ArrayLike<number>;
}

export interface Plane {
  x: Axis;
  y: Axis;
  /** Name of the values, with their unit. */
  label: string;
  /** Values by rows, one row per value of `y`; those that are not finite stay empty. */
  values: ArrayLike<number>;
  /** Whether pixels are square and the first row is on top. */
  isImage?: boolean;
  /** Columns and rows to mark. */
  marks?: [number, number][];
}

/** Margins: the labels of the y axis, the scale, the labels of the x axis. */
const LEFT = 66;
const RIGHT = 92;
const BOTTOM = 40;
const TOP = 8;

/** Heat map that fills the width of its element. */
export class HeatMap {
  readonly element: HTMLElement;
  #canvas = h("canvas", { role: "img" });
  #plane: Plane | undefined;

  constructor(
    private readonly name: string,
    private readonly height = 230,
  ) {
    this.#canvas.style.width = "100%";
    this.element = h("div", { className: "plot" }, this.#canvas);
    new ResizeObserver(() => this.#draw()).observe(this.element);
    onColors(() => this.#draw());
  }

  set(plane: Plane) {
    this.#plane = plane;
    this.#draw();
  }

  #draw() {
    const { clientWidth: width } = this.element;
    const plane = this.#plane;
    if (!width || !plane) return;
    const [columns, rows] = [plane.x.values.length, plane.y.values.length];
    let [across, down] = [Math.max(width - LEFT - RIGHT, 40), this.height - TOP - BOTTOM];
    if (plane.isImage) {
      down = Math.min(Math.max((across * rows) / columns, 20), 300);
      across = Math.min(across, Math.max((down * columns) / rows, 20));
    }
    const height = down + TOP + BOTTOM;
    const ratio = devicePixelRatio;
    this.#canvas.width = width * ratio;
    this.#canvas.height = height * ratio;
    this.#canvas.style.height = `${height}px`;
    const context = this.#canvas.getContext("2d")!;
    context.scale(ratio, ratio);
    const [low, high] = range(plane.values);
    context.imageSmoothingEnabled = false;
    context.drawImage(shades(plane, Math.ceil(across * ratio), Math.ceil(down * ratio), low, high), LEFT, TOP, across, down);
    context.strokeStyle = color("line");
    context.strokeRect(LEFT, TOP, across, down);
    const column = (at: number) => LEFT + ((at + 0.5) / columns) * across;
    const row = (at: number) => TOP + (plane.isImage ? (at + 0.5) / rows : 1 - (at + 0.5) / rows) * down;
    context.strokeStyle = color("second");
    context.lineWidth = 2;
    for (const [x, y] of plane.marks ?? []) context.strokeRect(column(x) - 3, row(y) - 3, 6, 6);
    context.fillStyle = color("faint");
    context.font = "12px system-ui";
    context.textAlign = "center";
    for (const at of ticks(columns, across / 70)) context.fillText(brief(plane.x.values[at]), column(at), TOP + down + 15);
    context.fillText(plane.x.label, LEFT + across / 2, TOP + down + 33);
    context.textAlign = "right";
    for (const at of ticks(rows, down / 40)) context.fillText(brief(plane.y.values[at]), LEFT - 6, row(at) + 4);
    const upward = (text: string, left: number) => {
      context.save();
      context.translate(left, TOP + down / 2);
      context.rotate(-Math.PI / 2);
      context.textAlign = "center";
      context.fillText(text, 0, 0);
      context.restore();
    };
    upward(plane.y.label, 13);
    const scale = context.createLinearGradient(0, TOP + down, 0, TOP);
    const strongest = color("accent");
    scale.addColorStop(0, strongest.replace(/rgb\((.*)\)/, "rgba($1, 0)"));
    scale.addColorStop(1, strongest);
    context.fillStyle = scale;
    context.fillRect(LEFT + across + 10, TOP, 8, down);
    context.fillStyle = color("faint");
    context.textAlign = "left";
    context.fillText(short(high), LEFT + across + 22, TOP + 10);
    context.fillText(short(low), LEFT + across + 22, TOP + down);
    upward(plane.label, LEFT + across + 34);
    const axis = ({ label, values }: Axis) => `${label} from ${short(values[0])} to ${short(values[values.length - 1])}`;
    const text = `${this.name}: ${plane.label} from ${short(low)} to ${short(high)}, over ${axis(plane.x)} and ${axis(plane.y)}`;
    this.#canvas.setAttribute("aria-label", text);
  }
}

/** Pixels with at most one point of `plane` each, more opaque for larger values. */
function shades({ x, y, values, isImage }: Plane, width: number, height: number, low: number, high: number) {
  const [across, down] = [Math.min(width, x.values.length), Math.min(height, y.values.length)];
  const canvas = h("canvas", { width: across, height: down });
  const image = new ImageData(across, down);
  const [r, g, b] = (color("accent").match(/[\d.]+/g) ?? ["0", "0", "0"]).map(Number);
  for (let row = 0, at = 0; row < down; row++) {
    const from = Math.floor(((isImage ? row : down - 1 - row) * y.values.length) / down) * x.values.length;
    for (let column = 0; column < across; column++, at += 4) {
      const value = values[from + Math.floor((column * x.values.length) / across)];
      image.data[at] = r;
      image.data[at + 1] = g;
      image.data[at + 2] = b;
      image.data[at + 3] = high > low ? (255 * (value - low)) / (high - low) : 0;
    }
  }
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  return canvas;
}

const brief = (value: number) => short(Number(value.toPrecision(3)));

function range(values: ArrayLike<number>): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    if (values[i] < low) low = values[i];
    if (values[i] > high && values[i] < Infinity) high = values[i];
  }
  return [low, high];
}

/** About `most` of the first `count` whole numbers, including the ends. */
function ticks(count: number, most: number): number[] {
  const parts = Math.max(1, Math.min(count - 1, Math.floor(most)));
  return [...new Set(Array.from({ length: parts + 1 }, (_, part) => Math.round((part * (count - 1)) / parts)))];
}
