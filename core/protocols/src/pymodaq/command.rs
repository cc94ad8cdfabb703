//! Messages of both sides: orders from the server, reports from the module that owns the hardware.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use labwire_session::Payloads;

use super::data::{Axis, DataClass, DataDim, DataToExport, DataWithAxes};
use super::decode::{DecodeError, Decoder, Expect};
use super::encode::{EncodeError, Encoder, whole};
use super::generation::Generation;
use super::limits::Limits;
use super::object::Object;

/// Kind of a module, which it sends first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "PyMoDAQ has two kinds")]
pub enum ModuleKind {
    /// A detector.
    Grabber,
    /// An actuator.
    Actuator,
}

impl ModuleKind {
    /// Name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grabber => "GRABBER",
            Self::Actuator => "ACTUATOR",
        }
    }

    /// Kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Grabber, Self::Actuator]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// Order of a server to a module.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Order {
    /// `Send Data 0D` ... `ND`: grab and send. The module may send data of another dimensionality.
    Grab(DataDim),
    /// `move_abs`: go to a position.
    MoveAbs(DataWithAxes),
    /// `move_rel`: move by a distance.
    MoveRel(DataWithAxes),
    /// `move_home`: go to the home position.
    MoveHome,
    /// `stop_motion`: stop at the current position.
    StopMotion,
    /// `get_actuator_value`: report the position.
    GetActuatorValue,
    /// `check_position`: the same, as sent by servers up to 3.5.
    CheckPosition,
    /// `set_info`: the server's user has changed a setting.
    SetInfo {
        /// Names of its groups and its own name; the first one stands for the root.
        path: Vec<String>,
        /// XML of the setting.
        xml: String,
    },
    /// Any other command; modules ignore it.
    Other(String),
}

/// Report of a module to its server.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a registry has to heed every report")]
pub enum Report {
    /// `Done`: data, asked for or not. Up to g2 they come as a list of arrays, here channels of one `DataRaw`.
    Done(Arc<DataToExport>),
    /// `position_is`: the position. Up to g2 it comes as a number, here a `DataActuator` without a name.
    PositionIs(DataWithAxes),
    /// `move_done`: a move has ended at this position.
    MoveDone(DataWithAxes),
    /// `x_axis`: horizontal axis of the data; g1 and g2 only.
    XAxis(Axis),
    /// `y_axis`: vertical axis of the data; g1 and g2 only.
    YAxis(Axis),
    /// `Infos`: all settings of the module.
    Infos(String),
    /// `Info_xml`: a setting of the module has changed.
    InfoXml {
        /// Names of its groups and its own name; the first one stands for the root.
        path: Vec<String>,
        /// XML of the setting.
        xml: String,
    },
    /// `Info`: a value to display. In g1 the value is a number.
    Info {
        /// Name of the value.
        name: String,
        /// Value.
        value: String,
    },
    /// `Quit`: the module is about to close the connection.
    Quit,
    /// Any other command; servers ignore it.
    Other(String),
}

/// Messages of one direction.
pub(super) trait Message: Sized {
    /// Parts that follow a command on the wire.
    fn parts(command: &str, generation: Generation) -> &'static [Expect];

    /// Message from a command and its parts.
    fn from_parts(command: String, parts: Parts) -> Result<Self, DecodeError>;

    /// Writes the message.
    fn write(&self, encoder: &mut Encoder<'_>) -> Result<(), EncodeError>;

    /// Appends the message to `output` and `payloads`, which are unchanged on an error.
    fn encode(
        &self,
        generation: Generation,
        output: &mut Vec<u8>,
        payloads: &mut Payloads,
    ) -> Result<(), EncodeError> {
        whole(generation, output, Some(payloads), |encoder| self.write(encoder))
    }
}

/// Decoder of the messages of one direction, from bytes that arrive in pieces of any size.
#[derive(Debug)]
pub(super) struct MessageDecoder {
    decoder: Decoder,
    command: Option<String>,
    expected: &'static [Expect],
    parts: Vec<Object>,
    started: bool,
    /// Whether to stop once the command is known, because its parts may be of another generation.
    stops_at_command: bool,
}

impl MessageDecoder {
    /// Creates a decoder at the start of a message.
    pub(super) fn new(generation: Generation, limits: &Limits) -> Self {
        let mut decoder = Decoder::new(generation, limits);
        decoder.expect(Expect::Text);
        Self {
            decoder,
            command: None,
            expected: &[],
            parts: Vec::new(),
            started: false,
            stops_at_command: false,
        }
    }

