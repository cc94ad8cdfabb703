//! Generations of PyMoDAQ's TCP protocol, which are incompatible.

use core::fmt;
use core::str::FromStr;

/// Generation of the wire format. Nothing on the wire names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Generation {
    /// PyMoDAQ 1.6: arrays as rows and columns, lists without the types of their items.
    G1,
    /// PyMoDAQ 2.3 to 4.0: arrays of any rank, items carry their type; positions are scalars, data a list of arrays.
    G2,
    /// PyMoDAQ 4.1: `DataToExport` and `DataActuator`; no errors, no units of their own.
    G3a,
    /// PyMoDAQ 4.2 and 4.3: errors, but units are lost.
    G3b,
    /// PyMoDAQ 4.4: units.
    G3c,
    /// PyMoDAQ 5.0 to 5.1: every object in its own frame, every field with its type.
    G4,
}

impl Generation {
    /// All of them, oldest first.
    pub const ALL: [Self; 6] = [Self::G1, Self::G2, Self::G3a, Self::G3b, Self::G3c, Self::G4];

    /// Whether data travel as `DataToExport` and positions as `DataActuator`, not as lists of arrays and scalars.
    #[must_use]
    pub fn has_data_objects(self) -> bool {
        self >= Self::G3a
    }

    /// Whether `DataWithAxes` carries errors.
    #[must_use]
    pub fn has_errors(self) -> bool {
        self >= Self::G3b
    }

    /// Name in the configuration and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::G1 => "g1",
            Self::G2 => "g2",
            Self::G3a => "g3a",
            Self::G3b => "g3b",
            Self::G3c => "g3c",
            Self::G4 => "g4",
        }
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Unknown name of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a generation is one of g1, g2, g3a, g3b, g3c, g4")]
pub struct UnknownGeneration;

impl FromStr for Generation {
    type Err = UnknownGeneration;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|g| g.name() == name)
            .ok_or(UnknownGeneration)
    }
}
