//! What a server takes in a request, and what it teaches by refusing one.
//!
//! The protocol has one description and many servers. What is known of one is
//! said at the start; what is not is tried once in the best form and given up
//! for good when the server answers that it does not take it.

use super::errors::Refusal;

/// How a server is to be asked. Small, compared and copied as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Which of the two interfaces.
    pub api: Api,
    /// What the model is asked to answer through.
    pub form: Form,
    /// How far a tool can be demanded.
    pub choice: Choice,
    /// What the most output tokens are called.
    pub limit: Limit,
    /// Where the instructions stand.
    pub system: System,
    /// Schemas may be `strict`.
    pub strict: bool,
    /// `stream` is taken.
    pub stream: bool,
    /// `stream_options.include_usage` is taken.
    pub counts: bool,
    /// `prompt_cache_key` is taken.
    pub cache_key: bool,
    /// `prompt_cache_breakpoint` is taken (GPT-5.6 and later).
    pub breakpoints: bool,
    /// Thinking is turned off (`reasoning_effort: none`).
    pub no_reasoning: bool,
    /// Reasoning text is sent back with the calls it led to.
    pub reasoning_back: bool,
    /// The other interface is not there, or was given up.
    pub only_api: bool,
    /// The other name of the limit was refused.
    pub only_limit: bool,
}

/// Which interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// `/chat/completions`, which every server has.
    Chat,
    /// `/responses`: what OpenAI's models from GPT-5.4 on need to think and call
    /// tools in one request.
    Responses,
}

/// What the model answers through, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Calls of tools.
    Tools,
    /// A text that the server holds to the answer tool's schema.
    Schema,
    /// A text that is asked to be JSON.
    Prose,
}

/// How far a tool can be demanded, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// A tool by name.
    Named,
    /// Any tool.
    Required,
    /// Not at all.
    Auto,
}

/// The name of the output limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// `max_completion_tokens`, which counts thinking as well.
    Completion,
    /// `max_tokens`, the older name.
    Tokens,
}

/// Where the instructions stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// In a message of their own.
    Own,
    /// At the head of the first user message: some chat templates know no system role.
    InUser,
}

impl Dialect {
    /// What OpenAI's own service takes for a model.
    pub fn openai(model: &str) -> Self {
        let generation = generation(model);
        Dialect {
            api: if needs_responses(model) { Api::Responses } else { Api::Chat },
            form: Form::Tools,
            choice: Choice::Named,
            limit: Limit::Completion,
            system: System::Own,
            strict: true,
            stream: true,
            counts: true,
            cache_key: true,
            breakpoints: generation >= Some((5, 6)),
            no_reasoning: false,
            reasoning_back: false,
            only_api: false,
            only_limit: false,
        }
    }

    /// What a server of which nothing is known is first asked with: what most take.
    pub fn compatible() -> Self {
        Dialect {
            limit: Limit::Tokens,
            strict: false,
            cache_key: false,
            breakpoints: false,
            api: Api::Chat,
            ..Dialect::openai("")
        }
    }

