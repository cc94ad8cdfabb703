//! Incremental decoding of objects.
//!
//! The decoder keeps a stack of expected items ([`Want`]) and a stack of finished objects; a composite takes its
//! parts from the second when it is complete by the first. Every byte is examined once and every payload is copied
//! once, into its final array, however the bytes are cut.

/// Error about the peer's bytes, with a formatted text.
macro_rules! malformed {
    ($($argument:tt)*) => { $crate::pymodaq::decode::DecodeError::Malformed(alloc::format!($($argument)*)) };
}

mod build;
mod head;

use alloc::string::String;
use alloc::vec::Vec;

use labwire_session::framing::length32::Run;
use labwire_session::{CloseReason, Limit};

use self::build::{Composite, build};
use self::head::{ArrayHead, Head};
use super::array::NdArray;
use super::data::{DataClass, DataDim, DataSource, ExportClass};
use super::generation::Generation;
use super::limits::Limits;
use super::object::Object;

/// Error in the peer's bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are not what the protocol requires here.
    #[error("{0}")]
    Malformed(String),
    /// A limit is exceeded.
    #[error("limit {limit} of {value} exceeded")]
    LimitExceeded {
        /// The limit.
        limit: Limit,
        /// Its value.
        value: usize,
    },
}

impl From<DecodeError> for CloseReason {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Malformed(what) => Self::PeerMisbehaved(what),
            DecodeError::LimitExceeded { limit, value } => Self::exceeded(limit, value),
        }
    }
}

/// Next object on the wire, which the older generations do not announce; g4 does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expect {
    /// Text, or bytes that hold text.
    Text,
    /// A list of texts.
    Texts,
    /// Opaque bytes.
    Bytes,
    /// A number.
    Scalar,
    /// An array.
    Array,
    /// A list of arrays.
    Arrays,
    /// A list of any objects (from g2).
    List,
    /// An axis (from g3a).
    Axis,
    /// Data of any flavour (from g3a).
    Data,
    /// A container of data (from g3a).
    Export,
    /// An item of a list with its type (from g2).
    Item,
}

/// Decoder of consecutive objects, from bytes that arrive in pieces of any size.
#[derive(Debug)]
pub struct Decoder {
    generation: Generation,
    /// Whether `generation` stands for any of g3, of which the data will tell which.
    is_any_g3: bool,
    limits: Limits,
    wants: Vec<Want>,
    objects: Vec<Object>,
    /// Start of a small item of unknown length, and number of bytes that can be read before checking again.
    head: Vec<u8>,
    need: usize,
    /// Payload of known length, and its kind.
    run: Option<(Payload, Run)>,
    /// Number of bytes that the current message may still claim.
    budget: usize,
    values_left: usize,
    depth: usize,
}

#[derive(Clone, Copy, Debug)]
enum Want {
    /// g4: the length of a whole object, then the object.
    Frame,
    /// g4: end of the object.
    FrameEnd,
    /// An object after its type.
    Item,
    Text,
    Bytes,
    Scalar,
    Array,
    /// A count, then as many elements of a list or tuple.
    Sequence(Composite, Element),
    Elements(Element, usize),
    /// A class name of this family, then its object.
    Class(Family),
    /// Values for the last object, a list of names.
    Values,
    /// Data of an unknown g3: the last object tells whether it is 4.4.
    Units,
    /// Data from before 4.4: the last object, a list, tells whether it is 4.1.
    Errors,
    /// The objects since `base` are the parts of a composite.
    Build {
        composite: Composite,
        base: usize,
    },
}

/// Elements of a list.
#[derive(Clone, Copy, Debug)]
enum Element {
    Item,
    Text,
    Array,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Axis,
    Data,
    Export,
}

#[derive(Debug)]
enum Payload {
    Text,
    Bytes,
    Array(ArrayHead),
}

type Decoded<T> = Result<T, DecodeError>;

impl Decoder {
    /// Creates a decoder that expects nothing yet.
    #[must_use]
    pub fn new(generation: Generation, limits: &Limits) -> Self {
        Self {
            generation,
            is_any_g3: false,
            limits: limits.clone(),
            wants: Vec::new(),
            objects: Vec::new(),
            head: Vec::new(),
            need: 0,
            run: None,
            budget: 0,
            values_left: 0,
            depth: 0,
        }
    }

    /// Creates a decoder of data from PyMoDAQ 4.1 to 4.4, which finds out which of these it is. Until then its
    /// [`generation`](Self::generation) is none of theirs in particular.
    pub(super) fn of_any_g3(limits: &Limits) -> Self {
        Self {
            is_any_g3: true,
            ..Self::new(Generation::G3c, limits)
        }
    }

