// Requests to ZEISS INSPECT.
import { type Bridge, ZeissClient } from "labwire-wasm/client";
import { button, card, h, message } from "./dom";

export function zeiss(bridge: Bridge): HTMLElement {
  const client = new ZeissClient(bridge);
  const file = h("input", { className: "grow", value: "part-01.png", "aria-label": "File on the server" });
  const series = h("input", { className: "grow", value: "series 1", "aria-label": "Measurement series" });
  const focal = h("input", { type: "number", value: 50, step: "any", "aria-label": "Focal length in mm" });
  focal.style.width = "6rem";
  const log = h("div", {
    className: "log",
    role: "log",
    tabIndex: 0,
    "aria-label": "Answers of INSPECT",
    "data-empty": "Nothing was asked yet.",
  });
  log.style.height = "8rem";
  const ask = async (what: string, request: () => Promise<string>) => {
    log.append(h("p", { className: "out" }, `> ${what}`));
    try {
      const answer = await request();
      log.append(h("p", { className: answer === "O.k." ? "" : "bad" }, answer));
    } catch (error) {
      log.append(h("p", { className: "bad" }, `${message(error)} — is labwire serve running with a ZEISS port?`));
    }
    log.scrollTop = log.scrollHeight;
  };
  const image = () => ask(`image ${file.value} into ${series.value}`, () => client.image(file.value, series.value, Number(focal.value)));
  const elements = (isNew: boolean) => () => void ask(`elements ${file.value}`, () => client.elements(file.value, isNew));
  return card(
    "ZEISS INSPECT",
    h("div", { className: "row" }, h("label", { className: "grow" }, "file", file)),
    h("div", { className: "row" }, h("label", { className: "grow" }, "series", series), h("label", {}, "f / mm", focal)),
    h(
      "div",
      { className: "row" },
      button("Import image", () => void image(), { className: "primary" }),
      button("Elements to clipboard", elements(false)),
      button("Elements to new stage", elements(true)),
    ),
    log,
  );
}
