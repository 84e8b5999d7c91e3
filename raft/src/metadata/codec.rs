//! Declares metadata records, their bytes in every version, and their readers.
//!
//! The bytes are Kafka's flexible encoding (controller-broker.md §1.1): the fields of the version in order; fields with
//! a tag are in a section at the end of the struct, and only if they differ from their default.

/// `records! { KEY Name, max VERSION { field: type, since V[, tag N[= default]]; … } … parts { … } }`
///
/// Tags ascend within a record. A field that is not in the version read gets its default; a version without a field for
/// a value is rejected, as Kafka's generated writers reject it.
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
        pub struct $name { $(#[doc = concat!("Since version ", $since, ".")] pub $field: $type,)* }

        $crate::metadata::codec::body! {
            $name { $($field: $type, since $since $(, tag $tag $(= $default)?)?;)* }
        }

        impl $name {
            #[allow(unused_variables, unused_mut, reason = "a record may have no fields")]
            fn written_fields(&self, version: i16) -> $crate::message::Value {
                let mut fields = Vec::new();
                $(let is_default = || self.$field == $crate::metadata::codec::default!($type $($(, $default)?)?);
                let is_left_out = $crate::metadata::codec::either!([$($tag)?] { is_default() } { false });
                if version >= $since && !is_left_out {
                    $crate::message::Fields::put(&self.$field, stringify!($field), &mut fields);
                })*
                $crate::message::Value::Struct(fields)
            }
        }

        impl From<$name> for MetadataRecord {
            fn from(record: $name) -> MetadataRecord {
                MetadataRecord::$name(record)
            }
        })+

        $($(#[$part_meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $part { $(#[doc = concat!("Since version ", $part_since, ".")] pub $part_field: $part_type,)* }

        $crate::metadata::codec::body! { $part { $($part_field: $part_type, since $part_since;)* } }

        impl $crate::message::Canonical for $part {
            fn walk(&self, hasher: &mut $crate::message::CanonicalHasher) {
                $($crate::message::Canonical::walk(&self.$part_field, hasher);)*
            }
        })*

        /// Any record.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum MetadataRecord { $($(#[$meta])* $name($name),)+ }

        impl MetadataRecord {
            /// Kafka's name of the record type.
            pub fn name(&self) -> &'static str {
                match self { $(MetadataRecord::$name(_) => concat!(stringify!($name), "Record"),)+ }
            }

            /// Kafka's key of the record type.
            pub fn api_key(&self) -> u16 {
                match self { $(MetadataRecord::$name(_) => $key,)+ }
            }

            /// The newest version of the record type.
            pub fn max_version(&self) -> i16 {
                match self { $(MetadataRecord::$name(_) => $max,)+ }
            }

            /// Its fields, by Kafka's names.
            pub(crate) fn fields(&self) -> $crate::message::Value {
                match self { $(MetadataRecord::$name(record) => $crate::message::Fields::value(record),)+ }
            }

            /// The fields that the bytes of a version hold: without tagged fields that have their default, as Kafka's
            /// JSON converters write them.
            pub(crate) fn written_fields(&self, version: i16) -> $crate::message::Value {
                match self { $(MetadataRecord::$name(record) => record.written_fields(version),)+ }
            }

            fn write_body(&self, version: i16, out: &mut Frame) -> Result<(), EncodeError> {
                match self { $(MetadataRecord::$name(record) => RecordField::write(record, version, out),)+ }
            }

            /// `Ok(None)`: an unknown record type, or an unknown version of it.
            fn read_body(api_key: u32, version: i16, reader: &mut Reader<'_>) -> Result<Option<Self>, BatchError> {
                Ok(match (api_key, version) {
                    $(($key, 0..=$max) => Some(MetadataRecord::$name(RecordField::read(reader, version)?)),)+
                    _ => None,
                })
            }
        }
    };
}

/// The bytes of one struct, its tagged fields included.
macro_rules! body {
    ($name:ident { $($field:ident: $type:ty, since $since:literal $(, tag $tag:literal $(= $default:expr)?)?;)* }) => {
        $crate::message::fields::fields! { $name { $($field),* } }

        impl RecordField for $name {
            #[allow(unused_variables, unused_mut, reason = "a struct may have no fields, or none with a tag")]
            fn write(&self, version: i16, out: &mut Frame) -> Result<(), EncodeError> {
                let mut tagged = TaggedFields::default();
                $(if version < $since {
                    if self.$field != $crate::metadata::codec::default!($type $($(, $default)?)?) {
                        let (record, field) = (stringify!($name), stringify!($field));
                        return Err(EncodeError::FieldNotInVersion { record, field, version });
                    }
                } else {
                    $crate::metadata::codec::either!([$($tag)?] {
                        if self.$field != $crate::metadata::codec::default!($type $($(, $default)?)?) {
                            tagged.push($($tag)?, &self.$field, version)?;
                        }
                    } {
                        self.$field.write(version, out)?;
                    });
                })*
                tagged.write(out)
            }

            #[allow(unused_variables, unused_mut, reason = "a struct may have no fields, or none with a tag")]
            fn read(reader: &mut Reader<'_>, version: i16) -> Result<$name, BatchError> {
                let mut read = $name {
                    $($field: $crate::metadata::codec::either!([$($tag)?] {
                        $crate::metadata::codec::default!($type $($(, $default)?)?)
                    } {
                        if version >= $since {
                            <$type as RecordField>::read(reader, version)?
                        } else {
                            $crate::metadata::codec::default!($type)
                        }
                    }),)*
                };
                for _ in 0..reader.unsigned_varint()? {
                    let (tag, mut bytes) = reader.tagged_field()?;
                    $($(if tag == $tag {
                        if version < $since {
                            return Err(BatchError::MalformedRecord("a tag that its version does not have"));
                        }
                        read.$field = RecordField::read(&mut bytes, version)?;
                        bytes.end()?;
                    })?)*
                }
                Ok(read)
            }
        }
    };
}

/// The default of a field: its own, or that of its type.
macro_rules! default {
    ($type:ty) => {
        <$type as $crate::metadata::field::Absent>::absent()
    };
    ($type:ty, $default:expr) => {
        $default
    };
}

/// Expands to the first block for a field with a tag, to the second for one without.
macro_rules! either {
    ([$tag:literal] { $($tagged:tt)* } { $($untagged:tt)* }) => { $($tagged)* };
    ([] { $($tagged:tt)* } { $($untagged:tt)* }) => { $($untagged)* };
}

pub(super) use {body, default, either, records};
