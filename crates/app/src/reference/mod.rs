//! 基础数据: what CNCA keeps on pages, by 基础数据 (R-C-02, R-C-04).

pub mod attachment_rules;
pub mod bureau_contact;
mod characteristics;
pub mod list;
pub mod reference_files;
pub mod row;
