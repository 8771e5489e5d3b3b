//! DocSpace.
