//! Review a change: the stages in order.

pub mod around;
pub mod ask;
pub mod background;
pub mod base;
pub mod collect;
pub mod contents;
pub mod coverage;
pub mod discussion;
pub mod examine;
pub mod finish;
pub mod guidelines;
pub mod lens;
pub mod owners;
pub mod prompt;
pub mod prove;
pub mod record;
pub mod resume;
pub mod said;
pub mod select;
pub mod shard;
pub mod sharded;
pub mod state;
pub mod tools;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use tokio::time::Instant;

use self::collect::{Asked, Collected};
use self::contents::Contents;
use self::sharded::Work;
use self::tools::{BaseFiles, HostFiles, Tools};
use crate::checkout::Checkout;
use crate::context::{self, Context, Decision, Host, Request, Requested};
use crate::diff::{Change, RepoPath};
use crate::failure::Failure;
use crate::forge::github::{Access as GitHubAccess, GitHub};
use crate::forge::local::Local;
use crate::forge::{Forge, Permission};
use crate::http;
use crate::inputs::{Access, CONFIG_FILE, ConfigText, Format, Gathered, Inputs, ModelChoice, Task};
use crate::model::Model;
use crate::policy::{self, Grounds, Ruling, Token};
use crate::redact::Scrubber;
use crate::task::progress::Progress;
use crate::task::{models, talk};

/// Review what the event or the command line names. Gives the exit code.
pub fn run(gathered: &Gathered, first: &Inputs) -> Result<u8, Failure> {
    if first.format == Format::Diff {
        return Err(Failure::Inputs(anyhow!(
            "a review makes no diff: `format = diff` is for `docs` and `learn`"
        )));
    }
    let context = context::read(&first.host).map_err(Failure::Inputs)?;
    let request = match context::request_of(&context, first) {
        Decision::Review(request) => request,
        Decision::Talk(asked) => return talk::run(gathered, first, &context, &asked),
        Decision::Nothing { why } => return finish::nothing(first, &why),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .map_err(Failure::Inputs)?;
    runtime.block_on(review(gathered, first, &context, &request))
}

/// Review what was asked for.
///
/// # Errors
/// As the exit codes say.
pub async fn review(
    gathered: &Gathered,
    first: &Inputs,
    context: &Context,
    request: &Request,
) -> Result<u8, Failure> {
    let start = Instant::now();
    let deadline = start + first.timeout;
    let mut progress = Progress::new(first.host.stderr_terminal);
    let client = client(first, deadline).map_err(Failure::Inputs)?;
    let github = github(first, context, &client).map_err(Failure::Inputs)?;
    let forge = github.as_ref().map(|github| github as &dyn Forge);
    let local = collect::repository(&context.workspace);

    let asker = match (&request.asked_by, forge) {
        (Some(asker), Some(forge)) => {
            let permission = forge.permission(&asker.login).await;
            let permission = permission
                .with_context(|| format!("cannot read the permission of {}", asker.login))
                .map_err(Failure::Platform)?;
            Some(access_of(permission))
        }
        (Some(_), None) => Some(Access::None),
        (None, _) => None,
    };
    let token = if forge.is_some() { Token::Writes } else { Token::Absent };
    let grounds = Grounds { input: first.autonomy, base: None, token, asker, asker_needs: None };
    // Before anything is read for them: the base may allow more askers than the
    // default, so only those without any access are turned away here.
    if asker == Some(Access::None) {
        let who = request.asked_by.as_ref().map_or("", |asker| asker.login.as_str());
        return finish::nothing(first, &format!("{who} may not ask for a review here"));
    }

    progress.stage("reading the change");
    let mut collected = collect(first, context, request, forge, local.as_ref()).await?;
    let inputs = with_config(gathered, &collected)?;
    if inputs.model != ModelChoice::Offline {
        let unread = first.model == ModelChoice::Offline;
        let model = Asked { trigger_phrase: &inputs.trigger_phrase };
        collected = collect::with_background(collected, forge, local.as_ref(), model, unread).await;
    }
    let grounds = Grounds {
        input: inputs.autonomy,
        base: inputs.tables.max_autonomy,
        asker_needs: inputs.tables.asker,
        ..grounds
    };
    let ruling = policy::rule(&grounds);
    if ruling.is_refused() {
        let who = request.asked_by.as_ref().map_or("", |asker| asker.login.as_str());
        return finish::nothing(&inputs, &format!("{who} may not ask for a review here"));
    }
    if let Some(state) = &mut collected.before.state {
        // Only what a push sets off is automatic: who asks is answered.
        if state.paused && is_automatic(request) {
            return finish::nothing(&inputs, "automatic reviews of this change are paused");
        }
        if request.full {
            state.read.clear();
            state.complete = false;
        }
    }
    let deadline = deadline.min(start + inputs.timeout);
    let run = Run {
        inputs: &inputs,
        context,
        request,
        forge,
        local: local.as_ref(),
        client: &client,
        ruling,
        deadline,
    };
    run.examine_and_publish(&collected, &mut progress).await
}

/// What the later stages share.
pub struct Run<'a> {
    /// What the program was told, the base's configuration included.
    pub inputs: &'a Inputs,
    /// Which job.
    pub context: &'a Context,
    /// What was asked for.
    pub request: &'a Request,
    /// The host, if there is one to talk to.
    pub forge: Option<&'a dyn Forge>,
    /// The checkout's repository.
    pub local: Option<&'a Local>,
    /// The network.
    pub client: &'a http::Client,
    /// What this run may do.
    pub ruling: Ruling,
    /// When everything has to be over.
    pub deadline: Instant,
}