    /// The next thing to try after a refusal; `None` if it is about nothing that
    /// a request can do without. Each step gives something up, so that a row of
    /// refusals ends.
    pub fn learn(self, refusal: &Refusal) -> Option<Dialect> {
        let says = |words: &[&str]| words.iter().any(|word| refusal.text.contains(word));
        let refuses = || {
            says(&[
                "not support",
                "n't support",
                "unsupported",
                "not permitted",
                "not allowed",
                "not enabled",
                "not implemented",
                "unrecognized",
                "unrecognised",
                "unknown",
                "unexpected",
                "invalid",
                "requires",
                "extra inputs",
                "extra_forbidden",
                "no endpoints found",
            ])
        };
        let mut next = self;
        match refusal.status {
            400 | 404 | 405 | 422 | 500 | 501 => {}
            _ => return None,
        }
        let about_model = says(&["model_not_found", "does not exist", "deploymentnotfound"]);
        if self.api == Api::Chat && says(&["v1/responses", "responses api"]) {
            if !self.only_api {
                next.api = Api::Responses;
            } else if !self.no_reasoning && says(&["reasoning_effort"]) {
                next.no_reasoning = true;
            } else if self.form == Form::Tools && says(&["tool", "function"]) {
                (next.form, next.no_reasoning) = (Form::Schema, false);
            }
        } else if self.api == Api::Responses
            && matches!(refusal.status, 404 | 405 | 501)
            && !about_model
        {
            (next.api, next.only_api) = (Api::Chat, true);
        } else if about_model {
            return None;
        } else if self.no_reasoning && says(&["reasoning_effort", "reasoning.effort"]) {
            (next.form, next.no_reasoning) = (Form::Schema, false);
        } else if says(&["stream_options", "include_usage"]) {
            next.counts = false;
        } else if says(&["prompt_cache_breakpoint"]) {
            next.breakpoints = false;
        } else if says(&["prompt_cache_key"]) {
            next.cache_key = false;
        } else if says(&["reasoning_content"]) && !self.reasoning_back {
            next.reasoning_back = true;
        } else if says(&["max_completion_tokens", "max_tokens"]) && !self.only_limit {
            next.only_limit = true;
            next.limit = match self.limit {
                Limit::Completion => Limit::Tokens,
                Limit::Tokens => Limit::Completion,
            };
        } else if says(&["response_format", "json_schema", "text.format", "grammar", "guided"])
            && self.form == Form::Schema
        {
            if self.strict && says(&["strict", "schema"]) && !says(&["not support", "unsupported"])
            {
                next.strict = false;
            } else {
                next.form = Form::Prose;
            }
        } else if says(&["strict", "invalid schema", "invalid_function_parameters"]) && self.strict
        {
            next.strict = false;
        } else if says(&["tool_choice", "tool choice"])
            && !(says(&["auto"]) && says(&["requires"]))
            && self.choice != Choice::Auto
            && self.form == Form::Tools
        {
            next.choice = match self.choice {
                Choice::Named => Choice::Required,
                _ => Choice::Auto,
            };
        } else if says(&["tool", "function call"]) && refuses() && self.form == Form::Tools {
            next.form = Form::Schema;
        } else if says(&["system role", "system message", "'system'", "roles must alternate"])
            && self.system == System::Own
        {
            next.system = System::InUser;
        } else if says(&["stream"]) && (refuses() || says(&["verified"])) && self.stream {
            next.stream = false;
        } else if refuses() && refusal.status != 404 && refusal.status != 500 {
            // It does not say what it is about: leave out all that can be.
            next.choice = Choice::Auto;
            (next.strict, next.counts) = (false, false);
            (next.cache_key, next.breakpoints) = (false, false);
        }
        (next != self).then_some(next)
    }
}

