//! PyMoDAQ: clients that use modules, and modules of one's own.

use core::ffi::c_char;
use std::sync::Arc;

use labwire_core::pymodaq::{
    self, Answer, Axis, ControlAnswer, ControlRequest, DataClass, DataToExport, DataWithAxes, ERROR,
    Generation, Limits, ModuleKind, NdArray, Object, Order, Report, Settings,
};
use labwire_core::session::{Asker, Event, Responder, Session};
use labwire_core::time::Instant;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::argument::{LABWIRE_TERMINATED, array, clear, exclusive, give, text, utf8};
use crate::client::{Bytes, Client, Told, misused, shared_methods, told};
use crate::error::{Failure, labwire_code, labwire_error, run};
use crate::server::labwire_connection;
use crate::session::{labwire_client, labwire_event};

/// Kind of a module of PyMoDAQ.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "C knows no other")]
pub enum labwire_module {
    /// Detector.
    Grabber = 0,
    /// Actuator.
    Actuator = 1,
}

/// Client that uses the modules of a server.
pub(crate) struct Controller {
    session: pymodaq::Controller,
    arrays: Vec<NdArray>,
}

impl Controller {
    pub(crate) fn new(now: Instant, limits: &Limits) -> Self {
        Self {
            session: pymodaq::Controller::new(now, limits),
            arrays: Vec::new(),
        }
    }
}

/// Keys of a request to modules.
const KEYS: [&str; 6] = ["dim", "id", "modules", "path", "request", "value"];

impl Client for Controller {
    shared_methods!(session);

    fn request(&mut self, now: Instant, request: &[u8]) -> Result<(), Failure> {
        let request: Value =
            serde_json::from_str(utf8("the request", request)?).map_err(Failure::invalid_text)?;
        let unknown = request.as_object().and_then(|entries| {
            let mut keys = entries.keys();
            keys.find(|key| !KEYS.contains(&key.as_str()))
        });
        if let Some(key) = unknown {
            return Err(Failure::invalid_text(format_args!(
                "unknown key {key:?}: expected one of {}",
                KEYS.join(", ")
            )));
        }
        let refused = |answer: ControlAnswer| Failure::invalid_text(answer.result.err().unwrap_or_default());
        let request = ControlRequest::from_object(&object(request)).map_err(refused)?;
        self.session.request(now, &request).map_err(misused)
    }

    fn finish(&mut self, now: Instant) {
        self.session.handle_shutdown(now);
    }

    fn poll_event(&mut self) -> Option<Told> {
        let event = self.session.poll_event()?;
        self.arrays.clear();
        Some(told(event, |answer| {
            let text = answer_to_json(answer, &mut self.arrays).to_string();
            (labwire_event::Reply, text.into())
        }))
    }

    fn arrays(&self) -> &[NdArray] {
        &self.arrays
    }
}

/// Value of JSON as PyMoDAQ has it.
fn object(value: Value) -> Object {
    match value {
        Value::Null => Object::None,
        Value::Bool(value) => value.into(),
        Value::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => number.as_f64().unwrap_or(f64::NAN).into(),
        },
        Value::String(text) => text.into(),
        Value::Array(items) => Object::List(items.into_iter().map(object).collect()),
        Value::Object(entries) => {
            let entries = entries.into_iter();
            Object::Dict(entries.map(|(key, value)| (key.into(), object(value))).collect())
        }
    }
}

fn answer_to_json(answer: ControlAnswer, arrays: &mut Vec<NdArray>) -> Value {
    let id = answer.id;
    let results = match answer.result {
        Ok(results) => results.into_iter(),
        Err(error) => return json!({"id": id, "error": error}),
    };
    let results = results.map(|answer| {
        let module = answer.module;
        match answer.result {
            Err(error) => json!({"module": module, "error": error}),
            Ok(Answer::Info(info)) => json!({"module": module, "info": {
                "kind": info.kind, "generation": info.generation, "address": info.address, "state": info.state,
                "seconds": info.seconds, "frames": info.frames, "last": info.last,
            }}),
            Ok(Answer::Data(data)) => {
                let parts = data.data.iter().map(|part| part_to_json(part, arrays));
                json!({"module": module, "name": data.name, "data": parts.collect::<Value>()})
            }
            Ok(Answer::Position { value, units }) => {
                json!({"module": module, "position": value, "units": units})
            }
            Ok(Answer::Settings(xml)) => json!({"module": module, "settings": xml}),
            Ok(Answer::Set { confirmed }) => json!({"module": module, "confirmed": confirmed}),
            Ok(_) => json!({"module": module}),
        }
    });
    json!({"id": id, "results": results.collect::<Value>()})
}

