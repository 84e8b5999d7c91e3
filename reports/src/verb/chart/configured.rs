//! The configurations of a chart, prepared to run.

use super::request::Request;
use crate::chart::configurations::Configuration;
use crate::engine::{Engine, Named, Overrides, Problem};
use crate::load;

/// The prepared configurations of a request.
pub struct Configured {
    pub(super) shared: Overrides,
    pub(super) configurations: Vec<Configuration>,
    pub(super) overrides: Vec<Overrides>,
    pub(super) prepared: Vec<Named>,
}

/// Prepares each configuration, with everything that alters its runs.
pub fn prepare(request: &Request<'_>, engine: &dyn Engine) -> Result<Configured, Problem> {
    let shared = load::overrides(&request.args.run)?;
    let configurations = request.configurations(&shared.set)?;
    let mut all = (Vec::new(), Vec::new());
    for configuration in &configurations {
        let own = Overrides { set: configuration.set.clone(), ..Overrides::default() };
        let overrides = shared.clone().and(own).without_secrets();
        let of_vary = |problem: Problem| {
            let is_varied = |key: &str| problem.message.starts_with(&format!("--set {key}"));
            match configuration.set.iter().any(|(key, _)| is_varied(key)) {
                true => Problem { message: problem.message.replacen("--set", "--vary", 1), ..problem },
                false => problem,
            }
        };
        let named = load::load(engine, std::slice::from_ref(&configuration.scenario), &overrides).map_err(of_vary)?;
        all.0.push(overrides);
        all.1.extend(named.into_iter().map(|named| Named { name: configuration.name(), ..named }));
    }
    let (overrides, prepared) = all;
    match prepared.iter().enumerate().find(|(at, named)| prepared[..*at].iter().any(|other| other.name == named.name)) {
        Some((_, twice)) => Err(Problem::new(format!("scenario {} is named twice", twice.name))),
        None => Ok(Configured { shared, configurations, overrides, prepared }),
    }
}
