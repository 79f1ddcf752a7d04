//! People ask in comments, black box: the binary as a job starts it, against an
//! in-memory GitHub and a scripted model. Exchange by exchange: who gets an
//! answer, where, and that nobody gets two.

mod exchanges;
mod support;
