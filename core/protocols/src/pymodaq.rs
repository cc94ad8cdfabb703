//! PyMoDAQ's TCP protocol: detectors and actuators, in every generation of its wire format.
//!
//! The module that owns the hardware is the TCP client; the server gives the orders.

#[macro_use]
mod decode;
mod array;
mod client;
mod command;
mod control;
mod controller;
mod data;
mod dtype;
mod encode;
mod generation;
mod limits;
mod object;
mod recognise;
mod server;
mod settings;

pub use array::{Element, MAX_RANK, NdArray, Scalar, ShapeMismatch};
pub use client::{Client, ERROR, NAME};
pub use command::{ModuleKind, Order, Report};
pub use control::{Answer, Command, ControlAnswer, ControlRequest, ModuleAnswer, ModuleInfo, NO_REQUEST};
pub use controller::Controller;
pub use data::{
    Axis, DataClass, DataDim, DataDistribution, DataSource, DataToExport, DataWithAxes, ExportClass,
};
pub use decode::{DecodeError, Decoder, Expect};
pub use dtype::{ByteOrder, Dtype, Kind, UnknownDtype};
pub use encode::{EncodeError, encode};
pub use generation::{Generation, UnknownGeneration};
pub use limits::Limits;
pub use object::Object;
pub use recognise::Recognition;
pub use server::{CONTROLLER, Instruction, Origin, Server, ServerEvent};
pub use settings::{Setting, Settings, SettingsError};
