//! 导出文件: files of long lists, made while nobody waits for them (E37).

pub mod exports;
