//! Client side of OptBayesExpt.

use labwire_core::obe::{Client, ErrorReply, Limits};
use labwire_core::python_json::{self, Value};
use labwire_core::session::{Asker, CloseReason, Event, Session, TransmitState};
use wasm_bindgen::prelude::*;

use crate::session::session_methods;
use crate::session_values::{from_python, instant, object};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export type ObeEvent =
    | { type: "reply"; value: any }
    | { type: "error"; code: string; message: string }
    | ClosedEvent;
"#;

/// One connection to an OptBayesExpt server: bytes in, bytes out. Replies come in the order of the messages.
#[wasm_bindgen]
#[derive(Debug)]
pub struct ObeSession {
    session: Client,
}

#[wasm_bindgen]
impl ObeSession {
    /// Creates a session.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self {
            session: Client::new(Limits::default()),
        }
    }

    /// Sends a message: JSON text, such as `{"command": "optset"}`.
    ///
    /// @throws {Error} if the message is not JSON, or the connection is closing
    pub fn send(&mut self, now: f64, message: &str) -> Result<(), JsError> {
        let message = python_json::parse(message.as_bytes(), &python_json::Limits::default())?;
        Ok(self.session.request(instant(now), &message)?)
    }

    /// Ends the connection after the last reply.
    pub fn finish(&mut self) {
        self.session.finish();
    }
}

session_methods!(ObeSession, "ObeEvent | undefined");

impl ObeSession {
    fn event(&mut self, reply: Value) -> JsValue {
        match ErrorReply::from_value(&reply) {
            Some(error) => object([
                ("type", "error".into()),
                ("code", error.code.into()),
                ("message", error.message.into()),
            ]),
            None => object([("type", "reply".into()), ("value", from_python(&reply))]),
        }
    }
}
