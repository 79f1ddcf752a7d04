//! A service with its traffic, failures, latencies and use of machines, minute by
//! minute, and what its monitoring shows of them around a deployment.

use std::collections::BTreeMap;

use pipewright::decide::Spec;
use pipewright::decide::series::{Point, Series};
use pipewright::decide::spec::{
    Class, Direction, Kind as SignalKind, Role, Signal, Strategy, Windows,
};
use pipewright::stats::tails::{normal_above, normal_quantile};

use super::random::Random;

/// When all deployments here begin: a Thursday, 10:00 UTC.
pub const START: i64 = 1_767_261_600_000;
pub const MINUTE: i64 = 60_000;
const DAY: i64 = 1_440 * MINUTE;

/// How a service does in one minute.
#[derive(Debug, Clone)]
pub struct Level {
    /// Requests a minute.
    pub traffic: f64,
    /// Share of them that fail.
    pub errors: f64,
    /// Median latency, in milliseconds.
    pub latency: f64,
    /// Standard deviation of the latencies' logarithm.
    pub width: f64,
    /// Share of requests that take a second, slower way, and how much slower it is.
    pub second: (f64, f64),
    /// Share of the processors in use.
    pub cpu: f64,
    /// Megabytes in use.
    pub memory: f64,
    /// Orders a request.
    pub orders: f64,
}

/// Whether a role is the new version.
pub fn is_new(role: &Role) -> bool {
    matches!(role, Role::Canary | Role::Instance(_))
}

/// Whether a role is this service at all.
pub fn is_own(role: &Role) -> bool {
    !matches!(role, Role::Dependency(_) | Role::Sibling(_))
}

/// What a kind does to a role at a minute (of the deployment; negative before it).
pub type Effect = Box<dyn Fn(&Role, f64, &mut Level)>;

/// All that makes up a deployment of some kind, before its series are drawn.
pub struct Plan {
    pub spec: Spec,
    /// Level of the service at all its traffic.
    pub base: Level,
    pub effects: Vec<Effect>,
    /// Traffic, latency and use over the day: the amplitude around the mean.
    pub season: f64,
    /// Autocorrelation and deviation of a role's own noise.
    pub own: (f64, f64),
    /// The same of what all roles share.
    pub shared: (f64, f64),
    /// Intraclass correlation of failures within a minute.
    pub clumped: f64,
    /// Whether latencies have a power law's tail.
    pub heavy: bool,
    /// Minutes of the canary, warm-up included, and of the baseline.
    pub minutes: (i64, i64),
    pub history: bool,
    pub instances: usize,
    pub dependency: bool,
    pub sibling: bool,
    /// Whether the counter of requests and orders a minute are among the signals.
    pub with_traffic: bool,
    pub memory_critical: bool,
    pub latency_critical: bool,
    /// Further harmless gauges.
    pub more: usize,
    /// Minutes after which the new version's cache is filled to all but a third.
    pub filling: f64,
}

impl Plan {
    /// A canary of a tenth of the traffic, `traffic` requests a minute at it, healthy.
    pub fn new(random: &mut Random, traffic: f64) -> Plan {
        let mut spec = Spec { service: "checkout".to_owned(), ..Spec::default() };
        spec.deployment.id = Some("d-1".to_owned());
        spec.deployment.version = Some("1.8.0".to_owned());
        spec.deployment.previous = Some("1.7.3".to_owned());
        spec.deployment.started_at = Some(START);
        spec.deployment.rollback.safe = Some(true);
        spec.deployment.strategy = Some(Strategy::Canary);
        spec.deployment.weight = Some(0.1);
        spec.windows = Windows {
            canary: Some(30 * MINUTE),
            baseline: Some(60 * MINUTE),
            ..Windows::default()
        };
        Plan {
            spec,
            base: Level {
                traffic: traffic * 10.0 * random.factor(0.2),
                errors: 0.001 * random.range(0.5, 2.0),
                latency: random.range(20.0, 80.0),
                width: random.range(0.4, 0.7),
                second: (0.0, 1.0),
                cpu: random.range(0.3, 0.5),
                memory: random.range(700.0, 1100.0),
                orders: random.range(0.02, 0.05),
            },
            effects: Vec::new(),
            season: 0.05,
            own: (0.3, 0.02),
            shared: (0.8, 0.03),
            clumped: 0.0,
            heavy: false,
            minutes: (30, 60),
            history: false,
            instances: 0,
            dependency: false,
            sibling: false,
            with_traffic: false,
            memory_critical: false,
            latency_critical: false,
            more: 0,
            filling: 4.0,
        }
    }

