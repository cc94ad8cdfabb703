//! What the sessions of all protocols have alike.

/// The methods by which bytes, time and events go in and out of a class whose field `session` is one of the core's
/// sessions. Its method `event` makes a JavaScript value of an event of the protocol, `$type` is the type of that in TypeScript.
macro_rules! session_methods {
    ($class:ident, $type:literal) => {
        #[wasm_bindgen::prelude::wasm_bindgen]
        impl $class {
            /// Takes bytes that the peer sent. Not to be called while `wantsInput` is false.
            #[wasm_bindgen(js_name = handleInput)]
            pub fn handle_input(&mut self, now: f64, bytes: &[u8]) {
                self.session.handle_input($crate::js::instant(now), bytes);
            }

            /// The peer has closed its sending side.
            #[wasm_bindgen(js_name = handleEof)]
            pub fn handle_eof(&mut self, now: f64) {
                self.session.handle_eof($crate::js::instant(now));
            }

            /// The transport has failed.
            #[wasm_bindgen(js_name = handleLost)]
            pub fn handle_lost(&mut self, now: f64) {
                self.session.handle_lost($crate::js::instant(now));
            }

            /// Time has passed. A call before `pollTimeout` is due does nothing.
            #[wasm_bindgen(js_name = handleTimeout)]
            pub fn handle_timeout(&mut self, now: f64) {
                self.session.handle_timeout($crate::js::instant(now));
            }

            /// The end is wanted: what was asked for is still answered, nothing new is taken.
            #[wasm_bindgen(js_name = handleShutdown)]
            pub fn handle_shutdown(&mut self, now: f64) {
                self.session.handle_shutdown($crate::js::instant(now));
            }

            /// False while more input would be too much.
            #[wasm_bindgen(getter, js_name = wantsInput)]
            pub fn wants_input(&self) -> bool {
                self.session.wants_input()
            }

            /// Takes all bytes that wait to be sent.
            pub fn transmit(&mut self, now: f64) -> Vec<u8> {
                let mut bytes = Vec::new();
                while !self.session.transmit().is_empty() {
                    let waiting = self.session.transmit();
                    bytes.extend_from_slice(waiting);
                    let count = waiting.len();
                    self.session.transmitted($crate::js::instant(now), count);
                }
                bytes
            }

            /// What becomes of the sending side once everything is sent: it stays open; FIN; FIN, and reading on until
            /// `isDrained`; the transport is dropped.
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
                    Some(Event::Closed(reason)) => $crate::js::object([
                        ("type", "closed".into()),
                        ("isRegular", (reason == CloseReason::Finished).into()),
                        ("reason", reason.to_string().into()),
                    ]),
                }
            }

            /// When `handleTimeout` is due, in milliseconds.
            #[wasm_bindgen(js_name = pollTimeout)]
            pub fn poll_timeout(&self) -> Option<f64> {
                let (due, _) = self.session.poll_timeout()?;
                // Rounded up: not before it is due.
                Some((due.as_nanos() as f64 / 1e6).ceil())
            }

            /// No more work for the application.
            #[wasm_bindgen(getter, js_name = isClosed)]
            pub fn is_closed(&self) -> bool {
                self.session.is_closed()
            }

            /// Nothing is left to do: session and transport may be dropped.
            #[wasm_bindgen(getter, js_name = isDrained)]
            pub fn is_drained(&self) -> bool {
                self.session.is_drained()
            }
        }
    };
}
pub(crate) use session_methods;
