//! Lab devices, with connections that heal themselves.

use labwire_core::device::{Connection, DeviceEvent, Dialect, Health, Request, RequestId, State};
use labwire_core::session::{
    Action, Asker, CloseReason, ConnectError, Connector, Event, Session, TransmitState,
};
use wasm_bindgen::prelude::*;

use crate::js::{bytes, instant, object};
use crate::session::session_methods;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export type DeviceEvent =
    | { type: "degraded"; cause: string; unconfirmed: number }
    | { type: "restored"; afterMs: number }
    /** `answer` is without what frames it; of `error`, `isSent` says whether the device may have received the message. */
    | { type: "finished"; id: number; answer?: Uint8Array; error?: string; isSent?: boolean }
    | ClosedEvent;
"#;

/// A connection to a device that heals itself: it says when to connect and when to close, and outlives both.
#[wasm_bindgen]
#[derive(Debug)]
pub struct DeviceSession {
    session: Connection,
    dialect: &'static Dialect,
    /// What the requests that have not ended are called here.
    pending: Vec<(RequestId, u32)>,
    next_id: u32,
}

#[wasm_bindgen]
impl DeviceSession {
    /// A connection that the first `handleTimeout` sets going. `dialect` says how messages are framed: "scpi", "crlf",
    /// "prompt" and so on. `seed` decides the jitter of the waiting times.
    ///
    /// @throws {Error} when there is no such dialect
    #[wasm_bindgen(constructor)]
    pub fn new(dialect: &str, seed: u32) -> Result<Self, JsError> {
        let names = || -> Vec<_> { Dialect::ALL.iter().map(|dialect| dialect.name).collect() };
        let dialect = Dialect::by_name(dialect).ok_or_else(|| {
            JsError::new(&format!(
                "there is no dialect {dialect:?} but {}",
                names().join(", ")
            ))
        })?;
        Ok(Self {
            session: Connection::new(dialect.settings(), u64::from(seed)),
            dialect,
            pending: Vec::new(),
            next_id: 0,
        })
    }

    /// Queues a command that is answered; returns the `id` of the event by which it ends.
    ///
    /// @throws {Error} when the dialect cannot say it, or too many wait
    pub fn query(&mut self, now: f64, command: &str) -> Result<u32, JsError> {
        self.request(now, self.dialect.query(command.as_bytes())?)
    }

    /// Queues a command that sets something: without an answer, where the dialect does not answer such commands.
    ///
    /// @throws {Error} when the dialect cannot say it, or too many wait
    pub fn send(&mut self, now: f64, command: &str) -> Result<u32, JsError> {
        self.request(now, self.dialect.send(command.as_bytes())?)
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

    /// What is to be done with the transport.
    #[wasm_bindgen(js_name = pollAction, unchecked_return_type = "\"connect\" | \"close\" | undefined")]
    pub fn poll_action(&mut self) -> Option<String> {
        self.session.poll_action().map(|action| match action {
            Action::Connect => "connect".into(),
            Action::Close => "close".into(),
        })
    }

    /// The attempt that "connect" asked for has succeeded.
    #[wasm_bindgen(js_name = handleConnected)]
    pub fn handle_connected(&mut self, now: f64) {
        self.session.handle_connected(instant(now));
    }

    /// The attempt that "connect" asked for has failed.
    #[wasm_bindgen(js_name = handleConnectFailed)]
    pub fn handle_connect_failed(&mut self, now: f64, why: String) {
        self.session
            .handle_connect_failed(instant(now), ConnectError::Other(why));
    }

    /// Where the connection stands; "backoff" waits before the next attempt.
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

    /// Why the device is unusable; undefined while it is well.
    #[wasm_bindgen(getter)]
    pub fn degraded(&self) -> Option<String> {
        self.session.degraded().map(ToString::to_string)
    }
}

session_methods!(DeviceSession, "DeviceEvent | undefined");