    /// From now on [`decode`](Self::decode) also returns when only the command of a message with further parts is
    /// known, unless `stops` is false.
    pub(super) fn stop_at_command(&mut self, stops: bool) {
        self.stops_at_command = stops;
    }

    /// Reads the parts of the current command as those of a g3, which they will tell.
    pub(super) fn switch_to_g3<M: Message>(&mut self, limits: &Limits) {
        self.decoder = Decoder::of_any_g3(limits);
        self.expected = M::parts(
            self.command.as_deref().unwrap_or_default(),
            self.decoder.generation(),
        );
        if let Some((&next, rest)) = self.expected.split_first() {
            self.decoder.expect(next);
            self.expected = rest;
        }
    }

    /// Generation of the decoder.
    pub(super) fn generation(&self) -> Generation {
        self.decoder.generation()
    }

    /// Decoder of the current part.
    pub(super) fn part(&self) -> &Decoder {
        &self.decoder
    }

    /// Decoder of the current part.
    pub(super) fn part_mut(&mut self) -> &mut Decoder {
        &mut self.decoder
    }

    /// Whether a message has begun and is incomplete.
    pub(super) fn is_inside(&self) -> bool {
        self.started
    }

    /// Command of the current message, once it is known.
    pub(super) fn command(&self) -> Option<&str> {
        self.command.as_deref()
    }

    /// Next message; `None` if all of `input` was used and more is needed.
    pub(super) fn decode<M: Message>(&mut self, input: &mut &[u8]) -> Result<Option<M>, DecodeError> {
        loop {
            self.started |= !input.is_empty();
            let Some(object) = self.decoder.decode(input)? else {
                return Ok(None);
            };
            let is_command = self.command.is_none();
            if is_command {
                let Object::Text(command) = object else {
                    return Err(malformed!("{} where a command was expected", object.kind()));
                };
                self.expected = M::parts(&command, self.generation());
                self.command = Some(command);
            } else {
                self.parts.push(object);
            }
            let Some((&next, rest)) = self.expected.split_first() else {
                return self.finish().map(Some);
            };
            self.decoder.expect(next);
            self.expected = rest;
            if is_command && self.stops_at_command {
                return Ok(None);
            }
        }
    }

    fn finish<M: Message>(&mut self) -> Result<M, DecodeError> {
        self.decoder.expect(Expect::Text);
        self.started = false;
        let command = self.command.take().unwrap_or_default();
        let parts = core::mem::take(&mut self.parts).into_iter();
        M::from_parts(command, Parts(parts))
    }
}

/// Parts that followed a command.
pub(super) struct Parts(alloc::vec::IntoIter<Object>);

const TEXT: Expect = Expect::Text;
const SETTING: &[Expect] = &[Expect::Texts, TEXT];

fn position(generation: Generation) -> &'static [Expect] {
    if generation.has_data_objects() {
        &[Expect::Data]
    } else {
        &[Expect::Scalar]
    }
}

