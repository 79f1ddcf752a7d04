//! What the rule finds on each platform, and what its fix writes.

use super::*;
use crate::pipeline::edit::{Op, splice};
use crate::pipeline::{NoFiles, Outcome, read};

fn hits(platform: Platform, text: &str) -> (File, Vec<Hit>) {
    let file = match read(platform, platform.usual_path(), text, &NoFiles) {
        Outcome::Read(file) => *file,
        other => panic!("{other:?}"),
    };
    let mut hits = Vec::new();
    check(&Context { file: &file, files: &NoFiles, history: None }, &mut hits);
    (file, hits)
}

/// The text after the fix of the one finding; `None` where it has none.
fn fixed(platform: Platform, text: &str) -> Option<String> {
    let (file, hits) = hits(platform, text);
    assert_eq!(hits.len(), 1, "{hits:?}");
    let fix = hits[0].fix.as_ref()?;
    assert!(!fix.safe);
    if platform != Platform::Jenkins {
        let out = splice(text, &file.tree, &fix.ops);
        return Some(out.unwrap_or_else(|refused| panic!("{refused}\n{:?}", fix.ops)));
    }
    let mut splices: Vec<_> = fix
        .ops
        .iter()
        .map(|op| match op {
            Op::Splice { span, text } => (span.range(), text.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    splices.sort_by_key(|(range, _)| (range.start, range.end));
    let mut out = text.to_owned();
    for (range, new) in splices.into_iter().rev() {
        out.replace_range(range, &new);
    }
    Some(out)
}

fn check_fix(platform: Platform, before: &str, after: &str) {
    let out = fixed(platform, before).expect("a fix");
    assert_eq!(out, after, "\n{out}");
    let (_, again) = hits(platform, &out);
    assert!(again.is_empty(), "{again:?}");
}

const GITHUB: &str = "\
on: push
jobs:
  image:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: docker build -t ghcr.io/acme/app:${{ github.sha }} .
      - run: docker push ghcr.io/acme/app:${{ github.sha }}
  deploy:
    needs: image # waits
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: docker build -t app . && ./deploy.sh app
";

#[test]
fn github_hands_on_the_digest_as_a_job_output() {
    check_fix(
        Platform::GitHub,
        GITHUB,
        "\
on: push
jobs:
  image:
    runs-on: ubuntu-latest
    outputs:
      ref: ${{ steps.push.outputs.ref }}
    steps:
      - uses: actions/checkout@v4
      - run: docker build -t ghcr.io/acme/app:${{ github.sha }} .
      - run: |
          docker push ghcr.io/acme/app:${{ github.sha }}
          echo \"ref=$(docker inspect --format '{{index .RepoDigests 0}}' ghcr.io/acme/app:${{ github.sha }})\" >> \"$GITHUB_OUTPUT\"
        id: push
  deploy:
    needs: image # waits
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: ./deploy.sh \"$IMAGE\"
        env:
          IMAGE: ${{ needs.image.outputs.ref }}
",
    );
}
