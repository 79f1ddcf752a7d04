//! From plain language and the checkout to a complete pipeline file.

pub mod plan;
pub mod prompt;
pub mod stack;
pub mod wish;

#[cfg(test)]
mod tests;

use super::portable::{self, NotCarried};
use super::{Files, Platform};

/// A generated file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Generated {
    /// The file's text.
    pub text: String,
    /// What was assumed, left out or not understood, and what a person has to set up, a
    /// sentence each.
    pub remarks: Vec<String>,
    /// What the platform cannot say of what was wanted.
    pub not_carried: Vec<NotCarried>,
}

/// Writes the file that does what is wished, by building blocks alone, with no model.
/// What the wish leaves open is taken from the checkout, then from good practice.
pub fn generate(wish: &str, platform: Platform, files: &dyn Files) -> Generated {
    let wish = wish::read(wish);
    let stack = stack::look(files);
    let plan::Planned { portable, mut remarks } = plan::plan(&wish, &stack, platform);
    let written = portable::write(&portable, platform);
    for remark in written.remarks {
        if !remarks.contains(&remark) {
            remarks.push(remark);
        }
    }
    Generated { text: written.text, remarks, not_carried: written.not_carried }
}
