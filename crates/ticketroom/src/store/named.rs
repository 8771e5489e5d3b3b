//! Statements whose parameters have names: `:helpdesk` in the text, and a field of that name where
//! the statement is run.
//!
//! [`statements!`] makes a struct of each statement, with its parameters as fields. One that is
//! left out, or that there is not, doesn't compile; that the text names the same ones is tested
//! over all statements (`suite/plans.rs`). Names become numbers once for each statement, and values
//! are handed over in the order of the fields, so that running one builds no text and looks no name
//! up.

/// A statement as it is written down, for tests.
#[cfg(test)]
pub(super) struct Written {
    pub(super) name: &'static str,
    pub(super) fields: &'static [&'static str],
    /// With names.
    pub(super) text: &'static str,
    /// What comes before the number of a parameter.
    pub(super) mark: char,
}

/// Makes statements, and `ALL` of them for tests: `statements! { '$', Statement, Parameter; Name {
/// field } = "SELECT :field"; }`. `Statement` is the trait that they have, with its functions `sql`
/// and `values`; each value is a `Parameter`.
macro_rules! statements {
    (
        $mark:literal, $statement:path, $value:path;
        $($(#[$doc:meta])* $name:ident $({ $($field:ident),+ $(,)? })? = $text:expr;)+
    ) => {
        $($crate::store::named::statements! {
            @one $mark, $statement, $value; $(#[$doc])* $name { $($($field),+)? } = $text;
        })+

        /// All of them.
        #[cfg(test)]
        pub(in crate::store) const ALL: &[$crate::store::named::Written] = &[$($crate::store::named::Written {
            name: stringify!($name),
            fields: &[$($(stringify!($field)),+)?],
            text: $text,
            mark: $mark,
        }),+];
    };
    (@one $mark:literal, $statement:path, $value:path; $(#[$doc:meta])* $name:ident {} = $text:expr;) => {
        $(#[$doc])*
        pub(in crate::store) struct $name;

        impl $statement for $name {
            fn sql(&self) -> &'static str {
                $text
            }

            fn values(&self) -> Vec<&(dyn $value + '_)> {
                Vec::new()
            }
        }
    };
    (
        @one $mark:literal, $statement:path, $value:path;
        $(#[$doc:meta])* $name:ident { $($field:ident),+ } = $text:expr;
    ) => {
        $(#[$doc])*
        pub(in crate::store) struct $name<'a> {
            $(pub(in crate::store) $field: &'a (dyn $value + 'a),)+
        }

        impl $statement for $name<'_> {
            fn sql(&self) -> &'static str {
                static SQL: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
                    $crate::store::named::numbered($text, $mark, &[$(stringify!($field)),+])
                });
                SQL.as_str()
            }

            fn values(&self) -> Vec<&(dyn $value + '_)> {
                vec![$(self.$field),+]
            }
        }
    };
}

pub(super) use statements;

/// Puts numbers in the place of names. One that is not among `fields` stays.
pub(super) fn numbered(text: &str, mark: char, fields: &[&str]) -> String {
    let mut sql = String::with_capacity(text.len());
    for part in parts(text) {
        match part {
            Part::Text(text) => sql.push_str(text),
            Part::Name(name) => match fields.iter().position(|field| *field == name) {
                Some(place) => sql.push_str(&format!("{mark}{}", place + 1)),
                None => sql.push_str(&format!(":{name}")),
            },
        }
    }
    sql
}

/// The names in a text.
#[cfg(test)]
pub(super) fn names(text: &str) -> std::collections::BTreeSet<&str> {
    parts(text)
        .filter_map(|part| match part {
            Part::Name(name) => Some(name),
            Part::Text(_) => None,
        })
        .collect()
}

enum Part<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// Splits a text at its names. A colon before anything else, and the two of a type
/// (`:rooms::bigint[]`), begin none.
fn parts(mut text: &str) -> impl Iterator<Item = Part<'_>> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let is_name = |character: char| {
            character.is_ascii_lowercase() || character == '_' || character.is_ascii_digit()
        };
        if let Some(rest) = text.strip_prefix(':')
            && rest.starts_with(|first: char| first.is_ascii_lowercase())
        {
            let end = rest.find(|character| !is_name(character)).unwrap_or(rest.len());
            let (name, rest) = rest.split_at(end);
            text = rest;
            return Some(Part::Name(name));
        }
        let is_type = text.starts_with("::");
        let begin = if is_type { 2 } else { 1.min(text.len()) };
        // After a colon that begins no name, or after some text, up to the next colon.
        let begin = if text.is_char_boundary(begin) { begin } else { 0 };
        let end = text[begin..].find(':').map_or(text.len(), |next| begin + next);
        let (plain, rest) = text.split_at(end);
        text = rest;
        Some(Part::Text(plain))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_the_numbers_of_their_fields() {
        let text = "SELECT ':' || :b::text, :a, :b_2 -- of a: name\n, unnest(:a::bigint[]), ä:b";
        let sql = numbered(text, '$', &["a", "b", "b_2"]);
        assert_eq!(sql, "SELECT ':' || $2::text, $1, $3 -- of a: name\n, unnest($1::bigint[]), ä$2");
        assert_eq!(names(text), ["a", "b", "b_2"].into());
        assert_eq!(numbered(":a = :c", '?', &["a"]), "?1 = :c");
    }
}