/// What came of asking.
enum Examination {
    /// A review to publish.
    Whole(Box<examine::Examined>),
    /// A part of one, which is written already: the exit code.
    Part(u8),
}

impl Run<'_> {
    async fn examine_and_publish(
        &self,
        collected: &Collected,
        progress: &mut Progress,
    ) -> Result<u8, Failure> {
        let scrubber = Arc::new(Scrubber::new(&self.inputs.secrets));
        let ask = async |subject: examine::Subject<'_>| self.examined(&subject).await;
        match self.on_subject(collected, &scrubber, progress, ask).await? {
            Examination::Whole(examined) => {
                finish::finish(self, collected, *examined, &scrubber, progress).await
            }
            Examination::Part(code) => Ok(code),
        }
    }

    /// Do something with all that is looked at.
    pub(crate) async fn on_subject<T>(
        &self,
        collected: &Collected,
        scrubber: &Arc<Scrubber>,
        progress: &Progress,
        ask: impl AsyncFnOnce(examine::Subject<'_>) -> T,
    ) -> T {
        let Run { inputs, forge, local, .. } = *self;
        let root = local.and_then(Local::workdir).unwrap_or(&self.context.workspace);
        let checkout = Checkout::new(root).ok();
        let head = collected.head_commit.as_deref();
        let contents = Contents::new(checkout.as_ref(), local, head);
        // The model may read the checkout only if it shows the change: after
        // `pull_request_target` or a comment it is at the base. What is fetched
        // from the host says nothing of it.
        let shows_head = shows_head(&collected.change, &contents);
        if let (Some(forge), Some(head)) = (forge, head) {
            self.fetch_pipeline_files(forge, head, collected, &contents).await;
        }
        let host = forge.map(HostFiles::new);
        let base = Base { local, host: host.as_ref(), revision: &collected.base };
        let scrub = {
            let scrubber = Arc::clone(scrubber);
            move |text: &str| scrubber.scrub(text).into_owned()
        };
        let shown = checkout.as_ref().filter(|_| shows_head);
        let tools = Tools::on_either(shown, host.as_ref(), head, &base, &scrub);
        // The head, or where the checkout ends at its base, what led up to it.
        let told = [head, Some(collected.base.as_str())].into_iter().flatten();
        let told =
            local.and_then(|local| Some((local, told.clone().find(|c| local.has_history(c))?)));
        let tools = match (tools, told) {
            (Some(tools), Some((local, commit))) => Some(tools.and_history(local, commit)),
            (tools, _) => tools,
        };
        let subject = examine::Subject {
            collected,
            inputs,
            checkout: checkout.as_ref(),
            shown,
            local,
            contents: &contents,
            tools: tools.as_ref(),
            deadline: self.deadline,
            scrubber,
            progress,
        };
        ask(subject).await
    }

    /// What this run has to do, done up to publishing.
    async fn examined(&self, subject: &examine::Subject<'_>) -> Result<Examination, Failure> {
        let inputs = self.inputs;
        let work = sharded::work(inputs);
        let examined = match &work {
            Work::Merge(files) => {
                let shards = shard::read(&sharded::files(files, &inputs.host.cwd)?)
                    .map_err(Failure::Inputs)?;
                let prepared = examine::prepare(subject, &shards.model);
                let division = shard::division(subject.collected, &prepared.packs);
                shards.check(&division).map_err(Failure::Inputs)?;
                examine::merge(subject, prepared, shards)
            }
            _ => {
                let models =
                    models::of(inputs, self.client, Task::Review).map_err(Failure::Inputs)?;
                let name = models.heavy.as_deref().map(Model::name);
                let name = name.unwrap_or_else(|| examine::OFFLINE.to_owned());
                let prepared = examine::prepare(subject, &name);
                match work {
                    Work::Plan => {
                        return sharded::plan(subject, &prepared, &name).map(Examination::Part);
                    }
                    Work::Shard(shard) => {
                        let code = sharded::shard(subject, &models, &prepared, &name, shard).await;
                        return code.map(Examination::Part);
                    }
                    Work::Whole | Work::Merge(_) => {
                        examine::examine(subject, &models, prepared).await
                    }
                }
            }
        };
        Ok(Examination::Whole(Box::new(examined)))
    }

    /// Rules on pipeline files need both sides whole; where no checkout has the
    /// head, these few are fetched.
    async fn fetch_pipeline_files(
        &self,
        forge: &dyn Forge,
        head: &str,
        collected: &Collected,
        contents: &Contents<'_>,
    ) {
        const MOST: usize = 20;
        let files: Vec<_> = collected
            .change
            .files
            .iter()
            .filter(|file| file.patch().is_some() && file.new_path.is_some())
            .filter(|file| crate::scan::needs_content(file))
            .filter(|file| contents.head(file).is_none())
            .take(MOST)
            .collect();
        for (path, content) in collect::fetch_heads(forge, head, &files).await {
            contents.insert(&path, content);
        }
    }
}