    /// The same instance by instance, judged against the hour before and, with
    /// `history`, the same hours of four earlier days.
    pub fn rolling(random: &mut Random, traffic: f64, history: bool) -> Plan {
        let mut plan = Plan::new(random, traffic / 10.0);
        plan.spec.deployment.strategy = Some(Strategy::Rolling);
        plan.spec.deployment.weight = None;
        plan.history = history;
        plan.with_traffic = true;
        plan
    }

    pub fn effect(&mut self, effect: impl Fn(&Role, f64, &mut Level) + 'static) {
        self.effects.push(Box::new(effect));
    }

    /// Sets how many minutes are seen of both sides.
    pub fn last(&mut self, minutes: i64) {
        self.minutes = (minutes, minutes.max(60));
        self.spec.windows.canary = Some(minutes * MINUTE);
        self.spec.windows.baseline = Some(self.minutes.1 * MINUTE);
    }

    /// What happens to the new version alone, from its first minute on.
    pub fn on_new(&mut self, effect: impl Fn(f64, &mut Level) + 'static) {
        self.effect(move |role, minute, level| {
            if is_new(role) {
                effect(minute, level);
            }
        });
    }

    /// Limit of the share of failures.
    pub const ERROR_LIMIT: f64 = 0.02;

    fn roles(&self) -> Vec<Role> {
        let mut roles = vec![Role::Canary, Role::Baseline];
        roles.extend(self.history.then_some(Role::History));
        let dependency = || Role::Dependency("payments-db".to_owned());
        roles.extend(self.dependency.then(dependency));
        roles.extend(self.sibling.then(|| Role::Sibling("cart".to_owned())));
        roles.extend((0..self.instances).map(|index| Role::Instance(format!("pod-{index}"))));
        roles
    }

    /// The minutes a role is measured in: of each (day before, minute).
    fn times(&self, role: &Role) -> Vec<(i64, i64)> {
        let (canary, baseline) = self.minutes;
        let beside = self.spec.deployment.strategy.is_some_and(Strategy::runs_beside);
        match role {
            Role::Canary | Role::Instance(_) => (0..canary).map(|minute| (0, minute)).collect(),
            Role::Baseline if beside => (canary - baseline..canary).map(|m| (0, m)).collect(),
            Role::Baseline => (-baseline..0).map(|minute| (0, minute)).collect(),
            Role::History => [7, 3, 2, 1]
                .into_iter()
                .flat_map(|day| (-baseline..canary).map(move |minute| (day, minute)))
                .collect(),
            Role::Dependency(_) | Role::Sibling(_) => {
                (-baseline..canary).map(|minute| (0, minute)).collect()
            }
        }
    }

    /// The share of the service's traffic that a role has at a minute.
    fn share(&self, role: &Role, minute: i64) -> f64 {
        let beside = self.spec.deployment.strategy.is_some_and(Strategy::runs_beside);
        let weight = self.spec.deployment.weight.unwrap_or(0.5);
        match role {
            Role::Canary if beside => weight,
            Role::Baseline if beside && minute >= 0 => 1.0 - weight,
            Role::Instance(_) if beside => weight / self.instances as f64,
            Role::Instance(_) => 1.0 / self.instances as f64,
            _ => 1.0,
        }
    }

