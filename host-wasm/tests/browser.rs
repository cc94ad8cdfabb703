//! The package as a page uses it. Runs in a browser: stage `wasm_tests` of .ci/run.
#![cfg(target_arch = "wasm32")]

use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
fn tells_its_version() {
    assert_eq!(labwire_wasm::version(), env!("CARGO_PKG_VERSION"));
}