/// Whether the checkout shows the change: after `pull_request_target` or a comment
/// it is at the base. A few files tell.
pub fn shows_head(change: &Change, contents: &Contents<'_>) -> bool {
    change
        .files
        .iter()
        .filter(|file| file.new_path.is_some() && file.changed_lines() > 0)
        .take(3)
        .all(|file| contents.head(file).is_some())
}

/// Files of the base revision, for the model's `show_base`.
pub struct Base<'a> {
    /// The checkout's repository, asked first.
    pub local: Option<&'a Local>,
    /// The host.
    pub host: Option<&'a HostFiles<'a>>,
    /// The base revision.
    pub revision: &'a str,
}

#[async_trait]
impl BaseFiles for Base<'_> {
    async fn base_file(&self, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        if let Some(local) = self.local.filter(|local| local.has_commit(self.revision)) {
            return local.file_at(self.revision, &RepoPath::from(path));
        }
        match self.host {
            Some(host) => host.file(self.revision, path).await,
            None => Ok(None),
        }
    }
}

/// Whether an event of the change itself asks, and no person.
fn is_automatic(request: &Request) -> bool {
    request.asked_by.is_none()
        && matches!(request.change, Requested::PullRequest { known: Some(_), .. })
}

/// The network, until shortly after `deadline`.
///
/// # Errors
/// A proxy or the file of certificates cannot be used.
pub fn client(inputs: &Inputs, deadline: Instant) -> anyhow::Result<http::Client> {
    client_trusting(inputs, deadline, None)
}

/// The same for a server with an authority of its own, as PEM.
///
/// # Errors
/// As [`client`].
pub fn client_trusting(
    inputs: &Inputs,
    deadline: Instant,
    authority: Option<Vec<u8>>,
) -> anyhow::Result<http::Client> {
    let proxy = &inputs.host.proxy;
    let mut ca_bundle = authority;
    if let Some(file) = &inputs.ca_file {
        let own = std::fs::read(file)
            .with_context(|| format!("cannot read ca_file {}", file.display()))?;
        ca_bundle.get_or_insert_default().extend([b"\n", own.as_slice()].concat());
    }
    let config = http::Config {
        proxies: http::Proxies::new(
            proxy.http.as_deref(),
            proxy.https.as_deref(),
            proxy.no_proxy.as_deref(),
        )?,
        ca_bundle,
        ..http::Config::default()
    };
    // Publishing what was found must still be possible when asking ran out of time.
    Ok(http::Client::new(config)?.until(deadline + Duration::from_secs(120)))
}

