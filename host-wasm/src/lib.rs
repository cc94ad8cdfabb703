//! labwire-wasm.