fn part_to_json(part: &DataWithAxes, arrays: &mut Vec<NdArray>) -> Value {
    let mut place = |array: &NdArray| {
        arrays.push(array.clone());
        arrays.len() - 1
    };
    let channels = part.data.iter().enumerate().map(|(i, array)| {
        json!({
            "index": place(array), "label": part.labels.get(i), "shape": array.shape(),
            "dtype": array.dtype().to_string(),
        })
    });
    let channels: Value = channels.collect();
    let axes = part.axes.iter().map(|axis| {
        json!({
            "index": place(&axis.data), "label": axis.label, "units": axis.units, "dimension": axis.index,
            "shape": axis.data.shape(),
        })
    });
    json!({
        "name": part.name, "units": part.units, "timestamp": part.timestamp, "channels": channels,
        "axes": axes.collect::<Value>(),
    })
}

/// Module of a server, whose hardware is the caller's.
pub(crate) struct Module {
    session: pymodaq::Client,
}

/// Report of a module, as text.
#[derive(Deserialize)]
#[serde(tag = "report", rename_all = "snake_case", deny_unknown_fields)]
enum ReportText {
    Position {
        value: f64,
        #[serde(default)]
        units: String,
    },
    MoveDone {
        value: f64,
        #[serde(default)]
        units: String,
    },
    Set {
        path: Vec<String>,
        xml: String,
    },
    Error {
        text: String,
    },
    Data {
        name: String,
        #[serde(default)]
        timestamp: f64,
        data: Vec<PartText>,
    },
}

/// Channels of one shape.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartText {
    name: String,
    #[serde(default)]
    units: String,
    shape: Vec<usize>,
    labels: Vec<String>,
    #[serde(default)]
    axes: Vec<AxisText>,
}

/// Axis along one dimension, as long as that.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AxisText {
    #[serde(default)]
    label: String,
    #[serde(default)]
    units: String,
    dimension: usize,
}

impl Module {
    /// Sends a report; `values` has the numbers of its arrays.
    fn report(&mut self, now: Instant, report: ReportText, values: &[f64]) -> Result<(), Failure> {
        let mut values = Numbers(values);
        let report = match report {
            ReportText::Position { value, units } => Report::PositionIs(position(value, units)),
            ReportText::MoveDone { value, units } => Report::MoveDone(position(value, units)),
            ReportText::Set { path, xml } => Report::InfoXml { path, xml },
            ReportText::Error { text } => Report::Info {
                name: ERROR.into(),
                value: text,
            },
            ReportText::Data {
                name,
                timestamp,
                data,
            } => {
                let parts = data.into_iter().map(|part| values.part(part, timestamp));
                let parts = parts.collect::<Result<_, _>>()?;
                Report::Done(Arc::new(DataToExport::new(name, timestamp, parts)))
            }
        };
        if !values.0.is_empty() {
            return Err(Failure::new(
                labwire_code::WrongLength,
                format_args!("no array of the report takes the last {} numbers", values.0.len()),
            ));
        }
        if self.session.is_closed() {
            return Err(Failure::wrong_state("the connection has ended"));
        }
        self.session.reply(now, report);
        Ok(())
    }
}

fn position(value: f64, units: String) -> DataWithAxes {
    DataWithAxes::actuator("", 0.0, value, units)
}

/// Numbers that no array has taken yet.
struct Numbers<'a>(&'a [f64]);

impl Numbers<'_> {
    fn part(&mut self, part: PartText, timestamp: f64) -> Result<DataWithAxes, Failure> {
        let channels = part.labels.iter().map(|_| self.array(&part.shape));
        let channels = channels.collect::<Result<_, _>>()?;
        let mut data = DataWithAxes::new(DataClass::DataRaw, part.name, timestamp, channels);
        (data.units, data.labels) = (part.units, part.labels);
        for axis in part.axes {
            let Some(&length) = part.shape.get(axis.dimension) else {
                return Err(Failure::invalid_text(format_args!(
                    "axis {:?}: there is no dimension {} of {}",
                    axis.label,
                    axis.dimension,
                    part.shape.len()
                )));
            };
            let index = axis.dimension as i64;
            data.axes
                .push(Axis::new(axis.label, axis.units, self.array(&[length])?, index));
        }
        Ok(data)
    }

    fn array(&mut self, shape: &[usize]) -> Result<NdArray, Failure> {
        let missing = || {
            let found = self.0.len();
            Failure::new(
                labwire_code::WrongLength,
                format_args!("for an array of shape {shape:?} there are {found} numbers"),
            )
        };
        let count = shape
            .iter()
            .try_fold(1, |count: usize, length| count.checked_mul(*length));
        let (numbers, rest) = count
            .and_then(|count| self.0.split_at_checked(count))
            .ok_or_else(missing)?;
        self.0 = rest;
        NdArray::from_elements(shape, numbers).map_err(Failure::invalid_text)
    }
}

impl Client for Module {
    shared_methods!(session);

    fn request(&mut self, _now: Instant, _request: &[u8]) -> Result<(), Failure> {
        Err(Failure::wrong_state("a module reports, by labwire_client_report"))
    }

