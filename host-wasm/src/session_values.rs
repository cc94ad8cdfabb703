//! Conversions between the values of sessions and those of JavaScript.

use js_sys::{Array, Float64Array, Object, Reflect, Uint8Array};
use labwire_core::python_json::Value;
use labwire_core::time::Instant;
use wasm_bindgen::prelude::*;

/// Object with these properties.
pub(crate) fn object<const N: usize>(properties: [(&str, JsValue); N]) -> JsValue {
    let object = Object::new();
    for (key, value) in properties {
        // Setting a property of a fresh object cannot fail.
        let _ = Reflect::set(&object, &key.into(), &value);
    }
    object.into()
}

/// Value of Python's JSON; integers that a number cannot hold exactly become texts.
pub(crate) fn from_python(value: &Value) -> JsValue {
    match value {
        Value::Null => JsValue::NULL,
        Value::Bool(value) => (*value).into(),
        Value::BigInt(value) => value.as_str().into(),
        Value::List(items) => items.iter().map(from_python).collect::<Array>().into(),
        Value::Object(entries) => {
            let object = Object::new();
            for (key, value) in entries {
                let key = key.to_string();
                let _ = Reflect::set(&object, &key.into(), &from_python(value));
            }
            object.into()
        }
        Value::Int(value) if value.unsigned_abs() >> 53 != 0 => value.to_string().into(),
        Value::Int(value) => (*value as f64).into(),
        Value::Float(value) => (*value).into(),
        Value::Text(text) => text.to_string().into(),
    }
}

pub(crate) fn floats(values: &[f64]) -> JsValue {
    Float64Array::from(values).into()
}

pub(crate) fn bytes(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

/// The instant `now` milliseconds after the caller's origin.
pub(crate) fn instant(now: f64) -> Instant {
    Instant::from_nanos((now * 1e6) as u64)
}
