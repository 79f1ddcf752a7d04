//! Requests, replies and streams, without a network.
