//! The bureau's posts: 受理, 初审, 终审, 文件对比, 发证, 强制终止 (workflow §3.1, forms §2.13).

pub mod assignment;
pub mod case;
mod checklist;
pub mod comparison;
pub mod decision;
pub mod draft;
mod hints;
pub mod history;
pub mod note_files;
pub mod notes;
mod papers;
pub mod phrases;
pub mod saved_filters;
pub mod scans;
mod selection;
pub mod termination;
pub mod transfer;
pub mod worklist;
