//! Setters of settings and limits.

/// Defines methods that return settings with another value of one field: `with_name field: Type`, each.
#[doc(hidden)]
#[macro_export]
macro_rules! setters {
    ($($setter:ident $field:ident: $type:ty),* $(,)?) => {$(
        #[doc = concat!("The same with another [`", stringify!($field), "`](Self::", stringify!($field), ").")]
        #[must_use]
        pub fn $setter(mut self, $field: $type) -> Self {
            self.$field = $field.into();
            self
        }
    )*};
}