/// GitHub, where the job runs there and has a token.
pub(crate) fn github(
    inputs: &Inputs,
    context: &Context,
    client: &http::Client,
) -> anyhow::Result<Option<GitHub>> {
    if context.host != Host::GitHub {
        return Ok(None);
    }
    let Some(token) = &inputs.github_token else { return Ok(None) };
    let repository = context
        .repository
        .as_deref()
        .context("the event names no repository: set `GITHUB_REPOSITORY` to `owner/name`")?;
    let access = GitHubAccess {
        api_url: &inputs.host.api_url,
        graphql_url: Some(&inputs.host.graphql_url),
        token: token.expose(),
        repository,
    };
    GitHub::new(client.clone(), access).map(Some)
}

pub(crate) async fn collect(
    inputs: &Inputs,
    context: &Context,
    request: &Request,
    forge: Option<&dyn Forge>,
    local: Option<&Local>,
) -> Result<Collected, Failure> {
    let repository = context.repository.as_deref().unwrap_or_default();
    // The base's configuration is not known yet: it may name another model, or none.
    let asked = (inputs.model != ModelChoice::Offline)
        .then_some(Asked { trigger_phrase: &inputs.trigger_phrase });
    match (&request.change, forge) {
        (Requested::PullRequest { number, known }, Some(forge)) => {
            let known = known.as_deref();
            collect::from_pull_request(forge, repository, *number, known, local, asked)
                .await
                .map_err(Failure::Platform)
        }
        (Requested::Range { base, head }, Some(forge)) => {
            collect::from_range(forge, repository, base, head, local)
                .await
                .map_err(Failure::Platform)
        }
        (Requested::PullRequest { number, known: None }, None) => Err(Failure::Inputs(anyhow!(
            "cannot read #{number} without a token: set `github_token`"
        ))),
        (Requested::PullRequest { known: Some(known), .. }, None) => {
            let checkout = checkout(local, context)?;
            let head = Some(known.head.sha.as_str()).filter(|sha| checkout.has_commit(sha));
            let read = collect::from_checkout(checkout, Some(&known.base.sha), head);
            let mut collected = read.map_err(Failure::Inputs)?;
            collected.title.clone_from(&known.title);
            collected.body.clone_from(&known.body);
            collected.from_fork = known.from_fork;
            let note = "There is no `github_token`: nothing could be posted.";
            collected.notes.push(note.to_owned());
            Ok(collected)
        }
        (Requested::Range { base, head }, None) => {
            collect::from_checkout(checkout(local, context)?, Some(base), Some(head))
                .map_err(Failure::Inputs)
        }
        (Requested::Checkout, _) => {
            let (base, head) = (inputs.base.as_deref(), inputs.head.as_deref());
            collect::from_checkout(checkout(local, context)?, base, head).map_err(Failure::Inputs)
        }
    }
}

fn checkout<'a>(local: Option<&'a Local>, context: &Context) -> Result<&'a Local, Failure> {
    local.ok_or_else(|| {
        // Opening it again gives the reason, which was only logged before.
        let why = crate::forge::local::open(&context.workspace).err();
        Failure::Inputs(why.unwrap_or_else(|| anyhow!("there is no checkout to review")))
    })
}

fn with_config(gathered: &Gathered, collected: &Collected) -> Result<Inputs, Failure> {
    configured(gathered, &collected.base, &collected.base_files)
}

/// The inputs with what `.pipewright.toml` says at the base revision.
pub(crate) fn configured(
    gathered: &Gathered,
    base: &str,
    files: &base::BaseFiles,
) -> Result<Inputs, Failure> {
    let short = base.get(..7).unwrap_or(base);
    let config = files
        .config
        .as_ref()
        .map(|text| ConfigText { text: text.clone(), origin: format!("{CONFIG_FILE} at {short}") });
    gathered.resolve(config.as_ref()).map_err(|errors| Failure::Inputs(anyhow!("{errors}")))
}

/// The forge's word for a permission as the inputs have it.
pub(crate) fn access_of(permission: Permission) -> Access {
    match permission {
        Permission::None => Access::None,
        Permission::Read => Access::Read,
        Permission::Triage => Access::Triage,
        Permission::Write => Access::Write,
        Permission::Admin => Access::Admin,
    }
}
