//! Tables of the keys that files may have: the one source of what a reader takes, of the errors for what it does not take,
//! and, outside of the core, of JSON Schemas and reference pages.

/// Table of the keys of one kind of object.
#[derive(Debug)]
#[non_exhaustive]
pub struct Table {
    /// Name of the table.
    pub name: &'static str,
    /// Summary of the object in one sentence or more.
    pub meaning: &'static str,
    /// Keys, in the order in which they are listed.
    pub keys: &'static [Key],
    /// Whether an object has exactly one of the keys, besides those that are common, as a set and a prior have.
    pub is_choice: bool,
    /// Table whose keys the object may have as well.
    pub common: Option<&'static Table>,
}

/// Key that an object may have.
#[derive(Debug)]
#[non_exhaustive]
pub struct Key {
    /// Name of the key.
    pub name: &'static str,
    /// Values that it takes.
    pub kind: Kind,
    /// Whether the key has to be there, and what holds where it is not.
    pub need: Need,
    /// Meaning of the key in one sentence or more.
    pub meaning: &'static str,
}

/// Whether a key has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever describes keys has to say all")]
pub enum Need {
    /// The key is needed.
    Required,
    /// Nothing holds without the key.
    Optional,
    /// This value, as it would be written, holds without the key.
    Default(&'static str),
}

/// Values that a key takes.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "whoever describes keys has to say all")]
pub enum Kind {
    /// String.
    Text,
    /// Expression: a string or a number.
    Expression,
    /// Expression or a list of expressions.
    Expressions,
    /// Number.
    Number,
    /// Number above 0.
    Positive,
    /// Number above 0 and at most 1.
    Fraction,
    /// Whole number from the first to the second number.
    Whole(u32, u32),
    /// `true` or `false`.
    Truth,
    /// Bound: a number, or `null` for none.
    Bound,
    /// Any value; the meaning of the key says more.
    Any,
    /// One of these words.
    Word(&'static [&'static str]),
    /// List.
    List(&'static Kind),
    /// List of so many.
    Items(usize, &'static Kind),
    /// One value that stands for all elements, or a list of a value for each.
    Each(&'static Kind),
    /// Object whose keys are names that the file's author chooses.
    Map(&'static Kind),
    /// Object with the keys of a table.
    Object(&'static Table),
    /// Either of several kinds.
    Either(&'static [Kind]),
}

/// Makes a module for each table, with `NAMES` for readers and `TABLE` for those who describe files. Programs that only read
/// contain no descriptions.
///
/// ```
/// labwire_model::keys! {
///     /// Keys of `oven`.
///     pub oven {
///         "power": Positive, Required, "Power in kW.";
///         "mode": Word(&["fan", "grill"]), Default("\"fan\""), "Source of the heat.";
///     }
/// }
/// assert_eq!(oven::NAMES, ["power", "mode"]);
/// assert_eq!(oven::TABLE.keys[0].meaning, "Power in kW.");
/// ```
#[macro_export]
macro_rules! keys {
    ($(
        $(#[doc = $meaning:literal])+
        $visibility:vis $table:ident $(with $common:ident)? $(($choice:ident))? {
            $($name:literal: $kind:expr, $need:expr, $about:expr;)+
        }
    )+) => {$(
        $(#[doc = $meaning])+
        #[allow(unused_imports, reason = "not every table has every kind")]
        $visibility mod $table {
            use super::*;
            use $crate::text::Kind::{self, *};
            use $crate::text::Need::*;
            use $crate::text::{Key, Table};

            /// Names of the keys.
            pub const NAMES: &[&str] = &[$($name),+];

            /// The keys and their meanings.
            pub static TABLE: Table = Table::new(
                stringify!($table),
                concat!($($meaning),+),
                &[$(Key::new($name, $kind, $need, $about)),+],
            )$(.with(&$common::TABLE))?$(.$choice())?;
        }
    )+};
}

impl Table {
    /// Creates a table; [`keys`](crate::keys) does.
    #[must_use]
    pub const fn new(name: &'static str, meaning: &'static str, keys: &'static [Key]) -> Self {
        Self {
            name,
            meaning,
            keys,
            is_choice: false,
            common: None,
        }
    }

    /// Makes it a choice of exactly one key.
    #[must_use]
    pub const fn choice(mut self) -> Self {
        self.is_choice = true;
        self
    }

    /// Adds the keys of another table.
    #[must_use]
    pub const fn with(mut self, common: &'static Table) -> Self {
        self.common = Some(common);
        self
    }

    /// All keys, those of [`common`](Self::common) first.
    pub fn all_keys(&self) -> impl Iterator<Item = &'static Key> {
        let common = self.common.map_or(&[][..], |common| common.keys);
        common.iter().chain(self.keys)
    }
}

impl Key {
    /// Creates a key; [`keys`](crate::keys) does.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind, need: Need, meaning: &'static str) -> Self {
        Self {
            name,
            kind,
            need,
            meaning,
        }
    }
}
