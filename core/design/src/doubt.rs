//! Doubts about a posterior whose noise is unknown.

use alloc::vec::Vec;

use labwire_python_json::{Object, Value};

/// Weight of a measurement that does not count although the priors explain it; one that counts has 1.
pub(super) const OBJECTION: i64 = 4;
/// Doubt at which the posterior is computed anew.
pub(super) const TOO_MUCH: i64 = 3 * OBJECTION;

/// Measurements that did not count, where the noise is unknown.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubt {
    /// Objections to the posterior, less the measurements that counted since; negative after a posterior that was
    /// computed in vain.
    pub(super) balance: i64,
    /// Indices of the measurements that the priors do not explain either.
    pub(super) excluded: Vec<usize>,
    /// Whether the noise is at the least of its prior.
    pub(super) is_least: bool,
}

impl Doubt {
    /// Adds what there is to a posterior file.
    pub(super) fn write(&self, head: &mut Object) {
        if self.balance != 0 {
            head.insert("doubt", self.balance);
        }
        if !self.excluded.is_empty() {
            let indices = self.excluded.iter().map(|index| Value::from(*index as i64));
            head.insert("excluded", indices.collect::<Vec<_>>());
        }
    }

    /// The reverse of [`write`](Self::write), for a posterior of so many measurements.
    pub(super) fn read(head: &Object, measurements: usize) -> Result<Self, &'static str> {
        let balance = match head.get("doubt") {
            None => 0,
            Some(Value::Int(balance)) if (-(1 << 53)..TOO_MUCH).contains(balance) => *balance,
            Some(_) => return Err("doubt is not a whole number below 12"),
        };
        let index = |value: &Value| match value {
            Value::Int(index) => usize::try_from(*index).ok().filter(|index| *index < measurements),
            _ => None,
        };
        let excluded = match head.get("excluded") {
            None => Some(Vec::new()),
            Some(list) => list.as_list().and_then(|list| list.iter().map(index).collect()),
        };
        Ok(Self {
            balance,
            excluded: excluded.ok_or("excluded is not a list of indices of measurements")?,
            is_least: false,
        })
    }
}
