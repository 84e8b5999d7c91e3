//! The configurations of `--vary`: every combination of values, in every scenario.

use crate::engine::Problem;

/// The most lines that can be distinguished.
pub const MAX_LINES: usize = 8;

/// The most configurations of any chart.
const MAX_CONFIGURATIONS: usize = 100;

/// `--vary KEY=V1,V2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vary {
    /// A key as for `--set`.
    pub key: String,
    /// At least one, without duplicates.
    pub values: Vec<String>,
}

/// Parses one. A comma within brackets is part of a value, as in `lognormal(500us, 0.3)`.
pub fn parse_vary(text: &str) -> Result<Vary, String> {
    let wrong = || "give KEY=V1,V2, such as controller.quorum.fetch.timeout.ms=500,2000".to_owned();
    let (key, list) = text.split_once('=').ok_or_else(wrong)?;
    let (mut values, mut depth) = (vec![String::new()], 0_u32);
    for c in list.chars() {
        match c {
            ',' if depth == 0 => {
                values.push(String::new());
                continue;
            }
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        values.last_mut().expect("never empty").push(c);
    }
    let key = key.trim().to_owned();
    let values: Vec<String> = values.into_iter().map(|value| value.trim().to_owned()).collect();
    if key.is_empty() || values.iter().any(String::is_empty) {
        return Err(wrong());
    }
    match values.iter().enumerate().find(|(at, value)| values[..*at].contains(value)) {
        Some((_, twice)) => Err(format!("{key} is given the value {twice} twice")),
        None => Ok(Vary { key, values }),
    }
}

/// One line of a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The name given on the command line.
    pub scenario: String,
    /// A value for each `--vary`, in their order.
    pub set: Vec<(String, String)>,
}

impl Configuration {
    /// Distinguishes it from the others of a sweep.
    pub fn name(&self) -> String {
        let set = self.set.iter().map(|(key, value)| format!(" {key}={value}"));
        std::iter::once(self.scenario.clone()).chain(set).collect()
    }
}

/// All configurations: scenarios first, then values as given, the last `--vary` fastest. `lines` gives the
/// number of lines of so many of them.
pub fn product(
    scenarios: &[String],
    vary: &[Vary],
    set: &[(String, String)],
    lines: impl Fn(usize) -> usize,
) -> Result<Vec<Configuration>, Problem> {
    let all = unlimited(scenarios, vary, set)?;
    match lines(all.len()) {
        0..=MAX_LINES => Ok(all),
        count => Err(Problem::new(format!(
            "{count} configurations are too many: a chart has at most {MAX_LINES} lines, one for each scenario and \
             each choice of --vary's values"
        ))),
    }
}

/// The same for a chart that has its own limits.
pub fn unlimited(scenarios: &[String], vary: &[Vary], set: &[(String, String)]) -> Result<Vec<Configuration>, Problem> {
    for (at, one) in vary.iter().enumerate() {
        if vary[..at].iter().any(|other| other.key == one.key) {
            return Err(Problem::new(format!("--vary {} is given twice: name all its values in one", one.key)));
        }
        if set.iter().any(|(key, _)| *key == one.key) {
            return Err(Problem::new(format!("{} is given to --set and to --vary: give it to one of them", one.key)));
        }
    }
    let count = vary.iter().fold(scenarios.len(), |count, one| count.saturating_mul(one.values.len()));
    if count > MAX_CONFIGURATIONS {
        return Err(Problem::new(format!(
            "{count} configurations are too many for any chart: give fewer scenarios or values of --vary"
        )));
    }
    let start = |scenario: &String| Configuration { scenario: scenario.clone(), set: Vec::new() };
    let mut all: Vec<Configuration> = scenarios.iter().map(start).collect();
    for Vary { key, values } in vary {
        let with = |configuration: &Configuration, value: &String| {
            let mut configuration = configuration.clone();
            configuration.set.push((key.clone(), value.clone()));
            configuration
        };
        all = all.iter().flat_map(|configuration| values.iter().map(|value| with(configuration, value))).collect();
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_split_at_commas_outside_brackets() {
        let vary = parse_vary("network.latency = 2ms, lognormal(500us, 0.3)").expect("good");
        assert_eq!(
            (vary.key.as_str(), vary.values),
            ("network.latency", vec!["2ms".into(), "lognormal(500us, 0.3)".into()])
        );
        for (wrong, said) in
            [("a", "give KEY=V1,V2"), ("=1", "give"), ("a=", "give"), ("a=1,", "give"), ("a=1,1", "twice")]
        {
            assert!(parse_vary(wrong).is_err_and(|error| error.contains(said)), "{wrong}");
        }
    }

    #[test]
    fn every_choice_in_every_scenario_up_to_eight() {
        let vary = |text| parse_vary(text).expect("good");
        let names = |scenarios: &[&str], vary: &[Vary], set: &[(&str, &str)]| {
            let scenarios: Vec<String> = scenarios.iter().map(|s| (*s).to_owned()).collect();
            let set: Vec<_> = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let all = product(&scenarios, vary, &set, |count| count)?;
            Ok::<_, Problem>(all.iter().map(Configuration::name).collect::<Vec<_>>())
        };
        assert_eq!(
            names(&["s", "t"], &[vary("a=1,2"), vary("b=3,4")], &[]).expect("eight"),
            ["s a=1 b=3", "s a=1 b=4", "s a=2 b=3", "s a=2 b=4", "t a=1 b=3", "t a=1 b=4", "t a=2 b=3", "t a=2 b=4"]
        );
        let refused = |came: Result<Vec<String>, Problem>| came.expect_err("refused").message;
        assert!(refused(names(&["s", "t", "u"], &[vary("a=1,2,3")], &[])).starts_with("9 configurations are too many"));
        assert!(refused(names(&["s"], &[vary("a=1"), vary("a=2")], &[])).contains("--vary a is given twice"));
        assert!(refused(names(&["s"], &[vary("a=1")], &[("a", "2")])).contains("a is given to --set and to --vary"));
    }
}
