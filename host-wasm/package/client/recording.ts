// Recording of a connection, exact enough to replay it: a session does no I/O, so the same calls with the same
// times give the same bytes and events.
import { DeviceSession, ObeSession, OpenSession, PymodaqSession, ZeissSession } from "../api.js";

/** Methods of every session class. */
export interface RawSession {
  handleInput(now: number, bytes: Uint8Array): void;
  handleEof(now: number): void;
  handleLost(now: number): void;
  handleTimeout(now: number): void;
  handleShutdown(now: number): void;
  readonly wantsInput: boolean;
  transmit(now: number): Uint8Array;
  readonly transmitState: "open" | "finish" | "linger" | "abort";
  pollEvent(): SessionEvent | undefined;
  pollTimeout(): number | undefined;
  readonly isClosed: boolean;
  readonly isDrained: boolean;
  free(): void;
}

/** Event of any session; see `OpenEvent` and so on. */
export type SessionEvent = { type: string; [key: string]: unknown };

const sessions: Record<string, new (...args: any[]) => RawSession> = {
  open: OpenSession as never,
  obe: ObeSession as never,
  zeiss: ZeissSession as never,
  pymodaq: PymodaqSession as never,
  device: DeviceSession as never,
};

/** Name of a protocol: the path of the bridge that leads to it. */
export type Protocol = "open" | "obe" | "zeiss" | "pymodaq" | "device";

/** Call of a session, and its effects. */
export interface Step {
  /** Time in milliseconds. */
  at: number;
  call: string;
  args: unknown[];
  /** Bytes sent after it. */
  sent: Uint8Array;
  events: SessionEvent[];
  /** Actions of a session that owns its connection: "connect", "close". */
  actions: string[];
}

/** Recording of one connection. */
export interface Recording {
  protocol: Protocol;
  /** Arguments of the session's constructor. */
  args: unknown[];
  steps: Step[];
  /** Whether the connection went on after the end of the recording. */
  isCut?: boolean;
}

/** Largest number of bytes, in and out, of a recording; later ones are not recorded. */
const RECORDED_BYTES = 4 << 20;

/** Session that records its calls and their effects. */
export class RecordedSession {
  readonly recording: Recording;
  readonly session: RawSession;
  #bytes = 0;

  constructor(protocol: Protocol, args: unknown[]) {
    this.session = new sessions[protocol](...args);
    this.recording = { protocol, args, steps: [] };
  }

  /** Calls a method whose first argument is the time. A call that throws is not recorded. */
  call(at: number, call: string, args: unknown[]): Step & { result: unknown } {
    const result = (this.session as any)[call](at, ...args);
    const step: Step = { at, call, args, sent: new Uint8Array(), events: [], actions: [] };
    this.#drain(at, step);
    // Calls without an effect, such as an early timer, are not recorded.
    if (call !== "handleTimeout" || step.sent.length + step.events.length + step.actions.length > 0) this.#note(step);
    return { ...step, result };
  }

  #note(step: Step) {
    const received = step.args[0] instanceof Uint8Array ? step.args[0].length : 0;
    this.#bytes += step.sent.length + received;
    // The beginning is kept: a part from the middle could not be replayed.
    if (this.#bytes > RECORDED_BYTES) this.recording.isCut = true;
    else this.recording.steps.push(step);
  }

  #drain(at: number, step: Step) {
    const owner = this.session as { pollAction?(): string | undefined };
    for (let action; (action = owner.pollAction?.());) step.actions.push(action);
    for (let event; (event = this.session.pollEvent());) step.events.push(event);
    step.sent = this.session.transmit(at);
    // Sending the last bytes may have ended the session.
    for (let event; (event = this.session.pollEvent());) step.events.push(event);
  }
}

/** Replays a recording. Returns the steps whose bytes, events or actions differ, of which there should be none. */
export function replay(recording: Recording): { steps: Step[]; differences: number[] } {
  const again = new RecordedSession(recording.protocol, recording.args);
  const differences: number[] = [];
  const steps = recording.steps.map((step, index) => {
    const now = again.call(step.at, step.call, step.args);
    const outcome = ({ sent, events, actions }: Step) => JSON.stringify(encode({ sent, events, actions }));
    if (outcome(now) !== outcome(step)) differences.push(index);
    return now;
  });
  again.session.free();
  return { steps, differences };
}

/** Recording as JSON text. */
export function stringify(recording: Recording): string {
  return JSON.stringify(encode({ version: 1, ...recording }), undefined, 1);
}

/** Recording from JSON text. */
export function parse(text: string): Recording {
  const found = JSON.parse(text, (_, value) => decode(value));
  if (found?.version !== 1) throw new Error(`expected a recording of version 1, not ${found?.version}`);
  if (!(found.protocol in sessions) || !Array.isArray(found.args) || !Array.isArray(found.steps)) {
    throw new Error("not a labwire recording");
  }
  const { protocol, args, steps, isCut } = found;
  return { protocol, args, steps, isCut };
}

/** Bytes as `{bytes: hexadecimal}`, arrays of numbers as `{floats: [...]}`, numbers that JSON lacks as `{float: name}`. */
export function encode(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: hex(value) };
  if (value instanceof Float64Array) return { floats: [...value].map(encode) };
  if (typeof value === "number" && !Number.isFinite(value)) return { float: String(value) };
  if (Array.isArray(value)) return value.map(encode);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, encode(inner)]));
}

function decode(value: any): unknown {
  if (value === null || typeof value !== "object") return value;
  if (typeof value.bytes === "string") {
    return Uint8Array.from(value.bytes.match(/../g) ?? [], (digits: string) => parseInt(digits, 16));
  }
  if (typeof value.float === "string") return Number(value.float);
  if (Array.isArray(value.floats)) return Float64Array.from(value.floats);
  return value;
}

/** Two digits per byte. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
