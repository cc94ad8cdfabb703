//! Methods that the sessions of all protocols share.

/// Defines the methods for bytes, time and events of a class whose field `session` is one of the core's sessions. Its
/// method `event` converts an event of the protocol to a JavaScript value, whose TypeScript type is `$type`.
macro_rules! session_methods {
    ($class:ident, $type:literal) => {
        #[wasm_bindgen::prelude::wasm_bindgen]
        impl $class {
            /// Takes bytes from the peer. Must not be called while `wantsInput` is false.
            #[wasm_bindgen(js_name = handleInput)]
            pub fn handle_input(&mut self, now: f64, bytes: &[u8]) {
                self.session.handle_input($crate::session_values::instant(now), bytes);
            }

            /// Reports that the peer has closed its sending side.
            #[wasm_bindgen(js_name = handleEof)]
            pub fn handle_eof(&mut self, now: f64) {
                self.session.handle_eof($crate::session_values::instant(now));
            }

            /// Reports that the transport has failed.
            #[wasm_bindgen(js_name = handleLost)]
            pub fn handle_lost(&mut self, now: f64) {
                self.session.handle_lost($crate::session_values::instant(now));
            }

            /// Reports that time has passed. A call before `pollTimeout` is due does nothing.
            #[wasm_bindgen(js_name = handleTimeout)]
            pub fn handle_timeout(&mut self, now: f64) {
                self.session.handle_timeout($crate::session_values::instant(now));
            }

            /// Asks the session to end: requests in progress are still answered, new ones refused.
            #[wasm_bindgen(js_name = handleShutdown)]
            pub fn handle_shutdown(&mut self, now: f64) {
                self.session.handle_shutdown($crate::session_values::instant(now));
            }

            /// Whether the session accepts more input now.
            #[wasm_bindgen(getter, js_name = wantsInput)]
            pub fn wants_input(&self) -> bool {
                self.session.wants_input()
            }

            /// Takes all bytes to be sent.
            pub fn transmit(&mut self, now: f64) -> Vec<u8> {
                let mut bytes = Vec::new();
                while !self.session.transmit().is_empty() {
                    let waiting = self.session.transmit();
                    bytes.extend_from_slice(waiting);
                    let count = waiting.len();
                    self.session.transmitted($crate::session_values::instant(now), count);
                }
                bytes
            }

            /// State of the sending side once everything is sent: "open"; "finish" to send FIN; "linger" to send FIN
            /// and read on until `isDrained`; "abort" to drop the transport.
            #[wasm_bindgen(getter, js_name = transmitState, unchecked_return_type = "\"open\" | \"finish\" | \"linger\" | \"abort\"")]
            pub fn transmit_state(&self) -> String {
                match self.session.transmit_state() {
                    TransmitState::Open => "open",
                    TransmitState::FinishAfterDrain => "finish",
                    TransmitState::CloseAfterLinger => "linger",
                    TransmitState::Abort => "abort",
                }
                .into()
            }

            /// The next event. "closed" is the last.
            #[wasm_bindgen(js_name = pollEvent, unchecked_return_type = $type)]
            pub fn poll_event(&mut self) -> wasm_bindgen::JsValue {
                match self.session.poll_event() {
                    None => wasm_bindgen::JsValue::UNDEFINED,
                    Some(Event::Application(event)) => self.event(event),
                    Some(Event::Closed(reason)) => $crate::session_values::object([
                        ("type", "closed".into()),
                        ("isRegular", (reason == CloseReason::Finished).into()),
                        ("reason", reason.to_string().into()),
                    ]),
                }
            }

            /// Time at which `handleTimeout` is due, in milliseconds.
            #[wasm_bindgen(js_name = pollTimeout)]
            pub fn poll_timeout(&self) -> Option<f64> {
                let (due, _) = self.session.poll_timeout()?;
                // Rounded up, so that it is not called too early.
                Some((due.as_nanos() as f64 / 1e6).ceil())
            }

            /// Whether no more events or requests are possible.
            #[wasm_bindgen(getter, js_name = isClosed)]
            pub fn is_closed(&self) -> bool {
                self.session.is_closed()
            }

            /// Whether nothing is left to do: session and transport may be dropped.
            #[wasm_bindgen(getter, js_name = isDrained)]
            pub fn is_drained(&self) -> bool {
                self.session.is_drained()
            }
        }
    };
}
pub(crate) use session_methods;
