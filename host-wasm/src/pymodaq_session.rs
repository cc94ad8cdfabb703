//! Controller of the PyMoDAQ modules of a server.

use js_sys::Array;
use labwire_core::pymodaq::{
    Answer, Command, ControlAnswer, ControlRequest, Controller, DataDim, DataToExport, Limits, ModuleAnswer,
    NdArray, Settings,
};
use labwire_core::session::{Asker, CloseReason, Event, Session, TransmitState};
use wasm_bindgen::prelude::*;

use crate::session::session_methods;
use crate::session_values::{floats, instant, object};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** Array as received; anything that is not a number is NaN. */
export interface ModuleArray {
    label: string;
    shape: number[];
    values: Float64Array;
}

/** Channels of the same shape. */
export interface ModuleData {
    name: string;
    units: string;
    channels: ModuleArray[];
    axes: { label: string; units: string; index: number; values: Float64Array }[];
}

/** Answer of one module to a request. */
export interface ModuleAnswer {
    module: string;
    error?: string;
    info?: { kind: string; generation: string; address: string; state: string; frames: number; last: string };
    data?: ModuleData[];
    position?: number;
    units?: string;
    /** XML; `moduleSettings` reads it. */
    settings?: string;
    /** For "set": whether the module has confirmed the change. */
    confirmed?: boolean;
}

/** Setting of a module. */
export interface ModuleSetting {
    /** Names of its groups, and its own name. */
    path: string[];
    /** Name for display. */
    title: string;
    /** PyMoDAQ's parameter type: "float", "int", "bool", "str", "list" ... */
    kind: string;
    value: string;
    isReadOnly: boolean;
}

export type PymodaqEvent =
    | { type: "answer"; id: number; error?: string; results?: ModuleAnswer[] }
    | ClosedEvent;
"#;

/// Connection through which a program uses the modules of a labwire server: bytes in, bytes out.
#[wasm_bindgen]
#[derive(Debug)]
pub struct PymodaqSession {
    session: Controller,
}

#[wasm_bindgen]
impl PymodaqSession {
    /// Creates a session.
    #[wasm_bindgen(constructor)]
    pub fn new(now: f64) -> Self {
        Self {
            session: Controller::new(instant(now), &Limits::default()),
        }
    }

    /// Sends a request; its answer is an event with the same `id`. `command` is one of "list", "grab" (with
    /// `argument` "0D", "1D", "2D", "ND" or none), "last", "move_abs" and "move_rel" (to or by `argument`), "home",
    /// "stop", "position", "settings", "set" (the setting at `path` to `argument`) and "rename" (to `argument`).
    /// Without modules, the request goes to all that support it.
    ///
    /// @throws {Error} if the command is unknown, or `argument` does not fit it
    pub fn request(
        &mut self,
        now: f64,
        #[wasm_bindgen(unchecked_param_type = "Count")] id: u32,
        modules: Vec<String>,
        command: &str,
        argument: Option<String>,
        path: Option<Vec<String>>,
    ) -> Result<(), JsError> {
        let command = parse(command, argument.as_deref(), path)?;
        let id = i64::from(id);
        let request = ControlRequest { id, modules, command };
        Ok(self.session.request(instant(now), &request)?)
    }
}

/// Settings in the XML of a module, in order.
///
/// @throws {Error} if the text is not PyMoDAQ's XML
#[wasm_bindgen(js_name = moduleSettings, unchecked_return_type = "ModuleSetting[]")]
pub fn module_settings(xml: &str) -> Result<Array, JsError> {
    let settings = Settings::parse(xml)?.list().into_iter().map(|setting| {
        let path = setting.path.iter().map(|name| JsValue::from_str(name));
        object([
            ("path", path.collect::<Array>().into()),
            ("title", setting.title.into()),
            ("kind", setting.kind.into()),
            ("value", setting.value.into()),
            ("isReadOnly", setting.is_read_only.into()),
        ])
    });
    Ok(settings.collect())
}