/// The generation of one of OpenAI's GPT models: `gpt-5.6-sol` is (5, 6).
pub fn generation(model: &str) -> Option<(u32, u32)> {
    let at = model.rfind("gpt-")?;
    let version = model[at + 4..].split(['-', '@', ':']).next()?;
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Whether OpenAI takes tools for this model only at `/responses`: from GPT-5.4
/// on unless thinking is off, and always for the `pro` and `codex` ones
/// (<https://developers.openai.com/api/docs/guides/latest-model>).
fn needs_responses(model: &str) -> bool {
    let generation = generation(model);
    generation >= Some((5, 4))
        || generation >= Some((5, 0)) && (model.contains("-pro") || model.contains("-codex"))
        || model.starts_with("o1-pro")
        || model.starts_with("o3-pro")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, text: &str) -> Refusal {
        Refusal { status, text: text.to_lowercase() }
    }

    #[test]
    fn models_of_openai_are_told_apart() {
        let check = |model: &str, api: Api, breakpoints: bool| {
            let dialect = Dialect::openai(model);
            assert_eq!((dialect.api, dialect.breakpoints), (api, breakpoints), "{model}");
        };
        check("gpt-4o", Api::Chat, false);
        check("gpt-4.1-mini", Api::Chat, false);
        check("gpt-5", Api::Chat, false);
        check("gpt-5.1-2025-11-13", Api::Chat, false);
        check("gpt-5-pro", Api::Responses, false);
        check("gpt-5.1-codex-mini", Api::Responses, false);
        check("gpt-5.4-mini", Api::Responses, false);
        check("gpt-5.6-sol", Api::Responses, true);
        check("gpt-6-luna", Api::Responses, true);
        check("gpt-6.2-sol", Api::Responses, true);
        check("openai/gpt-6.2-sol", Api::Responses, true);
        check("o3", Api::Chat, false);
        check("o3-pro", Api::Responses, false);
        check("gpt-oss-120b", Api::Chat, false);
        check("", Api::Chat, false);
    }

    #[test]
    fn refusals_teach_what_to_leave_out() {
        let check = |from: Dialect, status: u16, text: &str, to: fn(&mut Dialect)| {
            let mut expect = from;
            to(&mut expect);
            let learnt = from.learn(&refusal(status, text));
            assert_eq!(learnt, (expect != from).then_some(expect), "{text}");
        };
        let openai = Dialect::openai("gpt-4o");
        let plain = Dialect::compatible();
        check(
            openai,
            400,
            "Function tools with reasoning_effort are not supported for gpt-6-sol in /v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to 'none'.",
            |d| d.api = Api::Responses,
        );
        check(
            openai,
            404,
            "This model is only supported in v1/responses and not in v1/chat/completions.",
            |d| d.api = Api::Responses,
        );
        check(openai, 404, "model_not_found The model `x` does not exist", |_| ());
        check(
            Dialect { only_api: true, ..openai },
            400,
            "Function tools with reasoning_effort are not supported … use /v1/responses",
            |d| d.no_reasoning = true,
        );
        check(
            Dialect { no_reasoning: true, ..openai },
            400,
            "Unsupported value: 'reasoning_effort' does not support 'none' with this model.",
            |d| (d.no_reasoning, d.form) = (false, Form::Schema),
        );
        check(Dialect { api: Api::Responses, ..openai }, 404, "Not Found", |d| {
            (d.api, d.only_api) = (Api::Chat, true)
        });
        check(
            plain,
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            |d| (d.limit, d.only_limit) = (Limit::Completion, true),
        );
        check(openai, 400, "Unrecognized request argument supplied: max_completion_tokens", |d| {
            (d.limit, d.only_limit) = (Limit::Tokens, true)
        });
        check(plain, 400, "Unknown name \"stream_options\"", |d| d.counts = false);
        check(openai, 422, "body.prompt_cache_key: Extra inputs are not permitted", |d| {
            d.cache_key = false
        });
        check(openai, 400, "prompt_cache_breakpoint is not supported for this model", |_| ());
        check(openai, 400, "Invalid schema for function 'x': invalid_function_parameters", |d| {
            d.strict = false
        });
        check(plain, 400, "tool_choice: named functions are not supported", |d| {
            d.choice = Choice::Required
        });
        check(
            plain,
            400,
            "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set",
            |d| d.form = Form::Schema,
        );
        check(plain, 400, "registry.ollama.ai/library/gemma:2b does not support tools", |d| {
            d.form = Form::Schema
        });
        check(plain, 500, "tools param requires --jinja flag", |d| d.form = Form::Schema);
        check(plain, 404, "No endpoints found that support tool use.", |d| d.form = Form::Schema);
        check(
            Dialect { form: Form::Schema, ..plain },
            400,
            "response_format: json_schema is not supported",
            |d| d.form = Form::Prose,
        );
        check(plain, 400, "System role not supported", |d| d.system = System::InUser);
        check(
            openai,
            400,
            "unsupported_value stream Your organization must be verified to stream this model.",
            |d| d.stream = false,
        );
        check(
            plain,
            400,
            "The reasoning_content in the thinking mode must be passed back to the API.",
            |d| d.reasoning_back = true,
        );
        check(openai, 400, "Extra inputs are not permitted", |d| {
            (d.choice, d.strict, d.counts, d.cache_key) = (Choice::Auto, false, false, false);
        });
        check(openai, 401, "tools are not supported", |_| ());
        check(openai, 400, "You have said something strange", |_| ());
        check(openai, 500, "The server had an error", |_| ());
    }

    #[test]
    fn lessons_end() {
        let words = [
            "v1/responses",
            "not found",
            "reasoning_effort",
            "stream_options",
            "max_tokens",
            "prompt_cache_key",
            "tool_choice",
            "strict",
            "response_format",
            "tools unsupported",
            "extra inputs",
            "stream unsupported",
            "system role",
            "reasoning_content",
        ];
        let text = words.join(" ");
        for status in [400, 404, 422, 500] {
            for word in words.iter().copied().chain([text.as_str()]) {
                let mut dialect = Dialect::openai("gpt-6-sol");
                let mut steps = 0;
                while let Some(next) = dialect.learn(&refusal(status, word)) {
                    dialect = next;
                    steps += 1;
                    assert!(steps < 20, "{status} {word}: {dialect:?}");
                }
            }
        }
    }
}
