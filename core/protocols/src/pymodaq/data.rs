//! PyMoDAQ's data: arrays with axes, units and errors, and the container in which a module sends them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::array::NdArray;
use super::object::Object;

/// Declares an enumeration whose variants travel by name.
macro_rules! named {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $type { $($(#[$doc])* $variant),+ }

        impl $type {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name that travels.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The one of this name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.name() == name)
            }
        }
    };
}

named! {
    /// The flavour of a [`DataWithAxes`].
    DataClass {
        /// The general one.
        DataWithAxes = "DataWithAxes",
        /// As a detector gives them.
        DataRaw = "DataRaw",
        /// A position.
        DataActuator = "DataActuator",
        /// From a plugin, with the attributes `do_plot` and `do_save`.
        DataFromPlugins = "DataFromPlugins",
        /// Calculated from other data.
        DataCalculated = "DataCalculated",
        /// Calculated over a region of interest.
        DataFromRoi = "DataFromRoi",
    }
}

named! {
    /// The flavour of a [`DataToExport`].
    ExportClass {
        /// The general one.
        DataToExport = "DataToExport",
        /// Positions for several actuators.
        DataToActuators = "DataToActuators",
        /// The data of a scan.
        DataScan = "DataScan",
    }
}

named! {
    /// Where data come from.
    DataSource {
        /// From a detector.
        Raw = "raw",
        /// Calculated.
        Calculated = "calculated",
    }
}

named! {
    /// How many dimensions data have for display.
    DataDim {
        /// One number a channel.
        Data0D = "Data0D",
        /// A curve a channel.
        Data1D = "Data1D",
        /// An image a channel.
        Data2D = "Data2D",
        /// More.
        DataND = "DataND",
    }
}

named! {
    /// How points lie in the space of the axes.
    DataDistribution {
        /// On a grid.
        Uniform = "uniform",
        /// Anywhere, one point a value.
        Spread = "spread",
    }
}

impl DataDim {
    /// The dimensionality of an array as PyMoDAQ sees it: a single element is 0D, whatever its rank.
    pub fn of(array: &NdArray) -> Self {
        match array.shape().len() {
            _ if array.len() == 1 => Self::Data0D,
            0 => Self::Data0D,
            1 => Self::Data1D,
            2 => Self::Data2D,
            _ => Self::DataND,
        }
    }
}

/// The coordinates along one dimension of the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What the coordinate is.
    pub label: String,
    /// Its units.
    pub units: String,
    /// The coordinates, rank 1.
    pub data: NdArray,
    /// The dimension of the data (as a numpy index) that it belongs to.
    pub index: i64,
    /// For spread data: its place among the axes of one dimension.
    pub spread_order: i64,
}

impl Axis {
    /// An axis of dimension `index`.
    pub fn new(label: impl Into<String>, units: impl Into<String>, data: NdArray, index: i64) -> Self {
        Self {
            label: label.into(),
            units: units.into(),
            data,
            index,
            spread_order: 0,
        }
    }
}

/// One or more channels of the same shape, with their axes.
#[derive(Clone, Debug, PartialEq)]
pub struct DataWithAxes {
    /// The flavour.
    pub class: DataClass,
    /// When they were taken, in seconds since 1970 (UTC).
    pub timestamp: f64,
    /// Their name.
    pub name: String,
    /// Units of the values. Generations g1, g2 and g3b cannot carry them; g3a carries them as an extra attribute.
    pub units: String,
    /// Where they come from.
    pub source: DataSource,
    /// Their dimensionality.
    pub dim: DataDim,
    /// How their points lie.
    pub distribution: DataDistribution,
    /// The channels.
    pub data: Vec<NdArray>,
    /// A label for each channel.
    pub labels: Vec<String>,
    /// The module or container they come from.
    pub origin: String,
    /// The dimensions that are navigated (a scan's), the others being signal.
    pub nav_indexes: Vec<i64>,
    /// The axes; a dimension may have none.
    pub axes: Vec<Axis>,
    /// Errors of the values, one array a channel, or none. From generation g3b.
    pub errors: Vec<NdArray>,
    /// Further named values.
    pub extra_attributes: Vec<(String, Object)>,
}

impl DataWithAxes {
    /// Channels of the given flavour without axes, labelled `CH00`, `CH01` and so on; the dimensionality is the first
    /// channel's.
    pub fn new(class: DataClass, name: impl Into<String>, timestamp: f64, data: Vec<NdArray>) -> Self {
        Self {
            class,
            timestamp,
            name: name.into(),
            units: String::new(),
            source: DataSource::Raw,
            dim: data.first().map_or(DataDim::Data0D, DataDim::of),
            distribution: DataDistribution::Uniform,
            labels: (0..data.len()).map(|index| format!("CH{index:02}")).collect(),
            data,
            origin: String::new(),
            nav_indexes: Vec::new(),
            axes: Vec::new(),
            errors: Vec::new(),
            extra_attributes: Vec::new(),
        }
    }

    /// A position: one value with its units.
    pub fn actuator(name: impl Into<String>, timestamp: f64, value: f64, units: impl Into<String>) -> Self {
        let data = [NdArray::vector(&[value])].into();
        Self {
            units: units.into(),
            ..Self::new(DataClass::DataActuator, name, timestamp, data)
        }
    }

    /// The first value of the first channel: what a position is.
    pub fn value(&self) -> Option<f64> {
        self.data.first()?.value(0)
    }
}

/// What a module sends when it has grabbed: any number of [`DataWithAxes`] under one name.
#[derive(Clone, Debug, PartialEq)]
pub struct DataToExport {
    /// The flavour.
    pub class: ExportClass,
    /// When it was put together, in seconds since 1970 (UTC).
    pub timestamp: f64,
    /// Its name.
    pub name: String,
    /// The data.
    pub data: Vec<DataWithAxes>,
    /// Further named values; from generation g4.
    pub extra_attributes: Vec<(String, Object)>,
}

impl DataToExport {
    /// A container of `data`, which get its name as their origin where they have none.
    pub fn new(name: impl Into<String>, timestamp: f64, mut data: Vec<DataWithAxes>) -> Self {
        let name = name.into();
        for item in data.iter_mut().filter(|item| item.origin.is_empty()) {
            item.origin.clone_from(&name);
        }
        Self {
            class: ExportClass::DataToExport,
            timestamp,
            name,
            data,
            extra_attributes: Vec::new(),
        }
    }

    /// Every channel in order: what generations g1 and g2 carry of it.
    pub fn arrays(&self) -> impl Iterator<Item = &NdArray> {
        self.data.iter().flat_map(|item| &item.data)
    }
}