fn parse(command: &str, argument: Option<&str>, path: Option<Vec<String>>) -> Result<Command, JsError> {
    let number = || {
        let number = argument.and_then(|argument| argument.trim().parse().ok());
        number
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| JsError::new(&format!("{command} needs a finite number, not {argument:?}")))
    };
    Ok(match command {
        "list" => Command::List,
        "grab" => Command::Grab(match argument {
            None => None,
            Some(dim) => {
                let dim = DataDim::from_name(&format!("Data{dim}"));
                Some(dim.ok_or_else(|| JsError::new("grab needs 0D, 1D, 2D or ND"))?)
            }
        }),
        "last" => Command::Last,
        "move_abs" => Command::MoveAbs(number()?),
        "move_rel" => Command::MoveRel(number()?),
        "home" => Command::Home,
        "stop" => Command::Stop,
        "position" => Command::Position,
        "settings" => Command::Settings,
        "set" => Command::Set {
            path: path.unwrap_or_default(),
            value: argument.unwrap_or_default().into(),
        },
        "rename" => Command::Rename(argument.unwrap_or_default().into()),
        other => return Err(JsError::new(&format!("unknown command {other:?}"))),
    })
}

session_methods!(PymodaqSession, "PymodaqEvent | undefined");

impl PymodaqSession {
    fn event(&mut self, answer: ControlAnswer) -> JsValue {
        let (key, value) = match answer.result {
            Ok(results) => ("results", results.iter().map(result).collect::<Array>().into()),
            Err(error) => ("error", error.into()),
        };
        object([
            ("type", "answer".into()),
            ("id", (answer.id as f64).into()),
            (key, value),
        ])
    }
}

fn result(answer: &ModuleAnswer) -> JsValue {
    let module = ("module", JsValue::from_str(&answer.module));
    let with = |key, value| object([module.clone(), (key, value)]);
    match &answer.result {
        Err(error) => with("error", error.as_str().into()),
        Ok(Answer::Info(info)) => with(
            "info",
            object([
                ("kind", info.kind.as_str().into()),
                ("generation", info.generation.as_str().into()),
                ("address", info.address.as_str().into()),
                ("state", info.state.as_str().into()),
                ("frames", (info.frames as f64).into()),
                ("last", info.last.as_str().into()),
            ]),
        ),
        Ok(Answer::Data(data)) => with("data", module_data(data)),
        Ok(Answer::Position { value, units }) => object([
            module,
            ("position", (*value).into()),
            ("units", units.as_str().into()),
        ]),
        Ok(Answer::Settings(xml)) => with("settings", xml.as_str().into()),
        Ok(Answer::Set { confirmed }) => with("confirmed", (*confirmed).into()),
        Ok(_) => object([module]),
    }
}

fn module_data(data: &DataToExport) -> JsValue {
    let items = data.data.iter().map(|item| {
        let channels = item.data.iter().enumerate().map(|(index, array)| {
            let label = item.labels.get(index).map_or("", String::as_str);
            let shape = array.shape().iter().map(|length| JsValue::from(*length as f64));
            object([
                ("label", label.into()),
                ("shape", shape.collect::<Array>().into()),
                ("values", numbers(array)),
            ])
        });
        let axes = item.axes.iter().map(|axis| {
            object([
                ("label", axis.label.as_str().into()),
                ("units", axis.units.as_str().into()),
                ("index", (axis.index as f64).into()),
                ("values", numbers(&axis.data)),
            ])
        });
        object([
            ("name", item.name.as_str().into()),
            ("units", item.units.as_str().into()),
            ("channels", channels.collect::<Array>().into()),
            ("axes", axes.collect::<Array>().into()),
        ])
    });
    items.collect::<Array>().into()
}

fn numbers(array: &NdArray) -> JsValue {
    let values: Vec<f64> = array.values().map(|value| value.unwrap_or(f64::NAN)).collect();
    floats(&values)
}
