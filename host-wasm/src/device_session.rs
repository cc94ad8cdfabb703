//! Lab devices with self-healing connections.

use labwire_core::device::{Connection, DeviceEvent, Dialect, Health, Request, RequestId, State};
use labwire_core::session::{
    Action, Asker, CloseReason, ConnectError, Connector, Event, Session, TransmitState,
};
use wasm_bindgen::prelude::*;

use crate::session::session_methods;
use crate::session_values::{bytes, instant, object};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export type DeviceEvent =
    | { type: "degraded"; cause: string; unconfirmed: number }
    | { type: "restored"; afterMs: number }
    /** What the device has sent without having been asked. */
    | { type: "unasked"; bytes: Uint8Array }
    /** `answer` is without its framing; with an `error`, `isSent` tells whether the device may have received the message. */
    | { type: "finished"; id: number; answer?: Uint8Array; error?: string; isSent?: boolean }
    | ClosedEvent;
"#;

/// Self-healing connection to a device: it decides when to connect and to close, and outlives single connections.
#[wasm_bindgen]
#[derive(Debug)]
pub struct DeviceSession {
    session: Connection,
    dialect: Dialect,
    /// Pending requests, with their ids on the JavaScript side.
    pending: Vec<(RequestId, u32)>,
    next_id: u32,
}

#[wasm_bindgen]
impl DeviceSession {
    /// Creates a connection, which the first `handleTimeout` starts. `dialect` is the framing of messages, "scpi",
    /// "crlf", "prompt" and so on, and may have options: "scpi,end=crlf,echo". `seed` determines the jitter of the
    /// back-off.
    ///
    /// @throws {Error} if the dialect or an option is unknown
    #[wasm_bindgen(constructor)]
    pub fn new(
        dialect: &str,
        #[wasm_bindgen(unchecked_param_type = "Seed")] seed: u64,
    ) -> Result<Self, JsError> {
        let dialect: Dialect = dialect.parse()?;
        Ok(Self {
            session: Connection::new(dialect.settings(), seed),
            dialect,
            pending: Vec::new(),
            next_id: 0,
        })
    }

    /// Queues a command with an answer. Returns the `id` of its "finished" event.
    ///
    /// @throws {Error} if the dialect cannot express the command, or too many are waiting
    pub fn query(&mut self, now: f64, command: &str) -> Result<u32, JsError> {
        self.request(now, self.dialect.query(command.as_bytes())?)
    }

    /// Queues a command that sets something, without an answer if the dialect gives none to such commands.
    ///
    /// @throws {Error} if the dialect cannot express the command, or too many are waiting
    pub fn send(&mut self, now: f64, command: &str) -> Result<u32, JsError> {
        self.request(now, self.dialect.send(command.as_bytes())?)
    }

    /// Queues a command: with an answer if there is a question mark in its first word, or if the dialect answers all
    /// commands.
    ///
    /// @throws {Error} if the dialect cannot express the command, or too many are waiting
    pub fn talk(&mut self, now: f64, command: &str) -> Result<u32, JsError> {
        self.request(now, self.dialect.request(command.as_bytes())?)
    }

    fn request(&mut self, now: f64, request: Request) -> Result<u32, JsError> {
        let request = self.session.request(instant(now), &request)?;
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        self.pending.push((request, id));
        Ok(id)
    }

    fn event(&mut self, event: DeviceEvent) -> JsValue {
        match event {
            DeviceEvent::Health(Health::Degraded { cause, unconfirmed }) => object([
                ("type", "degraded".into()),
                ("cause", cause.to_string().into()),
                ("unconfirmed", unconfirmed.into()),
            ]),
            DeviceEvent::Health(Health::Restored { after }) => object([
                ("type", "restored".into()),
                ("afterMs", (after.as_secs_f64() * 1e3).into()),
            ]),
            DeviceEvent::Unasked(unasked) => object([("type", "unasked".into()), ("bytes", bytes(&unasked))]),
            DeviceEvent::Finished { id, result } => {
                let place = self.pending.iter().position(|(request, _)| *request == id);
                let id = place.map(|place| self.pending.swap_remove(place).1);
                let (kind, id) = (("type", "finished".into()), ("id", id.into()));
                match result {
                    Ok(answer) => object([kind, id, ("answer", bytes(self.dialect.payload(&answer)))]),
                    Err(failure) => object([
                        kind,
                        id,
                        ("error", failure.to_string().into()),
                        ("isSent", failure.is_sent().into()),
                    ]),
                }
            }
        }
    }

    /// Next action on the transport.
    #[wasm_bindgen(js_name = pollAction, unchecked_return_type = "\"connect\" | \"close\" | undefined")]
    pub fn poll_action(&mut self) -> Option<String> {
        self.session.poll_action().map(|action| match action {
            Action::Connect => "connect".into(),
            Action::Close => "close".into(),
        })
    }

    /// Reports that the attempt that "connect" asked for has succeeded.
    #[wasm_bindgen(js_name = handleConnected)]
    pub fn handle_connected(&mut self, now: f64) {
        self.session.handle_connected(instant(now));
    }

    /// Reports that the attempt that "connect" asked for has failed.
    #[wasm_bindgen(js_name = handleConnectFailed)]
    pub fn handle_connect_failed(&mut self, now: f64, why: String) {
        self.session
            .handle_connect_failed(instant(now), ConnectError::Other(why));
    }

    /// State of the connection; in "backoff" it waits before the next attempt.
    #[wasm_bindgen(
        getter,
        unchecked_return_type = "\"disconnected\" | \"connecting\" | \"connected\" | \"backoff\""
    )]
    pub fn state(&self) -> String {
        match self.session.state() {
            State::Disconnected => "disconnected",
            State::Connecting => "connecting",
            State::Connected => "connected",
            State::Backoff => "backoff",
        }
        .into()
    }

    /// Reason why the device is unusable; undefined while it is well.
    #[wasm_bindgen(getter)]
    pub fn degraded(&self) -> Option<String> {
        self.session.degraded().map(ToString::to_string)
    }
}

session_methods!(DeviceSession, "DeviceEvent | undefined");
