//! Errors of the core as JavaScript `Error`s.

use js_sys::{Error, Reflect};
use labwire_core::problem::TextError;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const PROBLEM_ERROR: &str = r#"
/** Error in the text of a problem or experiment. The message shows the position, with a caret under it. */
export interface TextError extends Error {
    name: "TextError";
    /** Description of the error, without the position. */
    reason: string;
    /** Path of the key, from the outermost on, such as `f1.expressions[1]`; empty for the text as a whole. */
    path: string;
    /** Line, from 1. */
    line: number;
    /** Column in characters (not UTF-16 units), from 1. */
    column: number;
    /** Advice, if any. */
    help: string | undefined;
}
"#;

pub(crate) fn problem_error(error: &TextError) -> JsValue {
    let thrown = Error::new(&error.to_string());
    thrown.set_name("TextError");
    let properties = [
        ("reason", JsValue::from_str(&error.message)),
        ("path", JsValue::from_str(&error.path)),
        ("line", JsValue::from_f64(error.line as f64)),
        ("column", JsValue::from_f64(error.column as f64)),
        ("help", JsValue::from(error.help.clone())),
    ];
    for (key, value) in properties {
        // Setting a property of a fresh object cannot fail.
        let _ = Reflect::set(&thrown, &key.into(), &value);
    }
    thrown.into()
}
