//! What surrounds every request, through HTTP.

mod errors;
mod sessions;
mod site;
