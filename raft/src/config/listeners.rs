//! Addresses as they are written: voters, listeners, security protocols.
//!
//! The rules are those of Kafka's `SocketServerConfigs` and `QuorumConfig`.

use std::rc::Rc;

use super::Voter;
use super::error::Refused;
use crate::ids::NodeId;
use crate::message::Endpoint;

/// Kafka's security protocols, which are also listener names with themselves as protocol.
pub(crate) const SECURITY_PROTOCOLS: [&str; 4] = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];

/// The items of a Kafka list: split at commas, blanks removed, an empty text is no item.
pub(crate) fn items(list: &str) -> Vec<&str> {
    if list.trim().is_empty() { Vec::new() } else { list.split(',').map(str::trim).collect() }
}

/// `id@host:port,…`, in the order as written. Kafka keeps the last of two entries with one id without
/// a word; here that is a contradiction.
pub(crate) fn voters(list: &str, listener: &Rc<str>) -> Result<Vec<Voter>, Refused> {
    const FORM: &str = "id@host:port, separated by commas";
    let mut voters: Vec<Voter> = Vec::new();
    for item in items(list) {
        let Some((id, address)) = item.split_once('@') else {
            return Err(Refused::allowed(format!("entry {item:?} has no id"), FORM));
        };
        let id = match id.parse::<i32>() {
            Ok(id) if id >= 0 => NodeId(id),
            _ => return Err(Refused::allowed(format!("id of {item:?} is not an integer of 0..{}", i32::MAX), FORM)),
        };
        let (host, port) = host_and_port(address).map_err(|why| Refused::allowed(format!("{item:?}: {why}"), FORM))?;
        if host == "0.0.0.0" {
            return Err(Refused::allowed("Host string (0.0.0.0) is not routeable", FORM));
        }
        if voters.iter().any(|v| v.id == id) {
            return Err(Refused::new(format!("voter {id} is listed twice")));
        }
        if voters.iter().any(|v| *v.endpoint.host == *host && v.endpoint.port == port) {
            return Err(Refused::new(format!("two voters have the address {host}:{port}")));
        }
        voters.push(Voter { id, endpoint: Endpoint { name: listener.clone(), host: host.into(), port } });
    }
    Ok(voters)
}

/// `host:port`; an IPv6 host stands in brackets.
pub(crate) fn host_and_port(address: &str) -> Result<(String, u16), String> {
    let (host, port) = address.rsplit_once(':').ok_or("no port")?;
    let port = match port.parse::<u16>() {
        Ok(port) if port > 0 => port,
        _ => return Err(format!("port {port:?} is not of 1..65535")),
    };
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() || !host.chars().all(is_host_character) {
        return Err(format!("host {host:?} is no host name"));
    }
    Ok((host.into(), port))
}

fn is_host_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.:%".contains(c)
}

/// One `NAME://host:port`; the host may be empty (all interfaces).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    pub name: String,
    pub host: String,
    pub port: u16,
}

/// Parses `listeners` or `advertised.listeners`; names must differ, and ports one listens on.
pub(crate) fn listeners(list: &str, distinct_ports: bool) -> Result<Vec<Listener>, Refused> {
    const FORM: &str = "NAME://host:port, separated by commas";
    let mut listeners: Vec<Listener> = Vec::new();
    for item in items(list) {
        let Some((name, address)) = item.split_once("://") else {
            return Err(Refused::allowed(format!("entry {item:?} has no name"), FORM));
        };
        // Port 0 (any free port) and an empty host (all interfaces) are a listener's privilege.
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        let Ok(port) = port.parse::<u16>() else {
            return Err(Refused::allowed(format!("{item:?}: port {port:?} is not of 0..65535"), FORM));
        };
        let listener = Listener { name: name.to_ascii_uppercase(), host: host.into(), port };
        if listeners.iter().any(|l| l.name == listener.name) {
            return Err(Refused::new(format!("Each listener must have a different name, listeners: {list}")));
        }
        if distinct_ports && port != 0 && listeners.iter().any(|l| l.port == port) {
            return Err(Refused::new(format!("Each listener must have a different port, listeners: {list}")));
        }
        listeners.push(listener);
    }
    Ok(listeners)
}

/// Checks `listener.security.protocol.map`; returns the listener names it knows.
pub(crate) fn security_protocols(map: &str) -> Result<Vec<String>, Refused> {
    let mut names = Vec::new();
    for item in items(map) {
        let Some((name, protocol)) = item.split_once(':') else {
            return Err(Refused::allowed(
                format!("entry {item:?} has no protocol"),
                "NAME:PROTOCOL, separated by commas",
            ));
        };
        if !SECURITY_PROTOCOLS.contains(&protocol.trim().to_ascii_uppercase().as_str()) {
            let protocol = protocol.trim();
            let problem = format!("Invalid security protocol `{protocol}` defined in listener.security.protocol.map");
            return Err(Refused::allowed(problem, SECURITY_PROTOCOLS.join(", ")));
        }
        names.push(name.trim().to_ascii_uppercase());
    }
    Ok(names)
}

/// The names a listener may have when no map is given. Kafka then maps each security protocol
/// to itself, and controller listeners to PLAINTEXT if no other protocol is in use.
pub(crate) fn default_names<'a>(mut in_use: impl Iterator<Item = &'a String>, controllers: &[String]) -> Vec<String> {
    let mut names: Vec<String> = SECURITY_PROTOCOLS.iter().map(|p| (*p).into()).collect();
    if !in_use.any(|name| SECURITY_PROTOCOLS[1..].contains(&name.as_str())) {
        names.extend(controllers.iter().cloned());
    }
    names
}
