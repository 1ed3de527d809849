//! What the database layer promises when the storage or the connection fails.

mod faults;
mod silence;
