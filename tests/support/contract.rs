//! Holds requests and answers against GitHub's published API description
//! (`specs/github-contract.json`, made of GitHub's OpenAPI) and GraphQL schema.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};

use jsonschema::Validator;
use regex::Regex;
use serde_json::{Value, json};

use super::server::Request;

/// A file beside the repository that tests need but the repository does not
/// hold; says so loudly if it is not there.
pub fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PIPEWRIGHT_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let file = root.join(path);
    if file.exists() {
        return Some(file);
    }
    eprintln!("SKIPPED: no {} (set PIPEWRIGHT_SHARED)", file.display());
    None
}

/// Operations of a published API.
pub struct Contract {
    /// Of all contracts, to tell compiled schemas apart.
    name: &'static str,
    defs: Value,
    ops: Vec<Op>,
}

struct Op {
    id: String,
    method: String,
    path: Regex,
    spec: Value,
}

static CONTRACT: LazyLock<Option<Contract>> = LazyLock::new(|| {
    let text = std::fs::read(shared("specs/github-contract.json")?).ok()?;
    Some(Contract::read("", &text))
});

/// The operations of the same description that times of past runs are read with.
static ACTIONS: LazyLock<Contract> = LazyLock::new(|| {
    Contract::read("actions", include_bytes!("../fixtures/ci/github-actions.json"))
});

/// The contract that knows of a path, if any is at hand.
fn contract_of(path: &str) -> Option<&'static Contract> {
    match path.contains("/actions/workflows/") {
        true => CONTRACT.as_ref().map(|_| &*ACTIONS),
        false => CONTRACT.as_ref(),
    }
}

impl Contract {
    /// A contract as `openapi_to_contract.py` writes it.
    pub fn read(name: &'static str, text: &[u8]) -> Self {
        let mut whole: Value = serde_json::from_slice(text).expect("the contract is JSON");
        let ops = whole["ops"].as_array_mut().expect("the contract has operations");
        let ops = ops
            .drain(..)
            .map(|spec| Op {
                id: spec["id"].as_str().unwrap_or("").to_owned(),
                method: spec["method"].as_str().unwrap_or("").to_owned(),
                path: Regex::new(spec["regex"].as_str().unwrap_or("")).expect("a path's pattern"),
                spec,
            })
            .collect();
        Contract { name, defs: whole["$defs"].take(), ops }
    }
}

/// Compiled when first used: all at once takes seconds.
static COMPILED: LazyLock<Mutex<HashMap<String, &'static Validator>>> =
    LazyLock::new(Mutex::default);

impl Contract {
    fn find(&self, method: &str, path: &str) -> Option<&Op> {
        // Some parameters may hold slashes: the pattern with most fixed words wins.
        let fixed = |op: &&Op| {
            let template = op.spec["path"].as_str().unwrap_or("");
            template.split('/').filter(|segment| !segment.starts_with('{')).count()
        };
        self.ops.iter().filter(|op| op.method == method && op.path.is_match(path)).max_by_key(fixed)
    }

    fn validator(&self, key: String, schema: &Value) -> &'static Validator {
        let mut compiled = COMPILED.lock().unwrap();
        compiled.entry(format!("{} {key}", self.name)).or_insert_with(|| {
            let schema = json!({ "$defs": self.defs, "allOf": [schema] });
            Box::leak(Box::new(jsonschema::validator_for(&schema).expect("a schema that compiles")))
        })
    }

    fn check(&self, key: String, schema: &Value, value: &Value) -> Vec<String> {
        let validator = self.validator(key, schema);
        validator.iter_errors(value).map(|e| format!("{} at {}", e, e.instance_path())).collect()
    }
}

/// What is wrong with a request, in words; nothing where the contract is absent.
pub fn check_request(request: &Request, path: &str) -> Vec<String> {
    let Some(contract) = contract_of(path) else { return Vec::new() };
    let mut wrong = Vec::new();
    if request.header("user-agent").is_none_or(str::is_empty) {
        wrong.push("no user-agent".to_owned());
    }
    if request.header("x-github-api-version").is_none() {
        wrong.push("no x-github-api-version".to_owned());
    }
    if path == "/graphql" {
        wrong.extend(super::graphql::check(&request.json()));
        return wrong;
    }
    wrong.extend(contract.check_operation(request, path));
    wrong
}

