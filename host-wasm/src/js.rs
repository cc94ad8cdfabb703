//! Arguments and results that JavaScript gives and gets.

use core::fmt::Display;

use js_sys::TypeError;
use wasm_bindgen::prelude::*;

// Before an argument reaches Rust, package/guard.ts checks it by the name of its type.
#[wasm_bindgen(typescript_custom_section)]
const ARGUMENTS: &str = r#"
/** Problem or experiment file: its text, or the object that the text would describe. */
export type FileText = string | object;
/** Object that a problem or experiment file would describe. */
export type FileObject = object;
/** Numbers: an array, or a typed array. */
export type Numbers = ArrayLike<number>;
/** Whole number from 0 to 2^32 - 1. */
export type Count = number;
/** Whole number from -2^31 to 2^31 - 1. */
export type Integer = number;
/** Seed of random numbers: a whole number from 0 to 2^53 - 1, or a BigInt from 0 to 2^64 - 1. */
export type Seed = number | bigint;
"#;

/// Error about the argument `name`, an object whose contents do not fit.
pub(crate) fn type_error(name: &str, error: impl Display) -> JsValue {
    TypeError::new(&format!("`{name}`: {error}")).into()
}
