//! The little of GraphQL that is asked here: a check against GitHub's schema,
//! and the answer cut to what was asked for.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use graphql_parser::query::{
    Definition, Document, Field, OperationDefinition, Selection, SelectionSet, TypeCondition,
    Value as Argument, parse_query,
};
use graphql_parser::schema::{self, TypeDefinition, parse_schema};
use serde_json::{Map, Value, json};

type Fields = HashMap<String, (String, Vec<String>)>;

static SCHEMA: LazyLock<Option<String>> = LazyLock::new(|| {
    let path = super::contract::shared("specs/github-schema.graphql")?;
    std::fs::read_to_string(path).ok()
});

static TYPES: LazyLock<Mutex<HashMap<String, Option<Fields>>>> = LazyLock::new(Mutex::default);

/// A type's fields: the type and the arguments of each. Only its own part of
/// the schema is parsed, for all of it takes seconds.
fn fields(name: &str) -> Option<Fields> {
    let text = SCHEMA.as_deref()?;
    let mut types = TYPES.lock().unwrap();
    types
        .entry(name.to_owned())
        .or_insert_with(|| {
            let start = ["type", "interface", "input"].iter().find_map(|kind| {
                let mut from = 0;
                let needle = format!("\n{kind} {name}");
                loop {
                    let at = from + text[from..].find(&needle)?;
                    let next = text[at + needle.len()..].chars().next()?;
                    if !next.is_alphanumeric() && next != '_' {
                        return Some(at + 1);
                    }
                    from = at + 1;
                }
            })?;
            let end = start + text[start..].find("\n}")? + 2;
            let parsed = parse_schema::<String>(&text[start..end]).expect("the schema parses");
            let mut fields = Fields::new();
            for definition in parsed.definitions {
                let schema::Definition::TypeDefinition(definition) = definition else { continue };
                let list = match definition {
                    TypeDefinition::Object(object) => object.fields,
                    TypeDefinition::Interface(interface) => interface.fields,
                    TypeDefinition::InputObject(input) => {
                        for field in input.fields {
                            fields.insert(field.name, (bare(&field.value_type), Vec::new()));
                        }
                        continue;
                    }
                    _ => continue,
                };
                for field in list {
                    let arguments = field.arguments.into_iter().map(|a| a.name).collect();
                    fields.insert(field.name, (bare(&field.field_type), arguments));
                }
            }
            Some(fields)
        })
        .clone()
}

fn bare(kind: &schema::Type<'_, String>) -> String {
    match kind {
        schema::Type::NamedType(name) => name.clone(),
        schema::Type::ListType(inner) | schema::Type::NonNullType(inner) => bare(inner),
    }
}

fn operation(
    document: &Document<'_, String>,
) -> Option<(&'static str, SelectionSet<'static, String>)> {
    let definition = document.clone().into_static().definitions.into_iter().next()?;
    match definition {
        Definition::Operation(OperationDefinition::Query(query)) => {
            Some(("Query", query.selection_set))
        }
        Definition::Operation(OperationDefinition::SelectionSet(set)) => Some(("Query", set)),
        Definition::Operation(OperationDefinition::Mutation(mutation)) => {
            Some(("Mutation", mutation.selection_set))
        }
        _ => None,
    }
}

/// What is wrong with a request, by the schema.
pub fn check(request: &Value) -> Vec<String> {
    let query = request["query"].as_str().unwrap_or("");
    let document = match parse_query::<String>(query) {
        Ok(document) => document,
        Err(error) => return vec![format!("GraphQL: {error}")],
    };
    let Some((root, set)) = operation(&document) else {
        return vec!["GraphQL: no operation".to_owned()];
    };
    let mut wrong = Vec::new();
    if SCHEMA.is_some() {
        check_set(root, &set, &mut wrong);
    }
    wrong
}

