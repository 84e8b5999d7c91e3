//! Whether a node's listeners agree with its roles and with each other.
//!
//! The rules are those of Kafka's `KafkaConfig.validateValues` and `AbstractKafkaConfig`, in its
//! words; each refusal points at the property that an operator would change.

use super::Roles;
use super::error::{ConfigError, Refused};
use super::listeners::{self, Listener};
use super::source::{ADVERTISED, INTER_BROKER, INTER_BROKER_PROTOCOL, LISTENER_NAMES, LISTENERS, PROTOCOLS, Source};

/// What a broker listens on if its file does not say.
const DEFAULT_LISTENER: &str = "PLAINTEXT://:9092";
const NOT_ROUTABLE: &str =
    "advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address.";

/// The listeners of one file.
struct Endpoints {
    /// `controller.listener.names`, normalised.
    controller: Vec<String>,
    own: Vec<Listener>,
    /// `advertised.listeners`; empty if the file has none.
    advertised: Vec<Listener>,
    /// Listener names that have a security protocol.
    secured: Vec<String>,
}

impl Source<'_> {
    /// Checks all that the file says of listeners; `names` are the controllers'.
    pub(super) fn endpoints(&self, roles: Roles, names: &[String]) -> Result<(), ConfigError> {
        let own = match self.properties.get(LISTENERS).filter(|entry| !entry.value.trim().is_empty()) {
            Some(entry) => listeners::listeners(&entry.value, true).map_err(|refused| self.of(entry, refused))?,
            None => listeners::listeners(DEFAULT_LISTENER, true).expect("well formed"),
        };
        let advertised = match self.properties.get(ADVERTISED).filter(|entry| !entry.value.trim().is_empty()) {
            // Two names may lead to one port: a port forwarder's, say.
            Some(entry) => listeners::listeners(&entry.value, false).map_err(|refused| self.of(entry, refused))?,
            None => Vec::new(),
        };
        let secured = match self.properties.get(PROTOCOLS) {
            Some(entry) => listeners::security_protocols(&entry.value).map_err(|refused| self.of(entry, refused))?,
            None => {
                let in_use = names.iter().chain(own.iter().map(|listener| &listener.name));
                listeners::default_names(in_use, names)
            }
        };
        let endpoints = Endpoints { controller: names.to_vec(), own, advertised, secured };
        self.protocols(roles, &endpoints)?;
        match roles {
            Roles { controller: false, .. } => self.broker_only(&endpoints)?,
            Roles { broker: false, .. } => self.controller_only(&endpoints)?,
            _ => {}
        }
        if roles.controller {
            self.controller_role(&endpoints)?;
        }
        if roles.broker {
            self.broker_role(&endpoints)?;
        }
        match endpoints.all_advertised().iter().find(|listener| listener.host == "0.0.0.0") {
            Some(_) if endpoints.advertised.is_empty() => Err(self.at(LISTENERS, Refused::new(NOT_ROUTABLE))),
            Some(_) => Err(self.at(ADVERTISED, Refused::new(NOT_ROUTABLE))),
            None => Ok(()),
        }
    }

    /// Each listener needs a security protocol; a broker needs that of the controllers too.
    fn protocols(&self, roles: Roles, endpoints: &Endpoints) -> Result<(), ConfigError> {
        let known = |name: &String| endpoints.secured.contains(name);
        if let Some(listener) = endpoints.own.iter().chain(&endpoints.advertised).find(|l| !known(&l.name)) {
            let problem = format!("No security protocol defined for listener {}", listener.name);
            let key = if self.properties.get(PROTOCOLS).is_some() { PROTOCOLS } else { LISTENERS };
            return Err(self.at(key, Refused::new(problem)));
        }
        match endpoints.controller.iter().find(|name| !known(name)) {
            Some(name) if !roles.controller => {
                let problem = format!(
                    "Controller listener with name {name} defined in controller.listener.names not found in \
                     listener.security.protocol.map  (an explicit security mapping for each controller listener is \
                     required if listener.security.protocol.map is non-empty, or if there are security protocols \
                     other than PLAINTEXT in use)"
                );
                let key = if self.properties.get(PROTOCOLS).is_some() { PROTOCOLS } else { LISTENER_NAMES };
                Err(self.at(key, Refused::new(problem)))
            }
            _ => Ok(()),
        }
    }

    fn broker_only(&self, endpoints: &Endpoints) -> Result<(), ConfigError> {
        if endpoints.own.iter().any(|listener| endpoints.is_controllers(listener)) {
            return Err(self.at(
                LISTENERS,
                Refused::new(
                    "controller.listener.names must not contain a value appearing in the 'listeners' configuration \
                     when running KRaft with just the broker role",
                ),
            ));
        }
        Ok(())
    }

    fn controller_only(&self, endpoints: &Endpoints) -> Result<(), ConfigError> {
        if !endpoints.own.iter().all(|listener| endpoints.is_controllers(listener)) {
            let problem = "The listeners config must only contain KRaft controller listeners from \
                           controller.listener.names when process.roles=controller";
            return Err(self.at(LISTENERS, Refused::allowed(problem, endpoints.controller.join(", "))));
        }
        if let Some(entry) = self.properties.get(INTER_BROKER)
            && endpoints.controller.contains(&entry.value.trim().to_ascii_uppercase())
        {
            let problem = "controller.listener.names must not contain an explicitly set inter.broker.listener.name \
                           configuration value when process.roles=controller";
            return Err(self.of(entry, Refused::new(problem)));
        }
        Ok(())
    }

    /// All names of controllers are listened on.
    fn controller_role(&self, endpoints: &Endpoints) -> Result<(), ConfigError> {
        let present: Vec<&str> = endpoints.own.iter().map(|listener| listener.name.as_str()).collect();
        let of_own = |name: &String| present.contains(&name.as_str());
        if endpoints.controller.iter().all(of_own) {
            return Ok(());
        }
        let which =
            if endpoints.controller.iter().any(of_own) { "only contain values" } else { "contain at least one value" };
        let problem = format!(
            "controller.listener.names must {which} appearing in the 'listeners' configuration when running the \
             KRaft controller role"
        );
        Err(self.at(LISTENER_NAMES, Refused::allowed(problem, present.join(", "))))
    }

    /// A broker is reachable, by its fellows too, at a listener that is not the controllers'.
    fn broker_role(&self, endpoints: &Endpoints) -> Result<(), ConfigError> {
        let advertised: Vec<&str> = endpoints
            .all_advertised()
            .iter()
            .filter(|listener| !endpoints.is_controllers(listener))
            .map(|listener| listener.name.as_str())
            .collect();
        if advertised.is_empty() {
            let problem = "There must be at least one broker advertised listener. Perhaps all listeners appear in \
                           controller.listener.names?";
            return Err(self.at(LISTENERS, Refused::new(problem)));
        }
        let (key, between) = self.inter_broker_listener(endpoints)?;
        if !advertised.contains(&between.as_str()) {
            let problem = format!(
                "inter.broker.listener.name must be a listener name defined in advertised.listeners. The valid \
                 options based on currently configured listeners are {}",
                advertised.join(",")
            );
            return Err(self.at(key, Refused::new(problem)));
        }
        let own: Vec<&str> = endpoints.own.iter().map(|listener| listener.name.as_str()).collect();
        if advertised.iter().any(|name| !own.contains(name)) {
            let problem = format!(
                "advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. \
                 Found {}. The valid options based on the current configuration are {}",
                advertised.join(","),
                own.join(",")
            );
            return Err(self.at(ADVERTISED, Refused::new(problem)));
        }
        Ok(())
    }

    /// The listener brokers use among themselves, and the property that names it.
    fn inter_broker_listener(&self, endpoints: &Endpoints) -> Result<(&'static str, String), ConfigError> {
        match (self.properties.get(INTER_BROKER), self.properties.get(INTER_BROKER_PROTOCOL)) {
            (Some(entry), Some(_)) => {
                let problem =
                    "Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.";
                Err(self.of(entry, Refused::new(problem)))
            }
            (Some(entry), None) => {
                let name = entry.value.trim().to_ascii_uppercase();
                if !endpoints.secured.contains(&name) {
                    let problem = format!(
                        "Listener with name {name} defined in inter.broker.listener.name not found in \
                         listener.security.protocol.map."
                    );
                    return Err(self.of(entry, Refused::new(problem)));
                }
                Ok((INTER_BROKER, name))
            }
            (None, Some(entry)) => {
                let name = entry.value.trim().to_ascii_uppercase();
                if !listeners::SECURITY_PROTOCOLS.contains(&name.as_str()) {
                    let problem = format!("String must be one of: {}", listeners::SECURITY_PROTOCOLS.join(", "));
                    return Err(self.of(entry, Refused::new(problem)));
                }
                Ok((INTER_BROKER_PROTOCOL, name))
            }
            (None, None) => Ok((LISTENERS, "PLAINTEXT".into())),
        }
    }
}

impl Endpoints {
    fn is_controllers(&self, listener: &Listener) -> bool {
        self.controller.contains(&listener.name)
    }

    /// What others receive: `advertised.listeners`, or `listeners` if there is none; a
    /// controller listener that is not advertised is given as it is listened on.
    fn all_advertised(&self) -> Vec<&Listener> {
        let reported = if self.advertised.is_empty() { &self.own } else { &self.advertised };
        let brokers = reported.iter().filter(|listener| !self.is_controllers(listener));
        let controllers = self.controller.iter().filter_map(|name| {
            let of_name = |listener: &&Listener| listener.name == *name;
            reported.iter().find(of_name).or_else(|| self.own.iter().find(of_name))
        });
        brokers.chain(controllers).collect()
    }
}
