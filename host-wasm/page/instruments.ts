// Instruments of the laboratory: a device, PyMoDAQ's modules, ZEISS INSPECT.
import type { Bridge } from "labwire-wasm/client";
import { device } from "./device";
import { h } from "./dom";
import { modules } from "./modules";
import { zeiss } from "./zeiss";

export function instruments(bridge: Bridge): HTMLElement {
  return h("section", { className: "columns" }, device(bridge), modules(bridge), zeiss(bridge));
}
