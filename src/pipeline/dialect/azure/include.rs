//! Templates: found, read with their parameters, and put where they are named.

use std::rc::Rc;

use super::Reader;
use super::value::{Builder, Member, Scope, Val};
use crate::pipeline::graph::Unread;
use crate::pipeline::yaml;

/// Most templates that are read for one file, and most inside each other.
const MAX_LOADS: usize = 300;
const MAX_NESTING: usize = 50;

/// A template's name without folder and ending.
pub(super) fn stem(path: &str) -> &str {
    let path = path.split('@').next().unwrap_or(path);
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or("template")
}

/// Declared parameters with their defaults: a list of names, or a mapping.
pub(super) fn defaults(declared: &Val) -> Vec<Member> {
    if declared.is_map() {
        return declared.members().to_vec();
    }
    let one = |item: &Val| {
        let name = item.get("name")?;
        let key = name.filled()?.to_owned();
        Some(Member { key, key_span: name.span, value: item.get("default")?.clone() })
    };
    declared.items().iter().filter_map(one).collect()
}

/// A path as it is meant in the file at `from`: from the root with `/`, else from
/// the file's own folder. `None` where it leaves the checkout.
fn resolve(path: &str, from: &str) -> Option<String> {
    let path = path.replace('\\', "/");
    let mut parts: Vec<&str> = Vec::new();
    if !path.starts_with('/') {
        parts = from.split('/').collect();
        parts.pop();
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    parts.retain(|part| !part.is_empty());
    Some(parts.join("/"))
}

impl Reader<'_> {
    /// The items of a list, templates replaced by what they hold of this kind
    /// (`stages`, `jobs` or `steps`). What cannot be read stays as it is, or is what
    /// was handed to it of this kind.
    pub(super) fn expand(&mut self, list: &Val, kind: &str, out: &mut Vec<Val>) {
        for item in list.items() {
            let Some(template) = item.get("template") else {
                out.push(item.clone());
                continue;
            };
            let from = out.len();
            let parameters = item.get("parameters");
            if let Some(inner) = self.load(template, parameters) {
                if let Some(list) = inner.get(kind) {
                    self.expand(list, kind, out);
                }
                self.stack.pop();
            } else {
                match parameters.and_then(|given| given.get(kind)).filter(|list| list.is_seq()) {
                    Some(list) if !list.items().is_empty() => self.expand(list, kind, out),
                    _ => {
                        out.push(item.clone());
                        continue;
                    }
                }
            }
            if item.when.is_some() {
                let added = out.split_off(from);
                out.extend(added.into_iter().map(|value| value.under(item.when.as_ref())));
            }
        }
    }

    /// A template's top node with these parameters, its path now on the stack; else
    /// it is named as unread.
    pub(super) fn load(&mut self, template: &Val, parameters: Option<&Val>) -> Option<Val> {
        match self.try_load(template, parameters) {
            Ok(value) => Some(value),
            Err((what, why)) => {
                let unread = Unread { what, why, span: template.span };
                if !self.pipeline.unread.contains(&unread) {
                    self.pipeline.unread.push(unread);
                }
                None
            }
        }
    }

    fn try_load(
        &mut self,
        template: &Val,
        parameters: Option<&Val>,
    ) -> Result<Val, (String, &'static str)> {
        let text = template.written();
        let failed = |why| (text.clone(), why);
        if text.contains("${{") || text.contains("$(") || text.is_empty() {
            return Err(failed("computed"));
        }
        let local = match text.split_once('@') {
            None => text.as_str(),
            Some((path, "self")) => path,
            Some((path, alias)) => {
                let name = self.repositories.get(alias).map_or(alias, String::as_str);
                return Err((format!("{path}@{name}"), "remote"));
            }
        };
        let from = match template.span.file {
            0 => self.source.path,
            file => {
                let known = self.pipeline.included.get(usize::from(file) - 1);
                known.map_or("", String::as_str)
            }
        };
        let path = resolve(local, from).ok_or_else(|| failed("missing"))?;
        if self.stack.contains(&path) {
            return Err(failed("cyclic"));
        }
        if self.loads >= MAX_LOADS || self.stack.len() >= MAX_NESTING || self.fuel.get() == 0 {
            return Err(failed("too many"));
        }
        self.loads += 1;
        let tree = match self.trees.get(&path) {
            Some(tree) => Rc::clone(tree),
            None => {
                let text = self.source.files.read(&path).ok_or_else(|| failed("missing"))?;
                let tree = Rc::new(yaml::parse(&text).map_err(|_| failed("broken"))?);
                self.trees.insert(path.clone(), Rc::clone(&tree));
                tree
            }
        };
        let known = self.pipeline.included.iter().position(|one| *one == path);
        let place = known.unwrap_or_else(|| {
            self.pipeline.included.push(path.clone());
            self.pipeline.included.len() - 1
        });
        let file = u16::try_from(place + 1).map_err(|_| failed("too many"))?;
        let builder = Builder { tree: &tree, file, fuel: &self.fuel };
        let first = builder.root(&Scope::default()).ok_or_else(|| failed("missing"))?;
        let mut given: Vec<Member> =
            parameters.map(|one| one.members().to_vec()).unwrap_or_default();
        let declared = first.get("parameters").map(defaults).unwrap_or_default();
        for member in declared {
            if !given.iter().any(|known| known.key.eq_ignore_ascii_case(&member.key)) {
                given.push(member);
            }
        }
        let value = if given.is_empty() {
            first
        } else {
            let scope = Scope::default().with("parameters", Val::map(given, &first));
            builder.root(&scope).ok_or_else(|| failed("missing"))?
        };
        self.stack.push(path);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_from_the_root_or_from_the_file() {
        for (path, from, expect) in [
            ("b.yml", "ci/a.yml", Some("ci/b.yml")),
            ("/b.yml", "ci/a.yml", Some("b.yml")),
            ("../x/b.yml", "ci/a.yml", Some("x/b.yml")),
            ("..\\b.yml", "ci/a.yml", Some("b.yml")),
            ("../../b.yml", "ci/a.yml", None),
            ("./b.yml", "a.yml", Some("b.yml")),
        ] {
            assert_eq!(resolve(path, from).as_deref(), expect, "{path}");
        }
    }

    #[test]
    fn a_stem_names_a_template() {
        for (path, expect) in [
            ("ci/build.yml", "build"),
            ("v1/A.B.yml@repo", "A"),
            ("", "template"),
            ("/", "template"),
        ] {
            assert_eq!(stem(path), expect, "{path}");
        }
    }
}
