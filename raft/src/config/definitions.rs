//! What a property is: name, type, default, range, what it sets. `table`: all of them; `secrets`: whose
//! values are never printed.
//!
//! A property sets one or more fields of [`NodeConfig`], or it has no effect; `without_effect`
//! knows the names and reasons of those. Any other is unrecognised: a typing mistake, or a newer
//! Kafka's.

mod secrets;
mod table;
mod without_effect;

use super::error::Refused;
use super::{NodeConfig, Roles};

pub use secrets::{HIDDEN, is_hidden, is_secret};
pub use table::DEFINITIONS;
pub use without_effect::{split_listener, why as why_without_effect};

/// One property Kafka knows.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Name in a `.properties` file.
    pub name: &'static str,
    /// What its value must look like.
    pub kind: PropertyKind,
    /// Kafka's default; `None` where there is none. A boolean's is 0 or 1.
    pub default: Option<i64>,
    /// What it sets, if it takes effect here.
    pub field: Option<PropertyField>,
    /// Paths of the fields that it sets, below [`NodeConfig`].
    pub paths: &'static [&'static str],
    /// What it is for, and Kafka's class that defines it.
    pub doc: &'static str,
}

/// The shape of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertyKind {
    /// An integer of a closed range; the unit is for messages.
    Integer { min: i64, max: i64, unit: &'static str },
    /// `true` or `false`.
    Boolean,
    /// Anything; lists and names are checked where they are used.
    Text,
}

/// Access to what a property sets in a [`NodeConfig`].
#[derive(Clone, Copy, Debug)]
pub struct PropertyField {
    /// Reads it; a boolean is 0 or 1.
    pub get: fn(&NodeConfig) -> i64,
    /// Writes it, wherever it is read; the value has passed its range.
    pub set: fn(&mut NodeConfig, i64),
}

/// A field's type: what the table's ranges are made to fit.
trait Number: Copy {
    fn of(value: i64) -> Self;
    fn to(self) -> i64;
}

macro_rules! numbers {
    ($($type:ty),+) => {$(
        impl Number for $type {
            fn of(value: i64) -> $type {
                <$type>::try_from(value).expect("the table's range fits the field's type")
            }

            fn to(self) -> i64 {
                i64::try_from(self).expect("it was set from the table's range")
            }
        }
    )+};
}

numbers!(i16, i32, i64, u32, u64, usize);

impl Number for bool {
    fn of(value: i64) -> bool {
        value != 0
    }

    fn to(self) -> i64 {
        i64::from(self)
    }
}

impl PropertyKind {
    /// What `value` spells, blanks around it ignored, as Kafka's `ConfigDef` reads it, and
    /// refused in its words; a boolean is 0 or 1.
    pub(crate) fn number(self, value: &str) -> Result<i64, Refused> {
        match self {
            PropertyKind::Integer { min, max, unit } => integer(value, min, max, unit),
            PropertyKind::Boolean => match value.trim() {
                text if text.eq_ignore_ascii_case("true") => Ok(1),
                text if text.eq_ignore_ascii_case("false") => Ok(0),
                _ => Err(Refused::allowed("Expected value to be either true or false", "true, false")),
            },
            PropertyKind::Text => Err(Refused::new("not a number's property")),
        }
    }

    /// Whether `value` has this shape.
    pub(crate) fn check(self, value: &str) -> Result<(), Refused> {
        match self {
            PropertyKind::Text => Ok(()),
            _ => self.number(value).map(drop),
        }
    }

    /// Is this number of the range?
    fn holds(self, number: i64) -> bool {
        match self {
            PropertyKind::Integer { min, max, .. } => (min..=max).contains(&number),
            PropertyKind::Boolean => matches!(number, 0 | 1),
            PropertyKind::Text => false,
        }
    }

    /// As it stands in a file.
    fn print(self, number: i64) -> String {
        if self == PropertyKind::Boolean { (number != 0).to_string() } else { number.to_string() }
    }
}

fn integer(value: &str, min: i64, max: i64, unit: &str) -> Result<i64, Refused> {
    let allowed = || if unit.is_empty() { format!("{min}..{max}") } else { format!("{min}..{max} ({unit})") };
    let (name, type_max) = if max <= INT_MAX { ("INT", INT_MAX) } else { ("LONG", i64::MAX) };
    match value.trim().parse::<i64>() {
        Ok(number) if number <= type_max && number >= -type_max - 1 => {
            if number < min {
                return Err(Refused::allowed(format!("Value must be at least {min}"), allowed()));
            }
            if number > max {
                return Err(Refused::allowed(format!("Value must be no more than {max}"), allowed()));
            }
            Ok(number)
        }
        _ => Err(Refused::allowed(format!("Not a number of type {name}"), allowed())),
    }
}

