//! Client side of ZEISS INSPECT's interface.

use labwire_core::session::{Asker, CloseReason, Event, Session, TransmitState};
use labwire_core::zeiss::{Client, ImportMode, Limits, Request, Transport};
use wasm_bindgen::prelude::*;

use crate::session::session_methods;
use crate::session_values::{instant, object};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export type ZeissEvent = { type: "answer"; text: string } | ClosedEvent;
"#;

/// Connection for one request to INSPECT over TCP: bytes in, bytes out.
#[wasm_bindgen]
#[derive(Debug)]
pub struct ZeissSession {
    session: Client,
}

#[wasm_bindgen]
impl ZeissSession {
    /// Creates a session for one request.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self {
            session: Client::new(Transport::Tcp, Limits::default()),
        }
    }

    /// Imports an image file into a measurement series; the focal length is in mm.
    ///
    /// @throws {Error} if a name is empty or the focal length is not positive
    pub fn image(&mut self, now: f64, file: &str, series: &str, focal_length: f64) -> Result<(), JsError> {
        self.send(now, &Request::image(file, series, focal_length)?)
    }

    /// Imports elements into the clipboard or into a new stage.
    ///
    /// @throws {Error} if the file name is empty
    pub fn elements(&mut self, now: f64, file: &str, into_new_stage: bool) -> Result<(), JsError> {
        let import_mode = if into_new_stage {
            ImportMode::NewStage
        } else {
            ImportMode::Clipboard
        };
        self.send(now, &Request::elements(file, import_mode)?)
    }

    fn send(&mut self, now: f64, request: &Request) -> Result<(), JsError> {
        Ok(self.session.request(instant(now), &request.to_text())?)
    }
}

session_methods!(ZeissSession, "ZeissEvent | undefined");

impl ZeissSession {
    fn event(&mut self, answer: String) -> JsValue {
        object([("type", "answer".into()), ("text", answer.into())])
    }
}