impl Message for Order {
    fn parts(command: &str, generation: Generation) -> &'static [Expect] {
        match command {
            "move_abs" | "move_rel" => position(generation),
            "set_info" => SETTING,
            _ => &[],
        }
    }

    fn from_parts(command: String, mut parts: Parts) -> Result<Self, DecodeError> {
        Ok(match command.as_str() {
            "move_abs" => Self::MoveAbs(parts.position()?),
            "move_rel" => Self::MoveRel(parts.position()?),
            "move_home" => Self::MoveHome,
            "stop_motion" => Self::StopMotion,
            "get_actuator_value" => Self::GetActuatorValue,
            "check_position" => Self::CheckPosition,
            "set_info" => Self::SetInfo {
                path: parts.texts()?,
                xml: parts.text()?,
            },
            // Real modules look for these two words anywhere in the command.
            _ => match command.split_once("Send Data").map(|(_, dim)| dim.trim()) {
                Some("0D") => Self::Grab(DataDim::Data0D),
                Some("1D") => Self::Grab(DataDim::Data1D),
                Some("2D") => Self::Grab(DataDim::Data2D),
                Some(_) => Self::Grab(DataDim::DataND),
                None => Self::Other(command),
            },
        })
    }

    fn write(&self, encoder: &mut Encoder<'_>) -> Result<(), EncodeError> {
        let command = match self {
            Self::Grab(DataDim::Data0D) => "Send Data 0D",
            Self::Grab(DataDim::Data1D) => "Send Data 1D",
            Self::Grab(DataDim::Data2D) => "Send Data 2D",
            Self::Grab(DataDim::DataND) => "Send Data ND",
            Self::MoveAbs(_) => "move_abs",
            Self::MoveRel(_) => "move_rel",
            Self::MoveHome => "move_home",
            Self::StopMotion => "stop_motion",
            Self::GetActuatorValue => "get_actuator_value",
            Self::CheckPosition => "check_position",
            Self::SetInfo { .. } => "set_info",
            Self::Other(command) => command,
        };
        encoder.text(command)?;
        match self {
            Self::MoveAbs(position) | Self::MoveRel(position) => encoder.position(position),
            Self::SetInfo { path, xml } => {
                encoder.texts(path)?;
                encoder.xml(xml)
            }
            _ => Ok(()),
        }
    }
}

impl Message for Report {
    fn parts(command: &str, generation: Generation) -> &'static [Expect] {
        match (command, generation) {
            ("Done", _) if generation.has_data_objects() => &[Expect::Export],
            ("Done", _) => &[Expect::Arrays],
            ("position_is" | "move_done", _) => position(generation),
            ("x_axis" | "y_axis", _) if !generation.has_data_objects() => &[Expect::Array, TEXT, TEXT],
            ("Infos", _) => &[TEXT],
            ("Info_xml", _) => SETTING,
            ("Info", Generation::G1) => &[TEXT, Expect::Bytes],
            ("Info", _) => &[TEXT, TEXT],
            _ => &[],
        }
    }

    fn from_parts(command: String, mut parts: Parts) -> Result<Self, DecodeError> {
        Ok(match command.as_str() {
            "Done" => Self::Done(parts.export()?),
            "position_is" => Self::PositionIs(parts.position()?),
            "move_done" => Self::MoveDone(parts.position()?),
            "x_axis" if !parts.0.as_slice().is_empty() => Self::XAxis(parts.axis(1)?),
            "y_axis" if !parts.0.as_slice().is_empty() => Self::YAxis(parts.axis(0)?),
            "Infos" => Self::Infos(parts.text()?),
            "Info_xml" => Self::InfoXml {
                path: parts.texts()?,
                xml: parts.text()?,
            },
            "Info" => Self::Info {
                name: parts.text()?,
                value: parts.info()?,
            },
            "Quit" => Self::Quit,
            _ => Self::Other(command),
        })
    }

    fn write(&self, encoder: &mut Encoder<'_>) -> Result<(), EncodeError> {
        let command = match self {
            Self::Done(_) => "Done",
            Self::PositionIs(_) => "position_is",
            Self::MoveDone(_) => "move_done",
            Self::XAxis(_) => "x_axis",
            Self::YAxis(_) => "y_axis",
            Self::Infos(_) => "Infos",
            Self::InfoXml { .. } => "Info_xml",
            Self::Info { .. } => "Info",
            Self::Quit => "Quit",
            Self::Other(command) => command,
        };
        encoder.text(command)?;
        match self {
            Self::Done(export) => encoder.export(export),
            Self::PositionIs(position) | Self::MoveDone(position) => encoder.position(position),
            Self::XAxis(axis) | Self::YAxis(axis) => encoder.old_axis(axis),
            Self::Infos(xml) => encoder.xml(xml),
            Self::InfoXml { path, xml } => {
                encoder.texts(path)?;
                encoder.xml(xml)
            }
            Self::Info { name, value } => {
                encoder.text(name)?;
                encoder.info(value)
            }
            Self::Quit | Self::Other(_) => Ok(()),
        }
    }
}

