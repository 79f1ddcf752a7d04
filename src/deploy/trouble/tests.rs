//! What failed, in executions as hosts tell of them.

use async_trait::async_trait;

use super::*;
use crate::deploy::{Means, RolledBack, Stage};
use crate::policy::RollbackPermit;

/// A host with one log for all steps; none without it.
struct Host(Option<&'static str>);

#[async_trait]
impl Deployer for Host {
    fn host(&self) -> &'static str {
        "Host"
    }

    async fn execution(&self) -> anyhow::Result<Execution> {
        Ok(Execution::default())
    }

    async fn log(&self, step: &Step) -> anyhow::Result<Vec<u8>> {
        let text = self.0.map(|text| text.as_bytes().to_vec());
        text.ok_or_else(|| anyhow::anyhow!("there is no log of {}", step.name))
    }

    async fn can_roll_back(&self, _execution: &Execution) -> anyhow::Result<Means> {
        Ok(Means::ByFailing)
    }

    async fn roll_back(&self, _: &RollbackPermit, _: &Means) -> anyhow::Result<RolledBack> {
        anyhow::bail!("not asked for here")
    }
}

fn step(name: &str, status: Status, message: Option<&str>) -> Step {
    Step {
        name: name.into(),
        stage: "prod".into(),
        status,
        message: message.map(str::to_owned),
        log_key: Some("key".into()),
        ..Step::default()
    }
}

fn found(host: Host, execution: &Execution) -> Vec<Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(find(&host, execution))
}

#[test]
fn failed_steps_are_told_with_cause_and_advice() {
    let stage = Stage { identifier: "prod".into(), name: "Production".into(), ..Stage::default() };
    for (status, message, log, cause, what) in [
        (Status::Failed, Some("ErrImagePull"), None, Some("image-pull"), "pulled"),
        (Status::Failed, None, Some("ERROR no space left on device\n"), Some("disk"), "disk"),
        (Status::Failed, None, Some("Error: flux is misaligned\n"), None, "misaligned"),
        (Status::Failed, None, None, None, "Neither"),
        (Status::Expired, Some("x"), None, Some("time-out"), "out of time"),
        (Status::Failed, Some("It broke."), None, None, "platform's message"),
    ] {
        let execution = Execution {
            status: Status::Failed,
            stages: vec![stage.clone()],
            steps: vec![
                step("Build", Status::Success, None),
                step("Deploy", status, message),
                Step { is_rollback: true, ..step("Rollback", Status::Success, None) },
            ],
            ..Execution::default()
        };
        let all = found(Host(log), &execution);
        let [one] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!(one.step, "Deploy");
        assert_eq!(one.stage.as_deref(), Some("Production"));
        assert_eq!(one.cause, cause, "{one:?}");
        assert!(one.what.contains(what), "{one:?}");
        assert!(!one.advice.is_empty());
        assert_eq!(one.no_log.is_some(), log.is_none());
    }
}

#[test]
fn an_execution_can_fail_without_a_step() {
    let execution = |status| Execution { name: "deploy".into(), status, ..Execution::default() };
    let all = found(Host(None), &execution(Status::AbortedByFreeze));
    assert_eq!(all[0].cause, Some("freeze"));
    assert_eq!(all[0].step, "deploy");
    assert!(found(Host(None), &execution(Status::Success)).is_empty());
    assert!(found(Host(None), &execution(Status::Running)).is_empty());
}
