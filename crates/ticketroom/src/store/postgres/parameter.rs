//! The parameters of statements, each with the type that it has in the database. A statement whose
//! types are known needs no preparing: it is sent, run and forgotten in one go, and so leaves
//! nothing behind in its session.

use std::borrow::Cow;

use tokio_postgres::types::{ToSql, Type};

/// A parameter.
pub(in crate::store) trait Parameter: Sync {
    /// Its type in the database.
    fn kind(&self) -> Type;
    /// Itself, for the driver.
    fn value(&self) -> &(dyn ToSql + Sync);
}

/// A statement with the values of its parameters.
pub(in crate::store) trait Statement: Sync {
    /// Its text, with numbers for names.
    fn sql(&self) -> &'static str;

    /// The values, in the order of the numbers.
    fn values(&self) -> Vec<&(dyn Parameter + '_)>;
}

/// The parameters of a statement.
pub(super) type Parameters<'a> = &'a [&'a (dyn Parameter + 'a)];

/// What is a type of the database.
pub(super) trait Kind {
    /// Which one.
    const KIND: Type;
}

/// What there can be an array of.
pub(super) trait Element: Kind {
    /// Its type.
    const ARRAY: Type;
}

impl<T: Kind + ToSql + Sync> Parameter for T {
    fn kind(&self) -> Type {
        T::KIND
    }

    fn value(&self) -> &(dyn ToSql + Sync) {
        self
    }
}

macro_rules! kinds {
    ($($rust:ty: $kind:ident, $array:ident;)*) => {
        $(
            impl Kind for $rust {
                const KIND: Type = Type::$kind;
            }

            impl Element for $rust {
                const ARRAY: Type = Type::$array;
            }
        )*
    };
}

kinds! {
    bool: BOOL, BOOL_ARRAY;
    i32: INT4, INT4_ARRAY;
    i64: INT8, INT8_ARRAY;
    str: TEXT, TEXT_ARRAY;
    String: TEXT, TEXT_ARRAY;
    Cow<'_, str>: TEXT, TEXT_ARRAY;
}

impl<T: Element> Element for Option<T> {
    const ARRAY: Type = T::ARRAY;
}

impl Kind for [u8] {
    const KIND: Type = Type::BYTEA;
}

impl<T: Element> Kind for [T] {
    const KIND: Type = T::ARRAY;
}

impl<T: Element> Kind for Vec<T> {
    const KIND: Type = T::ARRAY;
}

impl<T: Kind> Kind for Option<T> {
    const KIND: Type = T::KIND;
}

impl<T: Kind + ?Sized> Kind for &T {
    const KIND: Type = T::KIND;
}

impl<T: Element + ?Sized> Element for &T {
    const ARRAY: Type = T::ARRAY;
}
