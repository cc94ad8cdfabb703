//! Generations of PyMoDAQ's TCP protocol, which are incompatible.

use core::fmt;
use core::str::FromStr;

/// Generation of the wire format. Nothing on the wire names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Generation {
    /// PyMoDAQ 1.6: arrays as rows and columns, lists without the types of their items.
    G1,
    /// PyMoDAQ 2.3 to 3.6: arrays of any rank, items carry their type; positions are scalars, data a list of arrays.
    G2,
    /// PyMoDAQ 4.0: the same bytes, but its server drops a detector that sends its axes.
    G2b,
    /// PyMoDAQ 4.1: `DataToExport` and `DataActuator`; no errors, no units of their own.
    G3a,
    /// PyMoDAQ 4.2 and 4.3: errors, but units are lost.
    G3b,
    /// PyMoDAQ 4.4: units.
    G3c,
    /// PyMoDAQ 5.0 to 5.1.12: every object in its own frame, every field with its type.
    G4,
}

impl Generation {
    /// All of them, oldest first.
    pub const ALL: [Self; 7] = [
        Self::G1,
        Self::G2,
        Self::G2b,
        Self::G3a,
        Self::G3b,
        Self::G3c,
        Self::G4,
    ];

    /// Whether data travel as `DataToExport` and positions as `DataActuator`, not as lists of arrays and scalars.
    #[must_use]
    pub fn has_data_objects(self) -> bool {
        self >= Self::G3a
    }

    /// Whether axes travel on their own, before the data to which they belong.
    #[must_use]
    pub fn has_axis_reports(self) -> bool {
        self <= Self::G2
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
            Self::G2b => "g2b",
            Self::G3a => "g3a",
            Self::G3b => "g3b",
            Self::G3c => "g3c",
            Self::G4 => "g4",
        }
    }

    /// Generation of a release of PyMoDAQ, such as `4.2` or `5.1.12`. `None` for releases without TCP.
    fn of_release(release: &str) -> Option<Self> {
        let mut numbers = release.split('.').map(|number| number.parse::<u32>());
        let mut next = || numbers.next().transpose().ok();
        let (major, minor, patch) = (next()??, next()?, next()?);
        match (major, minor?) {
            (1, _) => Some(Self::G1),
            (2 | 3, _) => Some(Self::G2),
            (4, 0) => Some(Self::G2b),
            (4, 1) => Some(Self::G3a),
            (4, 2 | 3) => Some(Self::G3b),
            (4, _) => Some(Self::G3c),
            (5, 0) => Some(Self::G4),
            (5, 1) if patch.is_none_or(|patch| patch < 13) => Some(Self::G4),
            _ => None,
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
#[error(
    "a generation is one of g1, g2, g2b, g3a, g3b, g3c, g4, or a release of PyMoDAQ with TCP, from 1.6 to 5.1.12, such \
     as 4.2"
)]
#[non_exhaustive]
pub struct UnknownGeneration;

impl FromStr for Generation {
    type Err = UnknownGeneration;

    /// Reads a generation's name, or a release of PyMoDAQ.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|g| g.name() == name)
            .or_else(|| Self::of_release(name))
            .ok_or(UnknownGeneration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_names_too() {
        let releases = [
            ("1.6.4", Generation::G1),
            ("2.3", Generation::G2),
            ("3.6.13", Generation::G2),
            ("4.0.11", Generation::G2b),
            ("4.1.5", Generation::G3a),
            ("4.2", Generation::G3b),
            ("4.3.7", Generation::G3b),
            ("4.4.11", Generation::G3c),
            ("5.0.18", Generation::G4),
            ("5.1", Generation::G4),
            ("5.1.12", Generation::G4),
            ("g2b", Generation::G2b),
        ];
        for (name, generation) in releases {
            assert_eq!(name.parse(), Ok(generation), "{name}");
        }
        for name in ["5.1.13", "5.2", "6.0", "4", "4.x", "", "g5", "-1.6"] {
            assert_eq!(name.parse::<Generation>(), Err(UnknownGeneration), "{name}");
        }
    }
}
