//! 综合查询 of officers and of CNCA: applications, certificates, products and companies by one text and a few filters.
//!
//! | file | what |
//! |---|---|
//! | `search` | the page with its tabs |
//! | `export` | everything that is found, as a file |

pub mod export;
pub mod search;
