//! `doctor`: check keys, addresses and permissions before a run needs them.
