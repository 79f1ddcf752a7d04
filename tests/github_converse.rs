//! What a conversation writes to GitHub: once, whatever happens on the way.

mod support;

use pipewright::forge::{Applied, CommentRef, Forge, ForgeError, Operation, Reaction};
use support::client::forge;
use support::github::{Fault, GitHub, On};

fn world() -> (GitHub, u64, u64) {
    let github = GitHub::start();
    github.pull(7, |pull| {
        pull.base("a.rs", "one\n").head("a.rs", "two\n");
    });
    let line = github.line_comment(7, "bob", "a.rs", "RIGHT", 1, "Why?");
    let said = github.comment(7, "bob", "Why?");
    (github, line, said)
}

const FAULTS: [Fault; 5] =
    [Fault::Html502, Fault::Html502After, Fault::Reset, Fault::ResetAfter, Fault::Truncate];

#[tokio::test]
async fn a_reply_stands_once_after_any_failure() {
    for fault in FAULTS {
        let (github, line, _) = world();
        github.fault(On::next("POST", "/replies"), fault.clone());
        let operation = Operation::Reply { to: line, body: "Because.\r\nIndeed.  ".into() };
        let applied = forge(&github).apply(Some(7), &operation).await.unwrap();
        let there = github.review_comments(7);
        assert_eq!(there.len(), 2, "{fault:?}");
        assert_eq!(there[1]["in_reply_to_id"], line);
        let Applied::Done { id } = applied else { panic!("{applied:?}") };
        assert_eq!(there[1]["id"], id.unwrap(), "{fault:?}");
    }
}

#[tokio::test]
async fn reactions_labels_and_the_description_may_be_sent_again() {
    for fault in FAULTS {
        let (github, line, said) = world();
        for operation in [
            Operation::React { comment: CommentRef::Conversation(said), kind: Reaction::Eyes },
            Operation::React { comment: CommentRef::Line(line), kind: Reaction::ThumbsUp },
            Operation::AddLabels { labels: vec!["a".into(), "b".into()] },
            Operation::AddLabels { labels: vec!["b".into()] },
            Operation::UpdateDescription { title: Some("T".into()), body: None },
            Operation::UpdateDescription { title: None, body: Some("B".into()) },
            Operation::UpdateReply { id: line, body: "Changed.".into() },
        ] {
            github.heal().fault(On { times: 1, ..On::default() }, fault.clone());
            forge(&github).apply(Some(7), &operation).await.unwrap();
        }
        let marks = [(said, "eyes".to_owned()), (line, "+1".to_owned())];
        assert_eq!(github.reactions(), marks, "{fault:?}");
        assert_eq!(github.state().labels[&7], ["a", "b"]);
        let pull = github.state().pulls[&7].clone();
        assert_eq!((pull.title.as_str(), pull.body.as_str()), ("T", "B"));
        assert_eq!(github.review_comments(7)[0]["body"], "Changed.");
    }
}

#[tokio::test]
async fn what_is_taken_back_twice_is_gone_once() {
    for fault in FAULTS {
        let (github, line, said) = world();
        for comment in [CommentRef::Line(line), CommentRef::Conversation(said)] {
            github.fault(On::next("DELETE", "/comments/"), fault.clone());
            let operation = Operation::DeleteComment { comment };
            forge(&github).apply(Some(7), &operation).await.unwrap();
            forge(&github).apply(Some(7), &operation).await.unwrap();
        }
        assert_eq!((github.comments(7).len(), github.review_comments(7).len()), (0, 0));
    }
}

#[tokio::test]
async fn nothing_to_write_asks_nothing() {
    let (github, ..) = world();
    for operation in [
        Operation::AddLabels { labels: Vec::new() },
        Operation::UpdateDescription { title: None, body: None },
    ] {
        forge(&github).apply(Some(7), &operation).await.unwrap();
    }
    assert_eq!(github.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn what_may_not_be_written_is_told_apart_from_what_is_not_there() {
    let (github, line, _) = world();
    let reply = Operation::Reply { to: line, body: "x".into() };
    github.token_can_write(false);
    let refused = forge(&github).apply(Some(7), &reply).await;
    assert!(matches!(refused, Err(ForgeError::Denied(_))), "{refused:?}");
    let gone = forge(&github).line_comment(1).await;
    assert!(matches!(gone, Err(ForgeError::NotFound(_))), "{gone:?}");
    let there = forge(&github).line_comment(line).await.unwrap();
    assert_eq!((there.original_line, there.comment.body.as_str()), (Some(1), "Why?"));
    assert!(there.diff_hunk.contains("+two"));
}
