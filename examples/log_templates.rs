//! For `benches/log_templates.py`: the template of each line on standard input
//! (`templates`), or the classes of a stream against another (`compare CANARY BASELINE`).

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::time::Instant;

use pipewright::log::{Allow, Comparison, Lengths, Miner, Settings, stream};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let start = Instant::now();
    match arguments[..] {
        ["templates"] => {
            let mut miner = Miner::new(Settings::default());
            let mut out = BufWriter::new(io::stdout().lock());
            let mut ids = Vec::new();
            let lines = stream::lines(io::stdin().lock(), |line| ids.push(miner.add(line)))?;
            let seconds = start.elapsed().as_secs_f64();
            for id in ids {
                writeln!(out, "{}", miner.resolve(id).0 as i32)?;
            }
            out.flush()?;
            let count = miner.templates().len();
            eprintln!("{lines} lines, {count} templates, {seconds:.4} s");
            if std::env::var_os("SHOW").is_some() {
                for template in miner.templates() {
                    eprintln!("{} {} {}", template.id.0, template.count, template.text);
                }
            }
        }
        ["compare", canary, baseline] => {
            let mut comparison = Comparison::new(Settings::default(), Allow::default());
            comparison.read_baseline(File::open(baseline)?)?;
            comparison.read_canary(File::open(canary)?)?;
            let classes = comparison.finish(Lengths::default());
            for (class, list) in [("new", &classes.new), ("rising", &classes.rising)] {
                for one in list {
                    println!(
                        "{class}\t{:?}\t{}\t{}/{}\t{}",
                        one.severity, one.stable, one.canary, one.baseline, one.line
                    );
                }
            }
            println!(
                "{} new, {} rising, {} known, {} allowed, {} of a start; {} and {} lines; {:.2} s",
                classes.new.len(),
                classes.rising.len(),
                classes.known,
                classes.allowed,
                classes.startup,
                classes.canary_lines,
                classes.baseline_lines,
                start.elapsed().as_secs_f64()
            );
        }
        _ => eprintln!("usage: log_templates templates | compare CANARY BASELINE"),
    }
    if let Ok(status) = std::fs::read_to_string("/proc/self/status")
        && let Some(peak) = status.lines().find(|line| line.starts_with("VmHWM"))
    {
        eprintln!("{peak}");
    }
    Ok(())
}