impl Definition {
    /// Does a node with these roles read one of the fields that it sets? All nodes read those of
    /// the quorum.
    pub fn is_read_by(&self, roles: Roles) -> bool {
        self.paths.iter().any(|path| match path.split(['.', ' ']).next() {
            Some("controller") => roles.controller,
            Some("broker") => roles.broker,
            _ => true,
        })
    }

    /// Its value in a node, as it would be printed; `None` if it takes no effect.
    pub fn value(&self, config: &NodeConfig) -> Option<String> {
        self.field.map(|field| self.kind.print((field.get)(config)))
    }

    /// Whether this property alone can say what a node has: of two that set the same field one
    /// may have a narrower range (`log.segment.bytes`) or a coarser unit (`log.roll.hours`).
    pub fn can_say(&self, config: &NodeConfig) -> bool {
        let Some(field) = self.field else { return false };
        let value = (field.get)(config);
        let mut said = config.clone();
        self.kind.holds(value) && {
            (field.set)(&mut said, value);
            said == *config
        }
    }
}

const INT_MAX: i64 = i32::MAX as i64;

const COUNT: usize = DEFINITIONS.len();

/// Places of [`DEFINITIONS`] in the order of their names, so that a run's start finds them fast.
static BY_NAME: [usize; COUNT] = by_name();

const fn by_name() -> [usize; COUNT] {
    let mut order = [0; COUNT];
    let mut count = 0;
    while count < COUNT {
        let mut place = count;
        while place > 0 && less(DEFINITIONS[count].name.as_bytes(), DEFINITIONS[order[place - 1]].name.as_bytes()) {
            order[place] = order[place - 1];
            place -= 1;
        }
        order[place] = count;
        count += 1;
    }
    order
}

const fn less(a: &[u8], b: &[u8]) -> bool {
    let mut index = 0;
    while index < a.len() && index < b.len() {
        if a[index] != b[index] {
            return a[index] < b[index];
        }
        index += 1;
    }
    a.len() < b.len()
}

/// The place of a name in [`DEFINITIONS`].
pub fn place(name: &str) -> Option<usize> {
    BY_NAME.binary_search_by(|place| DEFINITIONS[*place].name.cmp(name)).ok().map(|index| BY_NAME[index])
}

/// The definition of a name.
pub fn find(name: &str) -> Option<&'static Definition> {
    place(name).map(|place| &DEFINITIONS[place])
}

/// Is this a property that Kafka knows?
pub fn is_known(name: &str) -> bool {
    place(name).is_some() || why_without_effect(name).is_some()
}

/// The names that Kafka knows, apart from families of names such as those below `listener.name.`.
pub fn names() -> impl Iterator<Item = &'static str> {
    DEFINITIONS.iter().map(|definition| definition.name).chain(without_effect::names())
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::ids::NodeId;

    const IDENTITY: [&str; 5] =
        ["process.roles", "node.id", "broker.id", "controller.quorum.voters", "controller.quorum.bootstrap.servers"];

    /// The table is where a file's defaults come from, a node's constructor where a generated
    /// node's do; and each number a property takes fits all fields it sets.
    #[test]
    fn names_are_unique_and_defaults_those_of_a_new_node() {
        let fresh = NodeConfig::new(NodeId(1), Roles::COMBINED, Rc::from([]));
        for definition in DEFINITIONS {
            let of_name = DEFINITIONS.iter().filter(|d| d.name == definition.name).count();
            assert_eq!(of_name, 1, "{}", definition.name);
            assert_eq!(find(definition.name).map(|d| d.name), Some(definition.name));
            let PropertyKind::Integer { min, max, .. } = definition.kind else { continue };
            assert!(definition.default.is_none_or(|default| (min..=max).contains(&default)), "{}", definition.name);
            let Some(field) = definition.field else { continue };
            for value in [min, max] {
                let mut config = fresh.clone();
                (field.set)(&mut config, value);
                assert_eq!((field.get)(&config), value, "{}", definition.name);
            }
        }
        for definition in DEFINITIONS {
            if let (Some(default), Some(field)) = (definition.default, definition.field) {
                assert_eq!((field.get)(&fresh), default, "{}", definition.name);
                let mut config = fresh.clone();
                (field.set)(&mut config, default);
                assert_eq!(config, fresh, "{}: one of the fields it sets has another default", definition.name);
            }
        }
        assert!(find("controller.quorum.fetch.timeout").is_none());
        for definition in DEFINITIONS {
            let is_without_effect = without_effect::names().any(|name| name == definition.name);
            let takes_effect = definition.field.is_some() || IDENTITY.contains(&definition.name);
            assert_ne!(takes_effect, is_without_effect, "{}", definition.name);
        }
    }
}
