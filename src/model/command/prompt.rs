//! A request as text, for programs that take nothing else.

use std::fmt::Write as _;

use super::super::{Content, Request, Role, Tool};

/// The instructions.
pub fn system(request: &Request) -> String {
    let blocks = request.system.iter().map(|block| block.text.trim());
    blocks.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// The turns. A single turn stands as it is, behind a line of ours: some programs
/// take a slash at the start for an order.
pub fn conversation(request: &Request) -> String {
    if let [only] = request.messages.as_slice() {
        let mut text = String::from("The request:\n\n");
        push(&mut text, &only.content);
        return text;
    }
    let mut text = String::from("The conversation so far. Go on with your next turn.\n");
    for message in &request.messages {
        let whose = match message.role {
            Role::User => "From the user",
            Role::Assistant => "From you",
        };
        let _ = write!(text, "\n--- {whose} ---\n\n");
        push(&mut text, &message.content);
    }
    text
}

/// All of it: instructions, turns, and the form of the answer.
pub fn whole(request: &Request, tool: Option<&Tool>) -> String {
    let mut text = system(request);
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(&conversation(request));
    let Some(tool) = tool else { return text };
    let _ = write!(
        text,
        "\n--- The form of your answer ---\n\nYou have no tools. Where the text above says to call \
         `{name}`, write the input of that call instead: exactly one JSON object and nothing else, \
         no words before or after it.\n\n{description}\n\nThe object fits this JSON Schema:\n\n\
         {schema}\n",
        name = tool.name,
        description = tool.description,
        schema = tool.input_schema,
    );
    text
}

fn push(text: &mut String, content: &[Content]) {
    for part in content {
        match part {
            Content::Text { text: more, .. } => text.push_str(more.trim_end()),
            Content::ToolUse { name, input, .. } => {
                let _ = write!(text, "[called {name}] {input}");
            }
            Content::ToolResult { text: more, is_error, .. } => {
                let kind = if *is_error { "failed" } else { "result" };
                let _ = write!(text, "[{kind}] {}", more.trim_end());
            }
            // A provider's own; it means nothing elsewhere.
            Content::Opaque(_) => continue,
        }
        text.push_str("\n\n");
    }
}
