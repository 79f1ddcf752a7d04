//! What a platform's own checks refuse, beyond its schema.

pub mod jenkins;