    fn finish(&mut self, now: Instant) {
        self.session.handle_shutdown(now);
    }

    fn poll_event(&mut self) -> Option<Told> {
        loop {
            let event = match self.session.poll_event()? {
                Event::Application(order) => Event::Application(match order_to_json(order) {
                    Some(order) => order.to_string(),
                    None => continue,
                }),
                Event::Closed(reason) => Event::Closed(reason),
            };
            return Some(told(event, |order| (labwire_event::Order, order.into())));
        }
    }

    fn module(&mut self) -> Result<&mut Module, Failure> {
        Ok(self)
    }
}

/// Text of an order; none for those that modules ignore.
fn order_to_json(order: Order) -> Option<Value> {
    let target =
        |order: &str, to: &DataWithAxes| json!({"order": order, "value": to.value(), "units": to.units});
    Some(match order {
        Order::Grab(dim) => json!({"order": "grab", "dim": dim.name().trim_start_matches("Data")}),
        Order::MoveAbs(to) => target("move_abs", &to),
        Order::MoveRel(by) => target("move_rel", &by),
        Order::MoveHome => json!({"order": "home"}),
        Order::StopMotion => json!({"order": "stop"}),
        Order::GetActuatorValue | Order::CheckPosition => json!({"order": "position"}),
        Order::SetInfo { path, xml } => {
            let setting = Settings::parse(xml.as_str()).ok();
            let value = setting.and_then(|setting| setting.value(&[""; 0]));
            json!({"order": "set", "path": path, "value": value, "xml": xml})
        }
        _ => return None,
    })
}

/// Makes a module of PyMoDAQ, whose hardware is the caller's, for a connection that begins at `now`. `kind` is one of
/// labwire_module; `generation` the server's release of PyMoDAQ, such as "4.4", or "g4" for labwire's own server; `name` a
/// proposal to labwire's server, or NULL; `settings` PyMoDAQ's XML, or NULL for none. The last three end at their NUL.
///
/// Its events are orders, to be answered by `labwire_client_report`:
/// {"order": "grab", "dim": "2D"} by data, of any dimensionality;
/// {"order": "move_abs", "value": 2, "units": "mm"}, {"order": "move_rel", ...} and {"order": "home"} by "move_done" at the end;
/// {"order": "stop"}, which ends a move; {"order": "position"} by "position";
/// {"order": "set", "path": ["settings", "exposure"], "value": "0.1", "xml": "<exposure ..>"} by "set".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_module(
    kind: i32,
    generation: *const c_char,
    name: *const c_char,
    settings: *const c_char,
    now: u64,
    client: *mut *mut labwire_client,
    error: *mut labwire_error,
) -> labwire_code {
    // SAFETY: so the header asks of the caller; as everywhere below.
    unsafe {
        run(error, || {
            clear(client)?;
            let kind = match kind {
                0 => ModuleKind::Grabber,
                1 => ModuleKind::Actuator,
                _ => {
                    return Err(Failure::invalid_value(format_args!(
                        "kind {kind}: expected one of labwire_module, 0 or 1"
                    )));
                }
            };
            let generation = text("the generation", generation, LABWIRE_TERMINATED)?.parse::<Generation>();
            let generation = generation.map_err(Failure::invalid_text)?;
            let name = match name.is_null() {
                true => None,
                false => Some(text("the name", name, LABWIRE_TERMINATED)?),
            };
            let settings = match settings.is_null() {
                true => Settings::default(),
                false => Settings::parse(text("the settings", settings, LABWIRE_TERMINATED)?)
                    .map_err(Failure::invalid_text)?,
            };
            let (now, limits) = (Instant::from_nanos(now), Limits::default());
            let session = pymodaq::Client::new(now, &limits, generation, kind, settings.xml(), name);
            give(client, labwire_client::new(Module { session }))
        })
    }
}

/// Reports something of a module, or answers an order:
/// {"report": "position", "value": 2, "units": "mm"}, {"report": "move_done", "value": 2, "units": "mm"},
/// {"report": "set", "path": [...], "xml": "..."}, {"report": "error", "text": "why an order was not carried out"},
/// {"report": "data", "name": "camera", "timestamp": 0, "data": [{"name": "image", "units": "counts", "shape": [2, 3],
/// "labels": ["red", "blue"], "axes": [{"dimension": 1, "label": "x", "units": "mm"}]}]}, with a label per channel.
/// `values` has the numbers of data: for each of them those of the channels, by rows, then those of the axes. It is NULL,
/// with `count` 0, for other reports.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_report(
    client: *mut labwire_client,
    now: u64,
    report: *const c_char,
    length: usize,
    values: *const f64,
    count: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let module = exclusive("the client", client)?.client.module()?;
            let report = text("the report", report, length)?;
            let report = serde_json::from_str(report).map_err(Failure::invalid_text)?;
            let values = array("the values", values, count)?;
            module.report(Instant::from_nanos(now), report, values)
        })
    }
}
