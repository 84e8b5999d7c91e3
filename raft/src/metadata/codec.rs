//! Declares metadata records, their bytes in every version, and their readers.

/// `records! { KEY Name, max VERSION { field: type, since V[, tag N[= default]]; … } … parts { … } }`
macro_rules! records {
    (
        $($(#[$meta:meta])* $key:literal $name:ident, max $max:literal {
            $($field:ident: $type:ty, since $since:literal $(, tag $tag:literal $(= $default:expr)?)?;)*
        })+
        parts {
            $($(#[$part_meta:meta])* $part:ident {
                $($part_field:ident: $part_type:ty, since $part_since:literal;)*
            })*
        }
    ) => {
        $($(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name { $(#[doc = concat!("Since version ", $since, ".")] pub $field: $type,)* })+

        $($(#[$part_meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $part { $(#[doc = concat!("Since version ", $part_since, ".")] pub $part_field: $part_type,)* })*

        /// Any record.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum MetadataRecord { $($(#[$meta])* $name($name),)+ }

        impl MetadataRecord {
            /// Kafka's name of its type.
            pub fn name(&self) -> &'static str {
                match self { $(MetadataRecord::$name(_) => concat!(stringify!($name), "Record"),)+ }
            }

            /// Kafka's key of its type.
            pub fn api_key(&self) -> u16 {
                match self { $(MetadataRecord::$name(_) => $key,)+ }
            }
        }
    };
}
pub(super) use records;
