//! Whether a portable pipeline holds together, and in which order its jobs can run.

use std::collections::{HashMap, HashSet};

use super::{Condition, Job, Part, Portable, Text, Variable};
use crate::pipeline::portable::{Action, Login, Step};

impl Portable {
    /// What breaks the invariants of [`super`], one sentence each; none where it is sound.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut known: HashSet<&str> = HashSet::new();
        for job in &self.jobs {
            if !is_id(&job.id) {
                faults.push(format!("`{}` cannot be a job's id", job.id));
            }
            if !known.insert(&job.id) {
                faults.push(format!("Two jobs have the id `{}`", job.id));
            }
        }
        let before = self.ancestors();
        for (index, job) in self.jobs.iter().enumerate() {
            for need in job.needs.iter().filter(|need| !known.contains(need.as_str())) {
                faults.push(format!("Job `{}` needs `{need}`, which is no job", job.id));
            }
            let earlier = before.get(index);
            each_part(job, &mut |part| {
                let (Part::Output(other, _) | Part::Image(other)) = part else { return };
                let own = *other == job.id;
                let comes_before = self
                    .jobs
                    .iter()
                    .position(|job| job.id == *other)
                    .is_some_and(|at| earlier.is_some_and(|set| set.contains(&at)));
                if !own && !comes_before {
                    faults.push(format!(
                        "Job `{}` uses what `{other}` hands on without waiting for it",
                        job.id
                    ));
                }
            });
        }
        if self.levels().is_none() {
            faults.push("The jobs wait for each other in a circle".to_owned());
        }
        faults.sort();
        faults.dedup();
        faults
    }

    /// Jobs by how many others come before them on the longest way: each level can run
    /// at once. By place in [`Portable::jobs`], in their order. `None` for a circle.
    pub fn levels(&self) -> Option<Vec<Vec<usize>>> {
        let index: HashMap<&str, usize> =
            self.jobs.iter().enumerate().map(|(at, job)| (job.id.as_str(), at)).collect();
        let mut waits: Vec<usize> = vec![0; self.jobs.len()];
        let mut followers: Vec<Vec<usize>> = vec![Vec::new(); self.jobs.len()];
        for (at, job) in self.jobs.iter().enumerate() {
            for need in job.needs.iter().filter_map(|need| index.get(need.as_str())) {
                waits[at] += 1;
                followers[*need].push(at);
            }
        }
        let mut level: Vec<usize> = (0..self.jobs.len()).filter(|at| waits[*at] == 0).collect();
        let mut levels = Vec::new();
        let mut placed = 0;
        while !level.is_empty() {
            placed += level.len();
            let mut next = Vec::new();
            for at in &level {
                for follower in &followers[*at] {
                    waits[*follower] -= 1;
                    if waits[*follower] == 0 {
                        next.push(*follower);
                    }
                }
            }
            next.sort_unstable();
            levels.push(std::mem::replace(&mut level, next));
        }
        (placed == self.jobs.len()).then_some(levels)
    }

    /// For each job, all that comes before it, by place. A circle ends where it closes.
    pub fn ancestors(&self) -> Vec<HashSet<usize>> {
        let index: HashMap<&str, usize> =
            self.jobs.iter().enumerate().map(|(at, job)| (job.id.as_str(), at)).collect();
        let direct: Vec<Vec<usize>> = self
            .jobs
            .iter()
            .map(|job| job.needs.iter().filter_map(|id| index.get(id.as_str()).copied()).collect())
            .collect();
        direct
            .iter()
            .map(|needs| {
                let mut seen: HashSet<usize> = HashSet::new();
                let mut todo = needs.clone();
                while let Some(at) = todo.pop() {
                    if seen.insert(at) {
                        todo.extend(&direct[at]);
                    }
                }
                seen
            })
            .collect()
    }
}

