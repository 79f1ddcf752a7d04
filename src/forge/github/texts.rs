//! Many small text files at a revision in one GraphQL request:
//! <https://docs.github.com/graphql/reference/objects#blob>.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::api::Api;
use crate::forge::{ForgeError, Result};

/// Most files of one request: GitHub works on each for a few milliseconds, and
/// gives a request ten seconds.
const AT_ONCE: usize = 200;

const BLOB: &str = "... on Blob { text isBinary }";

/// See [`crate::forge::Forge::texts`]. A link reads as its target's name: an
/// object has no mode.
pub(super) async fn texts(
    api: &Api,
    revision: &str,
    paths: &[String],
    folder: Option<&str>,
) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut folder = folder;
    let mut rest = paths;
    while !rest.is_empty() || folder.is_some() {
        let (now, later) = rest.split_at(rest.len().min(AT_ONCE));
        found.extend(batch(api, revision, now, folder.take()).await?);
        rest = later;
    }
    Ok(found)
}

async fn batch(
    api: &Api,
    revision: &str,
    paths: &[String],
    folder: Option<&str>,
) -> Result<Vec<(String, String)>> {
    let (owner, name) = api.owner_and_name();
    let mut variables = Map::new();
    variables.insert("owner".to_owned(), json!(owner));
    variables.insert("name".to_owned(), json!(name));
    let mut declared = String::from("$owner: String!, $name: String!");
    let mut fields = String::new();
    // Paths go in as variables: nothing in them is read as part of the query.
    let mut ask = |alias: String, path: &str, wanted: &str| {
        let _ = write!(declared, ", ${alias}: String!");
        let _ = write!(fields, "{alias}: object(expression: ${alias}) {{ {wanted} }} ");
        variables.insert(alias, json!(format!("{revision}:{path}")));
    };
    for (at, path) in paths.iter().enumerate() {
        ask(format!("file{at}"), path, BLOB);
    }
    if let Some(folder) = folder {
        let inner = format!("... on Tree {{ entries {{ name object {{ {BLOB} }} }} }}");
        let outer = format!("... on Tree {{ entries {{ name object {{ {BLOB} {inner} }} }} }}");
        ask("folder".to_owned(), folder, &outer);
    }
    let query =
        format!("query({declared}) {{ repository(owner: $owner, name: $name) {{ {fields} }} }}");
    let answer: Answer = api.graphql_partly(&query, Value::Object(variables)).await?;
    let Some(mut objects) = answer.repository else {
        let error = anyhow::anyhow!("GitHub knows no repository {owner}/{name}");
        return Err(ForgeError::NotFound(error));
    };
    let mut found = Vec::new();
    for (at, path) in paths.iter().enumerate() {
        let object = objects.remove(&format!("file{at}")).flatten();
        found.extend(object.and_then(Object::text).map(|text| (path.clone(), text)));
    }
    if let (Some(folder), Some(Some(object))) = (folder, objects.remove("folder")) {
        below(folder, object, &mut found);
    }
    Ok(found)
}

fn below(folder: &str, object: Object, found: &mut Vec<(String, String)>) {
    for entry in object.entries.unwrap_or_default() {
        let Some(mut object) = entry.object else { continue };
        let path = format!("{folder}/{}", entry.name);
        match object.entries.take() {
            Some(entries) => below(&path, Object { entries: Some(entries), ..object }, found),
            None => found.extend(object.text().map(|text| (path, text))),
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    repository: Option<BTreeMap<String, Option<Object>>>,
}

/// A blob or a tree; a submodule's commit and a tag have nothing of either.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    text: Option<String>,
    is_binary: Option<bool>,
    entries: Option<Vec<Entry>>,
}

impl Object {
    fn text(self) -> Option<String> {
        self.text.filter(|_| self.is_binary != Some(true))
    }
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    object: Option<Object>,
}