fn check_set(name: &str, set: &SelectionSet<'_, String>, wrong: &mut Vec<String>) {
    let fields = fields(name);
    if fields.is_none() && set.items.iter().any(|item| matches!(item, Selection::Field(_))) {
        wrong.push(format!("GraphQL: `{name}` has no fields"));
        return;
    }
    for item in &set.items {
        let field = match item {
            Selection::Field(field) => field,
            Selection::InlineFragment(fragment) => {
                if let Some(TypeCondition::On(kind)) = &fragment.type_condition {
                    check_set(kind, &fragment.selection_set, wrong);
                }
                continue;
            }
            Selection::FragmentSpread(_) => continue,
        };
        if field.name == "__typename" {
            continue;
        }
        let Some((kind, arguments)) = fields.as_ref().and_then(|fields| fields.get(&field.name))
        else {
            wrong.push(format!("GraphQL: no field `{}` on `{name}`", field.name));
            continue;
        };
        for (argument, _) in &field.arguments {
            if !arguments.contains(argument) {
                wrong.push(format!("GraphQL: no argument `{argument}` on `{name}.{}`", field.name));
            }
        }
        if field.selection_set.items.is_empty() {
            if self::fields(kind).is_some() {
                wrong.push(format!("GraphQL: nothing is asked of `{name}.{}`", field.name));
            }
        } else {
            check_set(kind, &field.selection_set, wrong);
        }
    }
}

/// The fields of a selection, those behind `... on` included.
fn selected<'a, 'b>(set: &'a SelectionSet<'b, String>) -> Vec<&'a Field<'b, String>> {
    let mut all = Vec::new();
    for item in &set.items {
        match item {
            Selection::Field(field) => all.push(field),
            Selection::InlineFragment(fragment) => all.extend(selected(&fragment.selection_set)),
            Selection::FragmentSpread(_) => {}
        }
    }
    all
}

/// The fields below the first root field that have another name in the answer:
/// that name, the field, and its first argument.
pub fn aliases(request: &Value) -> Vec<(String, String, Value)> {
    let query = request["query"].as_str().unwrap_or("");
    let Ok(document) = parse_query::<String>(query) else { return Vec::new() };
    let Some((_, set)) = operation(&document) else { return Vec::new() };
    let Some(root) = selected(&set).into_iter().next() else { return Vec::new() };
    let value = |field: &Field<'_, String>| match field.arguments.first() {
        Some((_, Argument::Variable(name))) => request["variables"][name].clone(),
        Some((_, Argument::Int(number))) => json!(number.as_i64()),
        Some((_, Argument::String(text))) => json!(text),
        _ => Value::Null,
    };
    let fields = selected(&root.selection_set);
    let named =
        fields.into_iter().filter_map(|f| Some((f.alias.clone()?, f.name.clone(), value(f))));
    named.collect()
}

/// The root fields a request asks for.
pub fn roots(request: &Value) -> Vec<String> {
    let query = request["query"].as_str().unwrap_or("");
    let Ok(document) = parse_query::<String>(query) else { return Vec::new() };
    operation(&document)
        .map_or_else(Vec::new, |(_, set)| selected(&set).iter().map(|f| f.name.clone()).collect())
}

/// `data` cut to what the request asks for.
pub fn project(request: &Value, data: &Value) -> Value {
    let query = request["query"].as_str().unwrap_or("");
    let Ok(document) = parse_query::<String>(query) else { return Value::Null };
    operation(&document).map_or(Value::Null, |(_, set)| project_set(&set, data))
}

fn project_set(set: &SelectionSet<'_, String>, value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| project_set(set, item)).collect(),
        Value::Object(fields) if !set.items.is_empty() => {
            let mut out = Map::new();
            for field in selected(set) {
                let name = field.alias.as_ref().unwrap_or(&field.name);
                let value = fields.get(name).unwrap_or(&Value::Null);
                // Of several `... on`, the first that has something counts.
                if out.get(name).is_none_or(Value::is_null) {
                    out.insert(name.clone(), project_set(&field.selection_set, value));
                }
            }
            Value::Object(out)
        }
        other => json!(other),
    }
}
