//! The values of a message by the names of their fields, in order: as the trace has them, and as `kafka-protocol` reads them.
//!
//! Absent values (null, -1, the zero UUID, an empty text) are left out, since the two write them differently.

use std::collections::BTreeMap;
use std::fmt::Debug;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kafka_protocol::ResponseError;
use serde_json::Value;

pub type Values = BTreeMap<String, Vec<String>>;

const ABSENT: [&str; 5] = ["null", "None", "-1", "AAAAAAAAAAAAAAAAAAAAAA", ""];
/// Compared otherwise, or not in the bytes.
const APART: [&str; 6] = ["records", "cutBatch", "requestData", "responseData", "supported", "type"];

/// Of a message such as `Vote request` in a trace, by Kafka's names.
pub fn of_trace(message: &str, fields: &Value) -> Values {
    let mut values = Values::new();
    add(message, "", fields, &mut values);
    if message == "Metadata response" {
        // Of the whole response, in version 13; the model has none.
        values.entry("errorCode".to_owned()).or_default().push("NONE".to_owned());
    }
    values
}

fn add(message: &str, name: &str, value: &Value, values: &mut Values) {
    match value {
        Value::Object(fields) => {
            // Listeners are before features.
            let is_registration = message.ends_with("Registration request");
            let order = |own: &&String| is_registration && *own == "features";
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort_by_key(order);
            for own in names {
                // Kafka's responses name no listener of the leader.
                let is_said = !(APART.contains(&own.as_str()) || name == "nodeEndpoints" && own == "name");
                if is_said {
                    let kafkas = kafkas_name(message, own);
                    values.entry(kafkas.to_owned()).or_default();
                    add(message, kafkas, &fields[own], values);
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|entry| add(message, name, entry, values)),
        _ => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let own = values.entry(name.to_owned()).or_default();
            // Kafka groups the partitions of a topic.
            let is_of_topic = name == "topicId" || name == "topic" && message == "ElectLeaders response";
            let is_same_topic = is_of_topic && own.last() == Some(&text);
            if !ABSENT.contains(&text.as_str()) && !is_same_topic {
                own.push(text);
            }
        }
    }
}

fn kafkas_name<'a>(message: &str, name: &'a str) -> &'a str {
    match (name, message) {
        ("partitionErrorCode", _) => "errorCode",
        ("partitionIndex", "Produce request" | "Produce response") => "index",
        ("partitionIndex", "Fetch request" | "OffsetForLeaderEpoch request" | "OffsetForLeaderEpoch response") => {
            "partition"
        }
        ("partitionIndex", "ElectLeaders response") => "partitionId",
        ("topics", "Metadata request") => "name",
        (name, _) => name,
    }
}

/// Of a message of `kafka-protocol`, by its representation as text, which has one value on each line.
pub fn of_kafka(message: &impl Debug) -> Values {
    let mut values = Values::new();
    let mut name = String::new();
    for line in format!("{message:#?}").lines() {
        let line = line.trim().trim_end_matches(',');
        let is_name = |part: &str| part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        let value = match line.split_once(": ").filter(|(own, _)| is_name(own)) {
            Some((own, value)) => {
                name = camel_case(own);
                values.entry(name.clone()).or_default();
                value
            }
            None => line,
        };
        let is_bracket = value.ends_with(['{', '(', '[', '}', ')', ']']) && !value.starts_with('"');
        if is_bracket || APART.contains(&name.as_str()) {
            continue;
        }
        let text = shown(&name, value);
        if !ABSENT.contains(&text.as_str()) {
            values.entry(name.clone()).or_default().push(text);
        }
    }
    values
}

fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| name + &part[..1].to_uppercase() + &part[1..])
}

/// As the trace shows it: errors by their names, ids as Kafka writes them.
fn shown(name: &str, value: &str) -> String {
    let bytes: Vec<u8> = (0..32).map_while(|at| hex(value.replace('-', "").get(2 * at..2 * at + 2)?)).collect();
    match value.parse() {
        Ok(code) if name == "errorCode" => error(code),
        _ if value.len() == 36 && bytes.len() == 16 => URL_SAFE_NO_PAD.encode(bytes),
        _ => value.trim_matches('"').to_owned(),
    }
}

fn hex(pair: &str) -> Option<u8> {
    u8::from_str_radix(pair, 16).ok()
}

/// `NOT_LEADER_OR_FOLLOWER` of 6.
fn error(code: i16) -> String {
    let Some(error) = ResponseError::try_from_code(code) else { return "NONE".to_owned() };
    let mut name = String::new();
    for letter in format!("{error:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_uppercase());
    }
    name
}
