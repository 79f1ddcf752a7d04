//! Shows what a review would put beside each pack of a change, and what it took:
//! `around CHECKOUT BASE HEAD [BUDGET]`, with the checkout at HEAD.

use std::time::Instant;

use pipewright::checkout::Checkout;
use pipewright::diff::pack;
use pipewright::forge::local;
use pipewright::task::review::around::{CheckoutSources, Sources as _, around};
use pipewright::task::review::contents::Contents;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [root, base, head, rest @ ..] = &arguments[..] else {
        anyhow::bail!("usage: around CHECKOUT BASE HEAD [BUDGET]");
    };
    let budget = rest.first().map_or(Ok(24_000), |budget| budget.parse())?;
    let repository = local::open(root.as_ref())?;
    let change = repository.change(Some(base), Some(head))?.change;
    let checkout = Checkout::new(root)?;
    let contents = Contents::new(Some(&checkout), Some(&repository), Some(head));
    let heads = |file: &pipewright::diff::FileDiff| contents.head(file);
    let skips = vec![None; change.files.len()];
    let plan = pack::pack(&change, &skips, &|_, _| true, &heads, pack::DEFAULT_BUDGET);
    let start = Instant::now();
    let sources = CheckoutSources::new(&change, &contents, Some(&checkout));
    let files = sources.index().len();
    eprintln!("index: {files} files, {:?}", start.elapsed());
    for (number, pack) in plan.packs.iter().enumerate() {
        let start = Instant::now();
        let found = around(pack, &change, &sources, budget);
        let text = found.render();
        println!("{text}");
        eprintln!(
            "pack {number}: {} files, {} lines, {} pieces, {} bytes, {} left out, {:?}",
            pack.files.len(),
            pack.changed_lines(&change),
            found.pieces.len(),
            text.len(),
            found.left_out,
            start.elapsed()
        );
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    eprint!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    Ok(())
}