impl Parts {
    fn next(&mut self) -> Object {
        self.0.next().unwrap_or(Object::None)
    }

    fn text(&mut self) -> Result<String, DecodeError> {
        match self.next() {
            Object::Text(text) => Ok(text),
            Object::Bytes(bytes) => {
                String::from_utf8(bytes).map_err(|_| malformed!("text that is not UTF-8"))
            }
            other => Err(malformed!("{} where text was expected", other.kind())),
        }
    }

    /// Text, or in g1 a big-endian number.
    fn info(&mut self) -> Result<String, DecodeError> {
        match self.0.as_slice() {
            [Object::Bytes(bytes)] if bytes.len() == 8 => {
                let number = bytes
                    .first_chunk()
                    .map_or(f64::NAN, |bytes| f64::from_be_bytes(*bytes));
                Ok(number.to_string())
            }
            _ => self.text(),
        }
    }

    fn texts(&mut self) -> Result<Vec<String>, DecodeError> {
        let (Object::List(items) | Object::Tuple(items)) = self.next() else {
            return Err(malformed!("a path that is not a list"));
        };
        let mut items = Parts(items.into_iter());
        (0..items.0.len()).map(|_| items.text()).collect()
    }

    fn position(&mut self) -> Result<DataWithAxes, DecodeError> {
        let data = match self.next() {
            Object::Data(data) => *data,
            Object::Scalar(scalar) => {
                let array = super::array::NdArray::new(scalar.dtype(), [1].into(), scalar.bytes().to_vec());
                let array = array.map_err(|error| malformed!("{error}"))?;
                DataWithAxes::new(DataClass::DataActuator, "", 0.0, [array].into())
            }
            // 5.x forwards whatever its module returned, which may be a list with one position.
            Object::List(items) if items.len() == 1 => return Parts(items.into_iter()).position(),
            other => return Err(malformed!("{} where a position was expected", other.kind())),
        };
        if data.value().is_none() {
            return Err(malformed!("a position without a number"));
        }
        Ok(data)
    }

    fn export(&mut self) -> Result<Arc<DataToExport>, DecodeError> {
        let items = match self.next() {
            Object::DataToExport(export) => return Ok(export),
            Object::List(items) => items,
            other => return Err(malformed!("{} where data were expected", other.kind())),
        };
        let array = |object| match object {
            Object::Array(array) => Ok(array),
            Object::Scalar(scalar) => {
                let array = super::array::NdArray::new(scalar.dtype(), Vec::new(), scalar.bytes().to_vec());
                array.map_err(|error| malformed!("{error}"))
            }
            other => Err(malformed!("{} among the data", other.kind())),
        };
        let arrays = items.into_iter().map(array).collect::<Result<Vec<_>, _>>()?;
        let data = DataWithAxes::new(DataClass::DataRaw, "", 0.0, arrays);
        Ok(Arc::new(DataToExport::new("", 0.0, [data].into())))
    }

    fn axis(&mut self, index: i64) -> Result<Axis, DecodeError> {
        let Object::Array(data) = self.next() else {
            return Err(malformed!("an axis without an array"));
        };
        Ok(Axis::new(self.text()?, self.text()?, data, index))
    }
}
