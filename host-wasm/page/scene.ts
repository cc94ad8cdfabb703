// Plane of an optimal-control problem: its path, and points that can be dragged.
import { color, h, onColors } from "./dom";

interface Handle {
  suffix: string;
  x: number;
  y: number;
  radius?: number;
}

const TITLES: Record<string, string> = { "0": "start", t: "target", o: "obstacle" };
const VIEW = { left: -2.2, right: 2.2, bottom: -0.9, top: 2.4 };
const HINT =
  "Drag target, start or obstacle: every frame is solved again, from where the last one ended. Keys: Space chooses, arrows move.";
/** Distance that a key moves a point. */
const KEY_STEP = 0.05;

/** Scene whose points are parameters named `x0` and `y0`, `xt` and `yt` and so on; with an `ro`, a point is a circle. */
export class Scene {
  readonly element: HTMLElement;
  #canvas = h("canvas", { className: "scene", tabIndex: 0, role: "application", "aria-label": HINT });
  #handles: Handle[] = [];
  #path: Record<string, number[]> = {};
  #dragged: Handle | undefined;
  #selected = 0;

  constructor(private readonly onMove: (names: [string, string], at: [number, number]) => void) {
    this.element = h("div", {}, this.#canvas, h("p", { className: "state" }, HINT));
    new ResizeObserver(() => this.#draw()).observe(this.#canvas);
    onColors(() => this.#draw());
    this.#canvas.onpointerdown = (event) => {
      const at = this.#at(event);
      const distance = (handle: Handle) => Math.hypot(handle.x - at[0], handle.y - at[1]);
      const near = [...this.#handles].sort((a, b) => distance(a) - distance(b))[0];
      if (!near) return;
      this.#dragged = near;
      this.#selected = this.#handles.indexOf(near);
      this.#canvas.setPointerCapture(event.pointerId);
      this.#move(near, at);
    };
    this.#canvas.onpointermove = (event) => this.#dragged && this.#move(this.#dragged, this.#at(event));
    this.#canvas.onpointerup = this.#canvas.onpointercancel = () => (this.#dragged = undefined);
    this.#canvas.onkeydown = (event) => {
      const handle = this.#handles[this.#selected];
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (event.key === " ") this.#selected = (this.#selected + 1) % this.#handles.length;
      else if (step && handle) this.#move(handle, [handle.x + step[0] * KEY_STEP, handle.y + step[1] * KEY_STEP]);
      else return;
      event.preventDefault();
      this.#draw();
    };
  }

  get hasPath() {
    return "x" in this.#path && "y" in this.#path;
  }

  parameters(names: string[], values: number[]) {
    const value = (name: string) => values[names.indexOf(name)];
    this.#handles = names
      .filter((name) => /^x.$/.test(name) && names.includes(`y${name[1]}`))
      .map((name) => ({ suffix: name[1], x: value(name), y: value(`y${name[1]}`), radius: value(`r${name[1]}`) }));
    const target = this.#handles.findIndex((handle) => handle.suffix === "t");
    this.#selected = Math.max(target, 0);
    this.#draw();
  }

  /** Draws a path. Returns whether there is one. */
  path(named: Record<string, number[]>): boolean {
    this.#path = named;
    this.#draw();
    return this.hasPath;
  }

  clear() {
    this.path({});
  }

  #move(handle: Handle, [x, y]: [number, number]) {
    handle.x = x;
    handle.y = y;
    this.#draw();
    this.onMove([`x${handle.suffix}`, `y${handle.suffix}`], [x, y]);
  }

  #at(event: PointerEvent): [number, number] {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return [
      VIEW.left + ((event.clientX - left) / width) * (VIEW.right - VIEW.left),
      VIEW.top - ((event.clientY - top) / height) * (VIEW.top - VIEW.bottom),
    ];
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (!width) return;
    const ratio = devicePixelRatio;
    this.#canvas.width = width * ratio;
    this.#canvas.height = height * ratio;
    const context = this.#canvas.getContext("2d")!;
    context.scale(ratio, ratio);
    const scale = width / (VIEW.right - VIEW.left);
    const place = (x: number, y: number): [number, number] => [
      (x - VIEW.left) * scale,
      ((VIEW.top - y) / (VIEW.top - VIEW.bottom)) * height,
    ];
    const [line, ink, accent, second, third] = ["line", "ink", "accent", "second", "third"].map(color);
    context.strokeStyle = line;
    for (let at = -2; at <= 2; at += 0.5) {
      context.beginPath();
      context.moveTo(place(at, 0)[0], 0);
      context.lineTo(place(at, 0)[0], height);
      context.moveTo(0, place(0, at)[1]);
      context.lineTo(width, place(0, at)[1]);
      context.stroke();
    }
    context.fillStyle = color("faint");
    context.font = "11px system-ui";
    for (let at = -2; at <= 2; at++) {
      context.fillText(String(at), place(at, 0)[0] + 3, height - 5);
      if (at >= VIEW.bottom) context.fillText(String(at), 4, place(0, at)[1] - 4);
    }
    context.fillText("x", width - 12, height - 20);
    context.fillText("y", 20, 12);
    const { x = [], y = [], theta = [] } = this.#path;
    context.strokeStyle = context.fillStyle = accent;
    context.lineWidth = 2.5;
    context.beginPath();
    x.forEach((value, index) => context.lineTo(...place(value, y[index])));
    context.stroke();
    x.forEach((value, index) => {
      const [left, top] = place(value, y[index]);
      context.beginPath();
      context.arc(left, top, 2.5, 0, 7);
      context.fill();
      if (theta.length > index) {
        context.lineWidth = 1;
        context.beginPath();
        context.moveTo(left, top);
        context.lineTo(left + 12 * Math.cos(theta[index]), top - 12 * Math.sin(theta[index]));
        context.stroke();
      }
    });
    const points = this.#handles.map(
      ({ suffix, x, y }, index) =>
        `${TITLES[suffix] ?? suffix} at ${x.toFixed(2)}, ${y.toFixed(2)}${index === this.#selected ? " (chosen)" : ""}`,
    );
    this.#canvas.setAttribute("aria-label", `A path of ${x.length} points in the plane; ${points.join("; ")}. ${HINT}`);
    context.font = "13px system-ui";
    this.#handles.forEach((handle, index) => {
      const [left, top] = place(handle.x, handle.y);
      context.fillStyle = context.strokeStyle = { t: third, o: second }[handle.suffix] ?? ink;
      context.lineWidth = 2;
      if (handle.radius) {
        context.globalAlpha = 0.2;
        context.beginPath();
        context.arc(left, top, handle.radius * scale, 0, 7);
        context.fill();
        context.globalAlpha = 1;
        context.stroke();
      }
      context.beginPath();
      context.arc(left, top, 6, 0, 7);
      context.fill();
      if (index === this.#selected) {
        context.beginPath();
        context.arc(left, top, 10, 0, 7);
        context.stroke();
      }
      context.fillText(TITLES[handle.suffix] ?? handle.suffix, left + 13, top - 8);
    });
  }
}