    /// Draws all series.
    pub fn draw(mut self, random: &mut Random) -> Spec {
        let mut signals = self.signals();
        let shared: BTreeMap<i64, Vec<f64>> = [0, 1, 2, 3, 7]
            .into_iter()
            .map(|day| (day, noise(random, self.shared, self.minutes.1 + self.minutes.0)))
            .collect();
        for role in self.roles() {
            // No two sets of machines are quite alike, and one set stays as it is.
            let lasting = random.factor(0.01);
            let times = self.times(&role);
            let own = noise(random, self.own, times.len() as i64);
            let mut counted = if is_new(&role) { 0.0 } else { random.range(1e6, 1e8) };
            for (index, (day, minute)) in times.into_iter().enumerate() {
                let at = START - day * DAY + minute * MINUTE;
                let common = shared
                    .get(&day)
                    .and_then(|noise| noise.get((minute + self.minutes.1) as usize))
                    .copied()
                    .unwrap_or(0.0);
                let own = own.get(index).copied().unwrap_or(0.0);
                let level = self.level(&role, minute, lasting * (common + own).exp());
                let seen = self.measure(random, &level, &mut counted);
                for (signal, (value, total)) in signals.iter_mut().zip(seen) {
                    if measured(&role, signal) {
                        let point = Point { at, value, total };
                        signal.series.entry(role.clone()).or_default().push(point);
                    }
                }
            }
        }
        self.spec.signals = signals;
        self.spec
    }

    /// How a role does at a minute, with all that happens to it.
    fn level(&self, role: &Role, minute: i64, noise: f64) -> Level {
        let mut level = self.base.clone();
        if !is_own(role) {
            level.errors = 0.0003;
            level.traffic *= 2.0;
        }
        // The morning's rise: the middle of it is when the deployment begins.
        let hour = minute as f64 / 60.0;
        let load = 1.0 + self.season * (hour * std::f64::consts::TAU / 12.0).sin();
        level.traffic *= load * self.share(role, minute);
        level.cpu *= load * noise;
        // More load, more waiting.
        level.latency *= (1.0 + 0.6 * (load - 1.0)) * noise;
        level.memory *= 1.0 + 0.2 * (noise - 1.0);
        if is_new(role) {
            level.memory *= 1.0 - 0.15 * (-(minute as f64) / self.filling).exp();
        }
        for effect in &self.effects {
            effect(role, minute as f64, &mut level);
        }
        level
    }

    /// What monitoring shows of a minute, in the order of `signals`: (value, total).
    fn measure(&self, random: &mut Random, level: &Level, counted: &mut f64) -> Vec<(f64, f64)> {
        let requests = random.poisson(level.traffic);
        let errors = level.errors.clamp(0.0, 1.0);
        let errors = if self.clumped > 0.0 && errors > 0.0 && errors < 1.0 {
            let size = (1.0 - self.clumped) / self.clumped;
            random.beta(errors * size, (1.0 - errors) * size)
        } else {
            errors
        };
        let bad = random.binomial(requests, errors);
        *counted += requests;
        let mut seen = vec![
            (bad, requests),
            (self.latency(random, level, requests, 0.99), 0.0),
            (self.latency(random, level, requests, 0.5), 0.0),
            ((level.cpu * random.factor(0.03)).min(1.0), 0.0),
            (level.memory * random.factor(0.004), 0.0),
        ];
        let orders = random.binomial(requests, level.orders);
        if self.with_traffic {
            seen.push((orders, 0.0));
            seen.push((*counted, 0.0));
        } else {
            seen.push((if requests > 0.0 { orders / requests } else { f64::NAN }, 0.0));
        }
        for index in 0..self.more {
            let scale = 10.0_f64.powi((index % 5) as i32);
            seen.push((scale * random.factor(0.02 + 0.02 * (index % 7) as f64), 0.0));
        }
        seen
    }

    /// A quantile of the latencies of so many requests: the order statistic's own
    /// distribution, through the inverse of the latencies'.
    fn latency(&self, random: &mut Random, level: &Level, requests: f64, q: f64) -> f64 {
        if requests < 1.0 {
            return f64::NAN;
        }
        let rank = (q * requests).ceil().clamp(1.0, requests);
        let place = random.beta(rank, requests - rank + 1.0).clamp(1e-12, 1.0 - 1e-12);
        if self.heavy && place > 0.5 {
            return level.latency * (2.0 * (1.0 - place)).powf(-1.0 / 1.8);
        }
        let (share, slower) = level.second;
        if share <= 0.0 {
            return level.latency * (level.width * normal_quantile(place)).exp();
        }
        // Of two ways the inverse is found by halving.
        let (mut low, mut high) = (-10.0_f64, 10.0 + slower.ln());
        for _ in 0..50 {
            let middle = 0.5 * (low + high);
            let above = (1.0 - share) * normal_above(middle / level.width)
                + share * normal_above((middle - slower.ln()) / level.width);
            if 1.0 - above < place {
                low = middle;
            } else {
                high = middle;
            }
        }
        level.latency * low.exp()
    }

