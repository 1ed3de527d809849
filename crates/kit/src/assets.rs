//! Stylesheets, scripts and icons, embedded and served under an address that changes with their content (E28).

use std::sync::LazyLock;

use axum::Router;
use memory_serve::{Asset, CacheControl, MemoryServe};

/// Every file of `assets/dist`, written by the build script.
static FILES: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The folder of this build's assets; browsers may keep what lies below it for ever.
pub const PREFIX: &str = concat!("/static/", env!("ASSET_VERSION"));

/// The address of one asset: `url("app.css")` is `/static/<content hash>/app.css`.
pub fn url(name: &str) -> String {
    format!("{PREFIX}/{name}")
}

/// Routes of all assets, with brotli, gzip and `Cache-Control: immutable`.
pub fn router<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    /// Unpacked once per process: `into_router` keeps its buffers for ever.
    static ROUTES: LazyLock<Router<()>> = LazyLock::new(|| {
        MemoryServe::new(FILES)
            .index_file(None)
            .enable_brotli(true)
            .enable_gzip(true)
            .cache_control(CacheControl::Long)
            .into_router()
    });
    Router::new().nest(PREFIX, ROUTES.clone().with_state(()))
}
