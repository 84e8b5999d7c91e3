//! The verdict on a history: object by object, first those that need no search.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use super::admin::{AdminOp, AdminStep, Resource, steps_of};
use super::log::{self, LogOp};
use super::{History, Op};
use crate::wgl::interned::Interned;
use crate::wgl::kv::Keys;
use crate::wgl::register::Registers;
use crate::wgl::{HistoryVerdict, Objects, Operation, check, explain};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Every object's responses are possible.
    Linearizable,
    /// Those of one object are not.
    Violated(Finding),
    Unknown {
        steps: u64,
    },
}

/// A violation. Operations are identified by their places in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The object's name in messages.
    pub object: String,
    /// The reason in one sentence, if no search was needed.
    pub why: Option<String>,
    /// After a search: the longest order of effects that explains every response before that of `stuck`. Otherwise the
    /// operations that contradict `stuck`.
    pub prefix: Vec<usize>,
    /// The operation whose response is impossible.
    pub stuck: usize,
}

#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Steps granted to each object that needs a search.
    pub steps: u64,
    /// A value is appended to a log once, however many attempts there are.
    pub appends_once: bool,
}

impl Terms {
    /// The terms for a history from outside.
    pub fn strict(steps: u64) -> Terms {
        Terms { steps, appends_once: true }
    }
}

/// Operations of one kind, with their places in the history.
struct Kind<T> {
    operations: Vec<Operation<T>>,
    places: Vec<usize>,
}

/// Judges a history. Also returns the number of objects.
pub fn judge(history: &History, terms: Terms) -> (Judgement, usize) {
    let mut objects = 0;
    let mut given_up = false;
    let logs = by_name(history, |op| match op {
        Op::Log { name, op } => Some((name.as_str(), op)),
        _ => None,
    });
    objects += logs.len();
    for (name, log) in &logs {
        if let Err(trouble) = log::check(&log.operations, terms.appends_once) {
            return (Judgement::Violated(of_log(name, log, trouble)), objects);
        }
    }
    let (ids, twice) = producer_ids(history);
    objects += usize::from(ids > 0);
    if let Some(finding) = twice {
        return (Judgement::Violated(finding), objects);
    }
    let verdicts = [registers(history, terms.steps), keys(history, terms.steps), admins(history, terms.steps)];
    for (judgement, more) in verdicts {
        objects += more;
        match judgement {
            Judgement::Linearizable => {}
            Judgement::Unknown { .. } => given_up = true,
            Judgement::Violated(_) => return (judgement, objects),
        }
    }
    (if given_up { Judgement::Unknown { steps: terms.steps } } else { Judgement::Linearizable }, objects)
}

/// The operations of each object of a kind.
fn by_name<'a, T>(history: &'a History, of: impl Fn(&'a Op) -> Option<(&'a str, T)>) -> BTreeMap<&'a str, Kind<T>> {
    let mut kinds: BTreeMap<&str, Kind<T>> = BTreeMap::new();
    for (place, operation) in history.operations.iter().enumerate() {
        let Some((name, op)) = of(&operation.op) else { continue };
        let kind = kinds.entry(name).or_insert(Kind { operations: Vec::new(), places: Vec::new() });
        let Operation { process, called, returned, .. } = *operation;
        kind.operations.push(Operation { process, called, returned, op });
        kind.places.push(place);
    }
    kinds
}

fn of_log(name: &str, log: &Kind<&LogOp>, trouble: log::Trouble) -> Finding {
    let log::Trouble { why, stuck, against } = trouble;
    let prefix = against.into_iter().map(|place| log.places[place]).collect();
    Finding { object: format!("log {name}"), why: Some(why), prefix, stuck: log.places[stuck] }
}

