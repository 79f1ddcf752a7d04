//! Specs for tests: a checkout service deployed at 10:00, a point a minute.

/// 2026-01-01T10:00:00Z in seconds.
pub const START: i64 = 1_767_261_600;

/// A level by minute of the deployment.
pub type By<'f> = &'f dyn Fn(i64) -> f64;

/// A signal as it is written, with the minutes and levels of its roles.
#[derive(Debug, Clone)]
pub struct Wanted {
    name: String,
    head: String,
    kind: &'static str,
    total: i64,
    roles: Vec<(String, Vec<String>)>,
}

/// A little that differs from minute to minute, −1 to 1, and is nothing on the whole.
fn jitter(minute: i64, role: &str) -> f64 {
    let shift = role.len() as i64 * 3;
    [0.0, 0.6, -0.8, 0.3, -0.4, 1.0, -0.7][(minute + shift).rem_euclid(7) as usize]
}

impl Wanted {
    /// A signal of a kind, without series.
    pub fn new(name: &str, kind: &'static str, head: &str) -> Self {
        let (name, head) = (name.to_owned(), head.to_owned());
        Wanted { name, head, kind, total: 300, roles: Vec::new() }
    }

    /// Requests a minute of its further roles.
    pub fn total(mut self, total: i64) -> Self {
        self.total = total;
        self
    }

    /// Adds a role from one minute to another, both included.
    pub fn role(mut self, role: &str, from: i64, to: i64, by: By) -> Self {
        let points = (from..=to).map(|minute| self.point(role, minute, by(minute))).collect();
        self.roles.push((role.to_owned(), points));
        self
    }

    fn point(&self, role: &str, minute: i64, level: f64) -> String {
        let at = START + minute * 60;
        if level.is_nan() {
            return format!("{{\"at\": {at}, \"value\": null}}");
        }
        match self.kind {
            "ratio" => {
                let total = self.total as f64;
                let noise = jitter(minute, role) * (total * level * (1.0 - level)).sqrt();
                let bad = (total * level + noise).round().clamp(0.0, total);
                format!("{{\"at\": {at}, \"bad\": {bad}, \"total\": {total}}}")
            }
            "gauge" => {
                let value = level * (1.0 + 0.03 * jitter(minute, role));
                format!("{{\"at\": {at}, \"value\": {value}}}")
            }
            _ => format!("{{\"at\": {at}, \"value\": {level}}}"),
        }
    }

    fn text(&self) -> String {
        let head: String = self
            .head
            .split(", ")
            .filter_map(|pair| pair.split_once(": "))
            .map(|(key, value)| {
                let bare = value.parse::<f64>().is_ok() || matches!(value, "true" | "false");
                let value = if bare { value.to_owned() } else { format!("\"{value}\"") };
                format!(", \"{key}\": {value}")
            })
            .collect();
        let series: Vec<String> = self
            .roles
            .iter()
            .map(|(role, points)| format!("\"{role}\": [{}]", points.join(", ")))
            .collect();
        format!(
            "{{\"name\": \"{}\", \"kind\": \"{}\"{head}, \"series\": {{{}}}}}",
            self.name,
            self.kind,
            series.join(", ")
        )
    }
}

/// A ratio of failures, the new version beside the old one.
pub fn ratio(name: &str, head: &str, canary: f64, baseline: f64) -> Wanted {
    ratio_by(name, head, &|_| canary, &|_| baseline)
}

/// The same with levels by minute.
pub fn ratio_by(name: &str, head: &str, canary: By, baseline: By) -> Wanted {
    beside(Wanted::new(name, "ratio", &format!("class: reliability, {head}")), canary, baseline)
}

/// A gauge of both.
pub fn gauge(name: &str, head: &str, canary: f64, baseline: f64) -> Wanted {
    gauge_by(name, head, &|_| canary, &|_| baseline)
}

/// The same with levels by minute.
pub fn gauge_by(name: &str, head: &str, canary: By, baseline: By) -> Wanted {
    beside(Wanted::new(name, "gauge", head), canary, baseline)
}

/// Both sides of a signal for half an hour.
pub fn beside(signal: Wanted, canary: By, baseline: By) -> Wanted {
    signal.role("canary", 0, 30, canary).role("baseline", 0, 30, baseline)
}

/// The new version for half an hour, the baseline in the hour before.
pub fn before(signal: Wanted, canary: By, baseline: By) -> Wanted {
    signal.role("canary", 0, 30, canary).role("baseline", -60, -1, baseline)
}

/// A spec in the making.
#[derive(Debug, Clone)]
pub struct Made {
    deployment: Vec<(String, String)>,
    signals: Vec<Wanted>,
    rest: Vec<String>,
}

impl Made {
    /// A canary that succeeded, with a version to go back to.
    pub fn new() -> Self {
        let made = Made { deployment: Vec::new(), signals: Vec::new(), rest: Vec::new() };
        made.set("version", "\"1.8.0\"")
            .set("previous", "\"1.7.3\"")
            .set("started_at", "\"2026-01-01T10:00:00Z\"")
            .set("strategy", "\"canary\"")
    }

    /// Sets a key of the deployment, as JSON; nothing takes it away.
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.deployment.retain(|(name, _)| name != key);
        if !value.is_empty() {
            self.deployment.push((key.to_owned(), value.to_owned()));
        }
        self
    }

    /// Adds a signal.
    pub fn with(mut self, signal: Wanted) -> Self {
        self.signals.push(signal);
        self
    }

    /// Adds a top-level entry, as JSON.
    pub fn and(mut self, entry: &str) -> Self {
        self.rest.push(entry.to_owned());
        self
    }

    /// Adds the health of instances: ready, restarts, reason.
    pub fn health(self, instances: &[(bool, u32, &str)]) -> Self {
        let entries: Vec<String> = instances
            .iter()
            .enumerate()
            .map(|(index, (ready, restarts, reason))| {
                let reason =
                    if reason.is_empty() { "null".to_owned() } else { format!("\"{reason}\"") };
                format!(
                    "{{\"instance\": \"pod-{index}\", \"ready\": {ready}, \"restarts\": {restarts}, \
                     \"reason\": {reason}}}"
                )
            })
            .collect();
        self.and(&format!("\"health\": [{}]", entries.join(", ")))
    }

    /// The file.
    pub fn text(&self) -> String {
        let deployment: Vec<String> =
            self.deployment.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
        let signals: Vec<String> = self.signals.iter().map(Wanted::text).collect();
        let rest: String = self.rest.iter().map(|entry| format!(", {entry}")).collect();
        format!(
            "{{\"schema\": \"pipewright.verify/1\", \"service\": \"checkout\", \"deployment\": \
             {{{}}}, \"signals\": [{}]{rest}}}",
            deployment.join(", "),
            signals.join(", ")
        )
    }
}
