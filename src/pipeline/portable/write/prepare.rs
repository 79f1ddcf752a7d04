//! What every writer wants done first: plans handed from job to job, locks on deploys,
//! time limits, needs for what is read.

use super::super::{Action, Job, Part, Portable, Step, check};
use super::lower::plan_path;

/// Minutes for a job that says nothing.
const USUAL_MINUTES: u32 = 30;

/// The same pipeline with what it leaves to the writer filled in.
pub fn prepare(portable: &Portable) -> Portable {
    let mut portable = portable.clone();
    hand_on_plans(&mut portable);
    for job in &mut portable.jobs {
        let mut read: Vec<String> = Vec::new();
        check::each_part(job, &mut |part| {
            if let Part::Output(other, _) | Part::Image(other) = part {
                read.push(other.clone());
            }
        });
        for other in read {
            if other != job.id && !job.needs.contains(&other) {
                job.needs.push(other);
            }
        }
        job.timeout = Some(job.timeout.unwrap_or(USUAL_MINUTES));
        let deploys = job
            .steps
            .iter()
            .any(|step| matches!(step.action, Action::Deploy(_) | Action::TerraformApply(_)));
        if job.lock.is_none() && (deploys || job.environment.is_some()) {
            let name = job.environment.as_ref().map_or("", |env| env.name.as_str());
            job.lock = Some(format!("deploy-{}", if name.is_empty() { &job.id } else { name }));
        }
    }
    portable
}

/// A plan that another job applies travels as an artifact.
fn hand_on_plans(portable: &mut Portable) {
    let name =
        |index: usize, id: &str| if index == 0 { "tfplan".into() } else { format!("tfplan-{id}") };
    let mut planned: Vec<(String, super::super::Terraform, String)> = Vec::new();
    for job in &portable.jobs {
        for step in &job.steps {
            if let Action::TerraformPlan(terraform) = &step.action {
                planned.push((job.id.clone(), terraform.clone(), name(planned.len(), &job.id)));
            }
        }
    }
    let ancestors = portable.ancestors();
    let ids: Vec<String> = portable.jobs.iter().map(|job| job.id.clone()).collect();
    let mut used: Vec<String> = Vec::new();
    for (at, job) in portable.jobs.iter_mut().enumerate() {
        let own = |job: &Job| {
            job.steps.iter().any(|step| matches!(step.action, Action::TerraformPlan(_)))
        };
        if own(job) {
            continue;
        }
        let first = job.steps.iter().position(|step| {
            matches!(step.action, Action::TerraformApply(_) | Action::PolicyCheck { .. })
        });
        let Some(first) = first else { continue };
        let (Action::TerraformApply(terraform) | Action::PolicyCheck { terraform, .. }) =
            &job.steps[first].action
        else {
            continue;
        };
        let before = |id: &str| {
            ids.iter().position(|known| known == id).is_some_and(|id| ancestors[at].contains(&id))
        };
        let plan = planned.iter().rev().find(|(id, planned, _)| {
            before(id)
                && planned.folder == terraform.folder
                && planned.workspace == terraform.workspace
        });
        if let Some((id, terraform, artifact)) = plan {
            used.push(artifact.clone());
            if !job.needs.contains(id) {
                job.needs.push(id.clone());
            }
            let folder = (!terraform.folder.is_empty()).then(|| terraform.folder.clone());
            let fetch = Action::FetchArtifact { name: artifact.clone(), path: folder };
            job.steps.insert(first, Step::new(fetch));
        }
    }
    let mut count = 0;
    for job in &mut portable.jobs {
        let mut at = 0;
        while at < job.steps.len() {
            if let Action::TerraformPlan(terraform) = &job.steps[at].action {
                let artifact = name(count, &job.id);
                count += 1;
                if used.contains(&artifact) {
                    let paths = vec![plan_path(terraform)];
                    let save = Action::SaveArtifact { name: artifact, paths, days: Some(1) };
                    at += 1;
                    job.steps.insert(at, Step::new(save));
                }
            }
            at += 1;
        }
    }
}

/// Whether the job only waits for a person.
pub fn is_approval(job: &Job) -> bool {
    !job.steps.is_empty() && job.steps.iter().all(|step| matches!(step.action, Action::Approval(_)))
}

/// Whether the pipeline makes releases, so that it must not read caches that changes
/// by outsiders may have written.
pub fn releases(portable: &Portable) -> bool {
    portable.triggers.iter().any(|trigger| match trigger {
        super::super::Trigger::Tag(_) => true,
        super::super::Trigger::Push(filter) => {
            filter.branches.iter().any(|branch| branch.contains("release"))
        }
        _ => false,
    })
}
