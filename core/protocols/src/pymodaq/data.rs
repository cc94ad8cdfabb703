//! PyMoDAQ's data: arrays with axes, units and errors, and the container in which a module sends them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::array::NdArray;
use super::object::Object;

/// Declares an enumeration whose variants are sent by name.
macro_rules! named {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(clippy::exhaustive_enums, reason = "the names of the wire")]
        pub enum $type { $($(#[$doc])* $variant),+ }

        impl $type {
            /// All variants.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// Variant of this name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.name() == name)
            }
        }
    };
}

named! {
    /// Class of a [`DataWithAxes`].
    DataClass {
        /// The general class.
        DataWithAxes = "DataWithAxes",
        /// Data as a detector returns them.
        DataRaw = "DataRaw",
        /// A position.
        DataActuator = "DataActuator",
        /// Data from a plugin, with the attributes `do_plot` and `do_save`.
        DataFromPlugins = "DataFromPlugins",
        /// Data calculated from other data.
        DataCalculated = "DataCalculated",
        /// Data calculated over a region of interest.
        DataFromRoi = "DataFromRoi",
    }
}

named! {
    /// Class of a [`DataToExport`].
    ExportClass {
        /// The general class.
        DataToExport = "DataToExport",
        /// Positions for several actuators.
        DataToActuators = "DataToActuators",
        /// The data of a scan.
        DataScan = "DataScan",
    }
}

named! {
    /// Origin of data.
    DataSource {
        /// From a detector.
        Raw = "raw",
        /// Calculated.
        Calculated = "calculated",
    }
}

named! {
    /// Dimensionality of data for display.
    DataDim {
        /// One number per channel.
        Data0D = "Data0D",
        /// A curve per channel.
        Data1D = "Data1D",
        /// An image per channel.
        Data2D = "Data2D",
        /// More dimensions.
        DataND = "DataND",
    }
}

named! {
    /// Arrangement of points in the space of the axes.
    DataDistribution {
        /// On a grid.
        Uniform = "uniform",
        /// Arbitrary, one point per value.
        Spread = "spread",
    }
}

impl DataDim {
    /// Dimensionality of an array in PyMoDAQ's sense: a single element is 0D, whatever its rank.
    #[must_use]
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

/// Coordinates along one dimension of the data.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the fields of PyMoDAQ's class")]
pub struct Axis {
    /// Name of the coordinate.
    pub label: String,
    /// Units of the coordinate.
    pub units: String,
    /// Coordinates, rank 1.
    pub data: NdArray,
    /// Dimension of the data to which it belongs (as a NumPy index).
    pub index: i64,
    /// For spread data: position among the axes of one dimension.
    pub spread_order: i64,
}

impl Axis {
    /// Creates an axis of dimension `index`.
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
#[expect(clippy::exhaustive_structs, reason = "the fields of PyMoDAQ's class")]
pub struct DataWithAxes {
    /// Class.
    pub class: DataClass,
    /// Time of acquisition, in seconds since 1970 (UTC).
    pub timestamp: f64,
    /// Name.
    pub name: String,
    /// Units of the values. Generations g1, g2 and g3b cannot carry them; g3a carries them as an extra attribute.
    pub units: String,
    /// Origin.
    pub source: DataSource,
    /// Dimensionality.
    pub dim: DataDim,
    /// Arrangement of the points.
    pub distribution: DataDistribution,
    /// The channels.
    pub data: Vec<NdArray>,
    /// Label of each channel.
    pub labels: Vec<String>,
    /// Module or container of origin.
    pub origin: String,
    /// Dimensions that are navigated (those of a scan); the others are signal.
    pub nav_indexes: Vec<i64>,
    /// Axes; a dimension may have none.
    pub axes: Vec<Axis>,
    /// Errors of the values, one array per channel, or none. From generation g3b.
    pub errors: Vec<NdArray>,
    /// Further named values.
    pub extra_attributes: Vec<(String, Object)>,
}

impl DataWithAxes {
    /// Creates channels of the given class without axes, labelled `CH00`, `CH01` and so on; the dimensionality is
    /// that of the first channel.
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

    /// Creates a position: one value with its units.
    pub fn actuator(name: impl Into<String>, timestamp: f64, value: f64, units: impl Into<String>) -> Self {
        let data = [NdArray::vector(&[value])].into();
        Self {
            units: units.into(),
            ..Self::new(DataClass::DataActuator, name, timestamp, data)
        }
    }

    /// First value of the first channel, which is the value of a position.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.data.first()?.value(0)
    }
}

/// Container that a module sends after a grab: any number of [`DataWithAxes`] under one name.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the fields of PyMoDAQ's class")]
pub struct DataToExport {
    /// Class.
    pub class: ExportClass,
    /// Time of creation, in seconds since 1970 (UTC).
    pub timestamp: f64,
    /// Name.
    pub name: String,
    /// The data.
    pub data: Vec<DataWithAxes>,
    /// Further named values; from generation g4.
    pub extra_attributes: Vec<(String, Object)>,
}

impl DataToExport {
    /// Creates a container of `data`; those without an origin get its name.
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

    /// All channels in order, which is the part that generations g1 and g2 carry.
    pub fn arrays(&self) -> impl Iterator<Item = &NdArray> {
        self.data.iter().flat_map(|item| &item.data)
    }
}