impl Contract {
    /// What is wrong with a request beside its headers, in words.
    pub fn check_operation(&self, request: &Request, path: &str) -> Vec<String> {
        let contract = self;
        let mut wrong = Vec::new();
        let Some(op) = contract.find(&request.method, path) else {
            wrong.push("no such operation".to_owned());
            return wrong;
        };
        for (name, parameter) in op.spec["query"].as_object().into_iter().flatten() {
            if parameter["required"] == true && request.query(name).is_none() {
                wrong.push(format!("{}: no `{name}`", op.id));
            }
        }
        let query = request.target.split_once('?').map_or("", |(_, query)| query);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match op.spec["query"].get(name) {
                None => wrong.push(format!("{}: no query parameter `{name}`", op.id)),
                Some(parameter) => {
                    let number = parameter["schema"]["type"] == "integer";
                    let truth = parameter["schema"]["type"] == "boolean";
                    let value = match value.parse::<i64>() {
                        Ok(value) if number => json!(value),
                        _ if truth => json!(value.parse::<bool>().ok()),
                        // As in `status=a&status=b`.
                        _ if parameter["schema"]["type"] == "array" => {
                            json!([super::server::decode(value)])
                        }
                        _ => json!(super::server::decode(value)),
                    };
                    let key = format!("{} ?{name}", op.id);
                    wrong.extend(contract.check(key, &parameter["schema"], &value));
                }
            }
        }
        let schema = &op.spec["body"];
        if request.body.is_empty() {
            if op.spec["body_required"] == true {
                wrong.push(format!("{}: no body", op.id));
            }
        } else if schema.is_null() {
            wrong.push(format!("{}: a body", op.id));
        } else {
            let errors = contract.check(format!("{} body", op.id), schema, &request.json());
            wrong.extend(errors.into_iter().map(|error| format!("{}: {error}", op.id)));
        }
        wrong
    }

    /// What is wrong with an answer of ours, in words.
    pub fn check_answer(&self, method: &str, path: &str, status: u16, body: &Value) -> Vec<String> {
        let Some(op) = self.find(method, path) else { return Vec::new() };
        let schema = &op.spec["responses"][status.to_string()];
        if schema.is_null() {
            return Vec::new();
        }
        let errors = self.check(format!("{} {status}", op.id), schema, body);
        errors.into_iter().take(3).map(|error| format!("{} {status}: {error}", op.id)).collect()
    }

    /// Give an answer the fields that the host always sends, with plain values.
    pub fn fill(&self, method: &str, path: &str, status: u16, body: &mut Value) {
        let Some(op) = self.find(method, path) else { return };
        fill_by(&self.defs, &op.spec["responses"][status.to_string()], body, 0);
    }
}

/// What is wrong with an answer of ours, in words.
pub fn check_answer(method: &str, path: &str, status: u16, body: &Value) -> Vec<String> {
    contract_of(path).map_or_else(Vec::new, |all| all.check_answer(method, path, status, body))
}

/// Give an answer the fields that GitHub always sends and this fake has no use
/// for, with plain values: so it has GitHub's shape and nearly its size.
pub fn fill(method: &str, path: &str, status: u16, body: &mut Value) {
    if let Some(contract) = contract_of(path) {
        contract.fill(method, path, status, body);
    }
}

fn resolve<'a>(defs: &'a Value, mut schema: &'a Value) -> &'a Value {
    while let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        schema = &defs[reference.trim_start_matches("#/$defs/")];
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        if schema.get("properties").is_none()
            && let Some(first) = schema.get(key).and_then(|list| list.get(0))
        {
            return resolve(defs, first);
        }
    }
    schema
}

fn fill_by(defs: &Value, schema: &Value, value: &mut Value, depth: usize) {
    let schema = resolve(defs, schema);
    match value {
        Value::Object(fields) => {
            let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
            for name in required.iter().filter_map(Value::as_str) {
                if !fields.contains_key(name) {
                    fields.insert(
                        name.to_owned(),
                        plain(defs, &schema["properties"][name], depth + 1),
                    );
                }
            }
            for (name, field) in fields.iter_mut() {
                if let Some(schema) = schema["properties"].get(name) {
                    fill_by(defs, schema, field, depth + 1);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                fill_by(defs, &schema["items"], item, depth + 1);
            }
        }
        _ => {}
    }
}

fn plain(defs: &Value, schema: &Value, depth: usize) -> Value {
    let nullable = |schema: &Value| {
        schema["type"].as_array().is_some_and(|types| types.contains(&json!("null")))
            || schema["anyOf"].as_array().is_some_and(|any| any.contains(&json!({"type": "null"})))
    };
    if nullable(schema) || nullable(resolve(defs, schema)) {
        return Value::Null;
    }
    let schema = resolve(defs, schema);
    if let Some(first) = schema["enum"].as_array().and_then(|list| list.first()) {
        return first.clone();
    }
    let kind = schema["type"].as_array().map_or(&schema["type"], |types| &types[0]);
    match kind.as_str() {
        Some("string") => match schema["format"].as_str() {
            Some("date-time") => json!("2026-01-01T00:00:00Z"),
            Some("uri") => json!("https://example.test/"),
            _ => json!("x"),
        },
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(false),
        Some("array") => json!([]),
        _ if depth > 12 => json!({}),
        _ => {
            let mut value = json!({});
            fill_by(defs, schema, &mut value, depth);
            value
        }
    }
}
