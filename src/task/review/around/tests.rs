//! Each kind of piece, from files in memory.