    fn signals(&self) -> Vec<Signal> {
        let signal = |name: &str, kind, class, direction| Signal {
            name: name.to_owned(),
            kind,
            class,
            direction,
            unit: None,
            limit: None,
            critical: false,
            required: false,
            series: BTreeMap::new(),
            source: None,
        };
        use Direction::{Either, Higher, Lower};
        let gauge = SignalKind::Gauge;
        let usual = self.base.latency * (self.base.width * 2.33).exp();
        let usual = if self.heavy { self.base.latency * 50_f64.powf(1.0 / 1.8) } else { usual };
        let mut signals = vec![
            Signal {
                limit: Some(Plan::ERROR_LIMIT),
                critical: true,
                required: true,
                ..signal("error_rate", SignalKind::Ratio, Class::Reliability, Lower)
            },
            Signal {
                limit: Some((usual * 1.6).round()),
                critical: self.latency_critical,
                ..signal("latency_p99", gauge, Class::Latency, Lower)
            },
            signal("latency_p50", gauge, Class::Latency, Lower),
            Signal { limit: Some(0.9), ..signal("cpu", gauge, Class::Saturation, Lower) },
            Signal {
                limit: Some((self.base.memory * 1.5).round()),
                critical: self.memory_critical,
                ..signal("memory", gauge, Class::Saturation, Lower)
            },
        ];
        if self.with_traffic {
            signals.push(signal("orders", gauge, Class::Business, Higher));
            let counter = SignalKind::Counter;
            signals.push(signal("requests_total", counter, Class::Traffic, Higher));
        } else {
            signals.push(signal("conversion", gauge, Class::Business, Higher));
        }
        for index in 0..self.more {
            let name = format!("gauge_{index}");
            signals.push(signal(&name, gauge, Class::Saturation, Either));
        }
        signals
    }
}

/// Whether a role has a series of a signal: other services and single instances are seen
/// by their failures and latencies.
fn measured(role: &Role, signal: &Signal) -> bool {
    match role {
        Role::Dependency(_) | Role::Sibling(_) => {
            matches!(signal.name.as_str(), "error_rate" | "latency_p99")
        }
        Role::Instance(_) => {
            matches!(signal.class, Class::Reliability | Class::Latency | Class::Saturation)
                && !signal.name.starts_with("gauge_")
        }
        _ => true,
    }
}

/// First-order autocorrelated noise of this (correlation, deviation).
fn noise(random: &mut Random, (correlation, deviation): (f64, f64), count: i64) -> Vec<f64> {
    let mut level = random.normal();
    (0..count)
        .map(|_| {
            let fresh = (1.0_f64 - correlation * correlation).max(0.0).sqrt();
            level = correlation * level + fresh * random.normal();
            deviation * level
        })
        .collect()
}

/// Changes the points of a role in all signals that have it.
pub fn change(spec: &mut Spec, role: &Role, change: impl Fn(&mut Series)) {
    for signal in &mut spec.signals {
        if let Some(series) = signal.series.get_mut(role) {
            change(series);
        }
    }
}

/// The same with one point for so many: sums of ratios, means of gauges, a counter's last.
pub fn coarse(mut spec: Spec, count: usize) -> Spec {
    for signal in &mut spec.signals {
        let kind = signal.kind;
        for series in signal.series.values_mut() {
            let joined = |points: &[Point]| -> Option<Point> {
                let (first, last) = (points.first()?, points.last()?);
                let sum = |of: fn(&Point) -> f64| points.iter().map(of).sum::<f64>();
                let value = match kind {
                    SignalKind::Ratio => sum(|point| point.value),
                    SignalKind::Gauge => sum(|point| point.value) / points.len() as f64,
                    SignalKind::Counter => last.value,
                };
                Some(Point { at: first.at, value, total: sum(|point| point.total) })
            };
            *series = series.chunks(count).filter_map(joined).collect();
        }
    }
    spec
}
