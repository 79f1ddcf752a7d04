//! Edits of Jenkinsfiles as splices.