    /// Generation of the decoder.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Whether it is not known yet which generation of g3 it is.
    pub(super) fn is_any_g3(&self) -> bool {
        self.is_any_g3
    }

    /// Whether decoding waits for [`decide`](Self::decide): data of 4.1 would be complete here, those of 4.2 and 4.3
    /// continue with the number of their extra attributes.
    pub(super) fn must_decide(&self) -> bool {
        matches!(self.wants.last(), Some(Want::Errors)) && self.last_list().is_some_and(<[_]>::is_empty)
    }

    /// Decides between 4.1, and 4.2 and 4.3, where the data do not.
    pub(super) fn decide(&mut self, generation: Generation) {
        if self.must_decide() {
            self.wants.pop();
            self.continue_as(generation, build::rest_of(generation));
        }
    }

    /// Whether the expected object has begun and is incomplete.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        !self.head.is_empty()
            || self.run.is_some()
            || !self.objects.is_empty()
            || self.depth > 0
            || self.wants.len() > 1
    }

    /// Expects an object. Anything unfinished is discarded.
    pub fn expect(&mut self, what: Expect) {
        self.wants.clear();
        self.objects.clear();
        self.head.clear();
        self.run = None;
        (self.need, self.depth) = (0, 0);
        self.budget = self.limits.session.message_bytes;
        self.values_left = self.limits.message_values;
        let list = |bare| {
            let element = if self.generation == Generation::G1 {
                bare
            } else {
                Element::Item
            };
            Want::Sequence(Composite::List, element)
        };
        self.wants.push(match what {
            _ if self.generation == Generation::G4 => Want::Frame,
            Expect::Text => Want::Text,
            Expect::Texts => list(Element::Text),
            Expect::Bytes => Want::Bytes,
            Expect::Scalar => Want::Scalar,
            Expect::Array => Want::Array,
            Expect::Arrays => list(Element::Array),
            Expect::List => list(Element::Item),
            Expect::Axis => Want::Class(Family::Axis),
            Expect::Data => Want::Class(Family::Data),
            Expect::Export => Want::Class(Family::Export),
            Expect::Item => Want::Item,
        });
    }

    /// Takes bytes from the front of `input`. Returns the object once it is complete, `None` if all of `input` was
    /// used and more is needed.
    ///
    /// # Errors
    /// If the bytes are not such an object, or exceed the limits. The decoder must not be used again.
    pub fn decode(&mut self, input: &mut &[u8]) -> Decoded<Option<Object>> {
        loop {
            if let Some((_, run)) = &mut self.run {
                if !run.fill(input) {
                    return Ok(None);
                }
                self.finish_run()?;
            }
            let Some(want) = self.wants.pop() else {
                return Ok(self.objects.pop());
            };
            if !self.advance(want, input)? {
                self.wants.push(want);
                return Ok(None);
            }
        }
    }

    /// Works on the innermost want. Returns false if more input is needed first.
    fn advance(&mut self, want: Want, input: &mut &[u8]) -> Decoded<bool> {
        match want {
            Want::Errors if self.last_list().is_some_and(<[_]>::is_empty) => Ok(false),
            Want::FrameEnd
            | Want::Elements(..)
            | Want::Values
            | Want::Build { .. }
            | Want::Units
            | Want::Errors => self.unfold(want).map(|()| true),
            _ => self.read(want, input).map(|read| read.is_some()),
        }
    }

    /// Takes the step of a want that begins with bytes. `None` while there are too few of them.
    fn read(&mut self, want: Want, input: &mut &[u8]) -> Decoded<Option<()>> {
        match want {
            Want::Frame => {
                let Some(length) = self.read_head(input, head::length)? else {
                    return Ok(None);
                };
                self.claim(length)?;
                self.budget = length;
                self.wants.extend([Want::FrameEnd, Want::Item]);
            }
            Want::Item | Want::Class(_) => {
                let Some(name) = self.read_head(input, head::name)? else {
                    return Ok(None);
                };
                match want {
                    Want::Class(family) => self.begin_class(Some(family), &name)?,
                    _ => self.begin_tagged(&name)?,
                }
            }
            Want::Text | Want::Bytes => {
                let Some(length) = self.read_head(input, head::length)? else {
                    return Ok(None);
                };
                self.claim(length)?;
                let payload = match want {
                    Want::Text => Payload::Text,
                    _ => Payload::Bytes,
                };
                self.run = Some((payload, Run::new(length)));
            }
            Want::Array => {
                let parse = match self.generation {
                    Generation::G1 => head::matrix,
                    _ => head::array,
                };
                let Some(array) = self.read_head(input, parse)? else {
                    return Ok(None);
                };
                self.claim(array.bytes)?;
                let run = Run::new(array.bytes);
                self.run = Some((Payload::Array(array), run));
            }
            Want::Sequence(composite, element) => {
                let Some(count) = self.read_head(input, head::length)? else {
                    return Ok(None);
                };
                self.check_count(count)?;
                self.begin(composite, &[Want::Elements(element, count)])?;
            }
            _ => {
                let Some(scalar) = self.read_head(input, head::scalar)? else {
                    return Ok(None);
                };
                self.push(Object::Scalar(scalar))?;
            }
        }
        Ok(Some(()))
    }

    /// Takes the step of a want that needs no bytes.
    fn unfold(&mut self, want: Want) -> Decoded<()> {
        match want {
            Want::FrameEnd if self.budget > 0 => {
                return Err(malformed!("{} bytes too many after an object", self.budget));
            }
            Want::Elements(element, count) if count > 0 => {
                self.wants.push(Want::Elements(element, count - 1));
                self.wants.push(match element {
                    Element::Item => Want::Item,
                    Element::Text => Want::Text,
                    Element::Array => Want::Array,
                });
            }
            Want::Units => self.find_units()?,
            Want::Errors => {
                let is_array = |item: &Object| matches!(item, Object::Array(_));
                let has_errors = self.last_list().is_some_and(|items| items.iter().all(is_array));
                let generation = if has_errors {
                    Generation::G3b
                } else {
                    Generation::G3a
                };
                self.continue_as(generation, build::rest_of(generation));
            }
            Want::Values => {
                let count = self.last_list().map(<[_]>::len);
                let count = count.ok_or_else(|| malformed!("names that are not a list"))?;
                self.check_count(count)?;
                self.wants.push(Want::Elements(Element::Item, count));
            }
            Want::Build { composite, base } => {
                let parts = self.objects.split_off(base.min(self.objects.len()));
                self.depth -= 1;
                let object = build(composite, self.generation, parts)?;
                self.push(object)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn last_list(&self) -> Option<&[Object]> {
        self.objects.last().and_then(Object::as_items)
    }

    /// Continues data of an unknown g3, now that it is known.
    fn continue_as(&mut self, generation: Generation, rest: &[Want]) {
        (self.generation, self.is_any_g3) = (generation, false);
        self.wants.extend(rest.iter().rev());
    }

    /// Finds out whether data have units, as in 4.4: then a source follows them, where before a dimensionality
    /// follows the source.
    fn find_units(&mut self) -> Decoded<()> {
        let last = self.objects.last().and_then(Object::as_text).unwrap_or_default();
        if DataSource::from_name(last).is_some() {
            self.continue_as(Generation::G3c, build::REST_OF_G3C);
        } else if DataDim::from_name(last).is_some() {
            self.wants.extend(build::REST_BEFORE_G3C.iter().rev());
        } else {
            return Err(malformed!(
                "{last:?} where a source or a dimensionality of data was expected"
            ));
        }
        Ok(())
    }

    /// Reads a small item whose length becomes known while it is read.
    fn read_head<T>(
        &mut self,
        input: &mut &[u8],
        parse: fn(&[u8]) -> Decoded<Head<T>>,
    ) -> Decoded<Option<T>> {
        loop {
            let missing = self.need - self.head.len();
            let (taken, rest) = input.split_at(missing.min(input.len()));
            self.head.extend_from_slice(taken);
            *input = rest;
            if self.head.len() < self.need {
                return Ok(None);
            }
            match parse(&self.head)? {
                Head::Complete(found) => {
                    self.head.clear();
                    self.need = 0;
                    return Ok(Some(found));
                }
                Head::Needs(length) => {
                    self.claim(length - self.need)?;
                    self.need = length;
                }
            }
        }
    }

    /// Claims bytes of the message before they are awaited.
    fn claim(&mut self, count: usize) -> Decoded<()> {
        let Some(left) = self.budget.checked_sub(count) else {
            let in_frame = self.wants.iter().any(|want| matches!(want, Want::FrameEnd));
            return Err(if in_frame {
                malformed!(
                    "{count} bytes announced where the message has {} left",
                    self.budget
                )
            } else {
                let value = self.limits.session.message_bytes;
                DecodeError::LimitExceeded {
                    limit: Limit::MessageBytes,
                    value,
                }
            });
        };
        self.budget = left;
        Ok(())
    }

    fn check_count(&self, count: usize) -> Decoded<()> {
        if count > self.values_left {
            let value = self.limits.message_values;
            return Err(DecodeError::LimitExceeded {
                limit: Limit::MessageValues,
                value,
            });
        }
        Ok(())
    }

    fn push(&mut self, object: Object) -> Decoded<()> {
        self.check_count(1)?;
        self.values_left -= 1;
        self.objects.push(object);
        Ok(())
    }

    fn finish_run(&mut self) -> Decoded<()> {
        let Some((payload, run)) = self.run.take() else {
            return Ok(());
        };
        let bytes = run.into_bytes();
        let object = match payload {
            Payload::Bytes => Object::Bytes(bytes),
            Payload::Text => {
                Object::Text(String::from_utf8(bytes).map_err(|_| malformed!("text that is not UTF-8"))?)
            }
            Payload::Array(head) => {
                let array = NdArray::new(head.dtype, head.shape, bytes);
                Object::Array(array.map_err(|error| malformed!("{error}"))?)
            }
        };
        self.push(object)
    }

    /// Begins a composite, whose parts are the results of `wants`.
    fn begin(&mut self, composite: Composite, wants: &[Want]) -> Decoded<()> {
        if self.depth == self.limits.message_depth {
            let value = self.limits.message_depth;
            return Err(DecodeError::LimitExceeded {
                limit: Limit::MessageDepth,
                value,
            });
        }
        self.depth += 1;
        self.wants.push(Want::Build {
            composite,
            base: self.objects.len(),
        });
        self.wants.extend(wants.iter().rev());
        Ok(())
    }

    /// Begins the object announced by an item's type.
    fn begin_tagged(&mut self, tag: &str) -> Decoded<()> {
        let list = Want::Sequence(Composite::List, Element::Item);
        let want = match (self.generation, tag) {
            (Generation::G4, "str") => Want::Text,
            (Generation::G4, "int" | "float" | "complex" | "bool") => Want::Scalar,
            (Generation::G4, "ndarray") => Want::Array,
            (Generation::G4, "tuple") => Want::Sequence(Composite::Tuple, Element::Item),
            (Generation::G4, "dict") => return self.begin(Composite::Dict, &[Want::Item, Want::Values]),
            (Generation::G4, "NoneType") => return self.push(Object::None),
            (Generation::G4, "ParameterWithPath") => {
                return self.begin(Composite::Parameter, &[Want::Item, Want::Item]);
            }
            (_, "bytes") => Want::Bytes,
            (_, "list") => list,
            (Generation::G4, _) => return self.begin_class(None, tag),
            (_, "string") => Want::Text,
            (_, "scalar" | "bool") => Want::Scalar,
            (_, "array") => Want::Array,
            (_, "axis") => Want::Class(Family::Axis),
            (_, "dwa") => Want::Class(Family::Data),
            (_, "dte") => Want::Class(Family::Export),
            (_, "parameter") => return self.begin(Composite::Parameter, &[list, Want::Text]),
            _ => return Err(malformed!("an item of the unknown type {tag:?}")),
        };
        self.wants.push(want);
        Ok(())
    }

    /// Begins the data object of a class, of the given `family` if it is known.
    fn begin_class(&mut self, family: Option<Family>, name: &str) -> Decoded<()> {
        let is = |wanted| family.is_none_or(|family| family == wanted);
        if name == "Axis" && is(Family::Axis) {
            return self.begin_fields(Composite::Axis, build::AXIS);
        }
        if let Some(class) = DataClass::from_name(name).filter(|_| is(Family::Data)) {
            let fields = if self.is_any_g3 {
                build::UNKNOWN_G3
            } else {
                build::data_fields(self.generation)
            };
            return self.begin_fields(Composite::Data(class), fields);
        }
        if let Some(class) = ExportClass::from_name(name).filter(|_| is(Family::Export)) {
            return self.begin_fields(Composite::Export(class), build::export_fields(self.generation));
        }
        Err(match family {
            Some(family) => malformed!("{name:?} where {family:?} was expected"),
            None => malformed!("an object of the unknown type {name:?}"),
        })
    }

    /// Begins a composite of `fields`, each of which has its own type in g4.
    fn begin_fields(&mut self, composite: Composite, fields: &[Want]) -> Decoded<()> {
        if self.generation < Generation::G4 {
            return self.begin(composite, fields);
        }
        let typed = |field: &Want| {
            if let Want::Values = field {
                Want::Values
            } else {
                Want::Item
            }
        };
        let fields: Vec<Want> = fields.iter().map(typed).collect();
        self.begin(composite, &fields)
    }
}