/// Whether every platform takes this for a job's id.
pub fn is_id(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Calls `visit` with every reference in a job.
pub fn each_part(job: &Job, visit: &mut dyn FnMut(&Part)) {
    job.runner.image.iter().for_each(|text| in_text(text, visit));
    for service in &job.services {
        in_text(&service.image, visit);
        in_variables(&service.variables, visit);
    }
    if let Some(environment) = &job.environment {
        environment.url.iter().for_each(|text| in_text(text, visit));
    }
    job.condition.iter().for_each(|condition| in_condition(condition, visit));
    in_variables(&job.variables, visit);
    job.all_steps().for_each(|step| each_part_of(step, visit));
}

/// Calls `visit` with every reference in a step.
pub fn each_part_of(step: &Step, visit: &mut dyn FnMut(&Part)) {
    in_variables(&step.variables, visit);
    step.condition.iter().for_each(|condition| in_condition(condition, visit));
    match &step.action {
        Action::Setup { version: text, .. }
        | Action::Run { script: text, .. }
        | Action::ScanImage { image: text, .. }
        | Action::HealthCheck { command: text, .. }
        | Action::Notify { message: text, .. }
        | Action::Login(Login::Aws { role: text, .. }) => in_text(text, visit),
        Action::BuildImage(build) => {
            in_text(&build.image, visit);
            build.tags.iter().for_each(|text| in_text(text, visit));
            in_variables(&build.args, visit);
        }
        Action::Deploy(deploy) | Action::Rollback(deploy) => {
            deploy.image.iter().for_each(|text| in_text(text, visit));
            if let super::DeployKind::Script { deploy, rollback } = &deploy.kind {
                in_text(deploy, visit);
                in_text(rollback, visit);
            }
        }
        Action::Login(Login::Gcp { provider, account }) => {
            in_text(provider, visit);
            in_text(account, visit);
        }
        _ => {}
    }
}

fn in_text(text: &Text, visit: &mut dyn FnMut(&Part)) {
    text.references().for_each(visit);
}

fn in_variables(variables: &[Variable], visit: &mut dyn FnMut(&Part)) {
    variables.iter().for_each(|variable| in_text(&variable.value, visit));
}

fn in_condition(condition: &Condition, visit: &mut dyn FnMut(&Part)) {
    match condition {
        Condition::Equals(part, _) => visit(part),
        Condition::Not(inner) => in_condition(inner, visit),
        Condition::All(all) | Condition::Any(all) => {
            all.iter().for_each(|inner| in_condition(inner, visit));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipeline(jobs: &[(&str, &[&str])]) -> Portable {
        let jobs = jobs.iter().map(|(id, needs)| Job {
            needs: needs.iter().map(|&need| need.to_owned()).collect(),
            ..Job::new(*id)
        });
        Portable { jobs: jobs.collect(), ..Portable::default() }
    }

    #[test]
    fn levels_follow_the_longest_way() {
        let check = |jobs: &[(&str, &[&str])], expect: Option<&[&[usize]]>| {
            let levels = pipeline(jobs).levels();
            let levels: Option<Vec<&[usize]>> =
                levels.as_ref().map(|all| all.iter().map(Vec::as_slice).collect());
            assert_eq!(levels.as_deref(), expect);
        };
        check(&[], Some(&[]));
        check(
            &[("a", &[]), ("b", &["a"]), ("c", &["a", "b"]), ("d", &[])],
            Some(&[&[0, 3], &[1], &[2]]),
        );
        check(&[("a", &["b"]), ("b", &["a"])], None);
    }

    #[test]
    fn faults_name_the_job() {
        let mut portable = pipeline(&[("a", &[]), ("b", &["x"]), ("1", &[])]);
        portable.jobs[1].steps.push(Step::run(Text::template("{{image.a}}")));
        assert_eq!(
            portable.faults(),
            [
                "Job `b` needs `x`, which is no job",
                "Job `b` uses what `a` hands on without waiting for it",
                "`1` cannot be a job's id",
            ]
        );
        portable.jobs.truncate(2);
        portable.jobs[1].needs = vec!["a".to_owned()];
        assert_eq!(portable.faults(), [""; 0]);
    }
}
