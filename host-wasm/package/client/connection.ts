// Moves the bytes of a session over the WebSockets of `labwire serve`.
import { type Protocol, RecordedSession, type Recording, type SessionEvent, type Step } from "./recording.js";

/** Bridge of a `labwire serve` to its servers. */
export class Bridge {
  /** @param base address of its page, such as "http://127.0.0.1:8080" */
  constructor(
    readonly base: string,
    readonly token?: string,
  ) {}

  /** Address of a WebSocket. */
  url(path: Protocol, address?: string): string {
    const url = new URL(path, this.base);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    if (address) url.searchParams.set("address", address);
    if (this.token) url.searchParams.set("token", this.token);
    return url.href;
  }

  /** Directory of the bridge. Throws an `Error` with the reason if it cannot be read. */
  async describe(signal?: AbortSignal): Promise<{ paths: string[]; devices: string[]; "frame-bytes": number }> {
    const url = new URL("bridge", this.base);
    // Not as a header, which would need a preflight request from a foreign page.
    if (this.token) url.searchParams.set("token", this.token);
    let response;
    try {
      response = await fetch(url, { signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Error(await this.#whyUnreadable(url));
    }
    const text = await response.text();
    if (!response.ok) throw new Error(`the bridge refuses (${response.status}): ${text.trim()}`);
    return JSON.parse(text);
  }

  /** A page learns nothing about the answer of another origin, except that there was one. */
  async #whyUnreadable(url: URL): Promise<string> {
    try {
      await fetch(url, { mode: "no-cors" });
      return `the bridge refuses pages of ${location.origin} (403); its configuration allows them by "origins" in [web]`;
    } catch {
      return "no labwire serve answers there";
    }
  }
}

export interface ConnectionOptions {
  bridge: Bridge;
  /** Address of a device. Default: the bridge's first. */
  address?: string;
  onEvent?: (event: SessionEvent) => void;
}

/** Observers of every connection, such as an inspector. */
export const observers = new Set<(connection: Connection, step: Step) => void>();

/** Size of a WebSocket message: below the bridge's limit `frame-bytes`. */
const FRAME_BYTES = 1 << 18;

/** Session with the WebSocket that carries it; a session that owns its connection has several in turn. */
export class Connection {
  readonly #recorded: RecordedSession;
  #socket: WebSocket | undefined;
  #waiting: Uint8Array[] = [];
  #hasFinished = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;
  /** Reason why the transport failed, if it did. */
  failure: string | undefined;

  constructor(
    readonly protocol: Protocol,
    args: unknown[],
    readonly options: ConnectionOptions,
  ) {
    this.#recorded = new RecordedSession(protocol, args);
    if (protocol === "device") queueMicrotask(() => this.#isOver || this.call("handleTimeout"));
    else {
      this.#connect();
      // Output of a session without a call is recorded too.
      this.call("handleTimeout");
    }
  }

  /** Recording so far. */
  get recording(): Recording {
    return this.#recorded.recording;
  }

  /** Session, for reading only. */
  get session() {
    return this.#recorded.session;
  }

  /** Whether no more requests are possible. */
  get isClosed(): boolean {
    return this.#isOver || this.session.isClosed;
  }

  /** Calls a method of the session, with the time as its first argument. */
  call(name: string, ...args: unknown[]): unknown {
    if (this.#isOver) throw new Error("the connection has ended");
    const step = this.#recorded.call(performance.now(), name, args);
    this.#after(step);
    return step.result;
  }

  /** Closes the connection at once. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#drop();
    this.#recorded.session.free();
  }

  #after(step: Step) {
    if (step.sent.length > 0) this.#waiting.push(step.sent);
    for (const action of step.actions) {
      this.#drop();
      if (action === "connect") this.#connect();
    }
    this.#flush();
    const { session } = this.#recorded;
    const isDone = session.isDrained || session.transmitState === "abort";
    clearTimeout(this.#timer);
    const due = isDone ? undefined : session.pollTimeout();
    if (due !== undefined) {
      const wait = Math.min(Math.max(due - performance.now(), 0), 2 ** 31 - 1);
      this.#timer = setTimeout(() => this.call("handleTimeout"), wait);
    }
    for (const observer of observers) observer(this, step);
    for (const event of step.events) this.options.onEvent?.(event);
    if (isDone) this.close();
  }

  #connect() {
    const { bridge, address } = this.options;
    const socket = new WebSocket(bridge.url(this.protocol, address));
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#waiting = [];
    let isOpen = false;
    const isMine = () => this.#socket === socket && !this.#isOver;
    socket.onopen = () => {
      isOpen = true;
      if (!isMine()) return;
      if (this.protocol === "device") this.call("handleConnected");
      this.#flush();
    };
    socket.onmessage = ({ data }) => {
      if (isMine()) this.call("handleInput", new Uint8Array(data));
    };
    socket.onclose = async ({ code, reason }) => {
      if (!isMine()) return;
      if (code === 1000) return this.call("handleEof");
      this.failure = reason || (await this.#whyRefused(isOpen));
      if (!isMine()) return;
      if (this.protocol === "device" && !isOpen) this.call("handleConnectFailed", this.failure);
      else this.call("handleLost");
    };
  }

  /** A page learns nothing about a WebSocket that was refused, so asks the bridge for the reason. */
  async #whyRefused(wasOpen: boolean): Promise<string> {
    if (wasOpen) return "the connection broke";
    try {
      const { paths } = await this.options.bridge.describe();
      return paths.includes(this.protocol) ? "the bridge refused the connection" : `this server has no /${this.protocol}`;
    } catch (error) {
      return (error as Error).message;
    }
  }

  #flush() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    for (const bytes of this.#waiting) {
      for (let at = 0; at < bytes.length; at += FRAME_BYTES) {
        this.#socket.send(bytes.subarray(at, at + FRAME_BYTES) as Uint8Array<ArrayBuffer>);
      }
    }
    this.#waiting = [];
    const state = this.#recorded.session.transmitState;
    if (!this.#hasFinished && (state === "finish" || state === "linger")) {
      this.#hasFinished = true;
      // The bridge takes an empty message as the end of the page's bytes.
      this.#socket.send(new Uint8Array());
    }
  }

  #drop() {
    this.#socket?.close();
    this.#socket = undefined;
  }
}
