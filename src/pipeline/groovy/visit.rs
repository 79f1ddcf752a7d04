//! Every call of a tree, wherever it stands.

use super::tree::{Call, Statement, Value};

/// Tells every call below these statements, outer before inner. Calls in strings'
/// values are not seen.
pub fn each_call<'t>(statements: &'t [Statement], tell: &mut impl FnMut(&'t Call)) {
    for statement in statements {
        match statement {
            Statement::Call(found) => call(found, tell),
            Statement::Assign(assign) => {
                if let Some(found) = &assign.value {
                    value(found, tell);
                }
            }
            Statement::Method(method) => each_call(&method.body.statements, tell),
            Statement::Other { children, .. } => each_call(children, tell),
            Statement::Block(block) => each_call(&block.statements, tell),
        }
    }
}

fn call<'t>(found: &'t Call, tell: &mut impl FnMut(&'t Call)) {
    tell(found);
    found.args.iter().for_each(|arg| value(&arg.value, tell));
    if let Some(block) = &found.block {
        each_call(&block.statements, tell);
    }
    found.chain.iter().for_each(|linked| call(linked, tell));
}

fn value<'t>(found: &'t Value, tell: &mut impl FnMut(&'t Call)) {
    match found {
        Value::Call(found) => call(found, tell),
        Value::Closure(block) => each_call(&block.statements, tell),
        Value::List(items, _) => items.iter().for_each(|item| value(item, tell)),
        Value::Map(entries, _) => entries.iter().for_each(|entry| value(&entry.value, tell)),
        Value::Other(_, children) => each_call(children, tell),
        Value::Text(_) | Value::Joined(..) | Value::Name(..) | Value::Number(..) => {}
    }
}