/// The number of allocated ids, and an id that was allocated twice.
fn producer_ids(history: &History) -> (usize, Option<Finding>) {
    let mut given: BTreeMap<i64, usize> = BTreeMap::new();
    let mut count = 0;
    for (place, operation) in history.operations.iter().enumerate() {
        let Op::ProducerId { given: id } = operation.op else { continue };
        count += 1;
        let Some(id) = id else { continue };
        if let Some(before) = given.insert(id, place) {
            let why = Some(format!("producer id {id} is handed out twice"));
            let finding = Finding { object: operation.op.object(), why, prefix: vec![before], stuck: place };
            return (count, Some(finding));
        }
    }
    (count, None)
}

fn registers(history: &History, steps: u64) -> (Judgement, usize) {
    let operations = of_kind(history, |op| match op {
        Op::Register { name, op } => Some((name.as_str(), op)),
        _ => None,
    });
    searched(&Registers::default(), &operations, history, steps)
}

fn keys(history: &History, steps: u64) -> (Judgement, usize) {
    let operations = of_kind(history, |op| match op {
        Op::Key { name, op } => Some((name.as_str(), op)),
        _ => None,
    });
    searched(&Keys::default(), &operations, history, steps)
}

/// The operations of a kind.
fn of_kind<'a, T>(history: &'a History, of: impl Fn(&'a Op) -> Option<T>) -> Kind<T> {
    let mut kind = Kind { operations: Vec::new(), places: Vec::new() };
    for (place, operation) in history.operations.iter().enumerate() {
        let Some(op) = of(&operation.op) else { continue };
        let Operation { process, called, returned, .. } = *operation;
        kind.operations.push(Operation { process, called, returned, op });
        kind.places.push(place);
    }
    kind
}

/// Judges topics and brokers.
fn admins(history: &History, steps: u64) -> (Judgement, usize) {
    let mut kind = Kind { operations: Vec::new(), places: Vec::new() };
    for is_topic in [true, false] {
        let named = by_name(history, |op| match op {
            Op::Topic { name, op } if is_topic => Some((name.as_str(), op)),
            Op::Broker { name, op } if !is_topic => Some((name.as_str(), op)),
            _ => None,
        });
        for (name, own) in named {
            let operations: Vec<&Operation<&AdminOp>> = own.operations.iter().collect();
            let (steps, places) = steps_of(&operations);
            for (step, place) in steps.into_iter().zip(places) {
                let Operation { process, called, returned, op } = step;
                kind.operations.push(Operation { process, called, returned, op: ((is_topic, name), op) });
                kind.places.push(own.places[place]);
            }
        }
    }
    searched(&Resources::default(), &kind, history, steps)
}

/// Topics and brokers by their names.
#[derive(Default)]
struct Resources<'h> {
    history: PhantomData<&'h ()>,
}

impl<'h> Objects for Resources<'h> {
    type Op = ((bool, &'h str), AdminStep);
    type Name<'a>
        = (bool, &'a str)
    where
        Self: 'a;
    type Model = Interned<Resource>;

    fn object_of<'a>(&'a self, op: &'a Self::Op) -> (bool, &'a str) {
        op.0
    }

    fn model_of(&self, name: &(bool, &str), operations: &[&Operation<Self::Op>]) -> Interned<Resource> {
        Interned::new(Resource { is_topic: name.0 }, operations.iter().map(|operation| &operation.op.1))
    }
}

fn searched<O: Objects>(objects: &O, kind: &Kind<O::Op>, history: &History, steps: u64) -> (Judgement, usize) {
    let found = check(objects, &kind.operations, steps);
    let judgement = match found.verdict {
        HistoryVerdict::Linearizable => Judgement::Linearizable,
        HistoryVerdict::Unknown { steps } => Judgement::Unknown { steps },
        HistoryVerdict::Violated(places) => match explain(objects, &kind.operations, &places, steps) {
            None => Judgement::Linearizable,
            Some(witness) => {
                let stuck = kind.places[witness.stuck];
                let prefix = witness.prefix.iter().map(|place| kind.places[*place]).collect();
                let object = history.operations[stuck].op.object();
                Judgement::Violated(Finding { object, why: None, prefix, stuck })
            }
        },
    };
    (judgement, found.objects)
}
