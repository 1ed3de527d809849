//! Whether certificates can be signed now (E35).

use kit::app::App;
use kit::error::AppError;

/// Why no certificate can be signed now, and what to do; none when one can.
pub fn obstacle(app: &App) -> Result<Option<&'static str>, AppError> {
    Ok(match app.keys.signer()? {
        None => Some("本系统还没有签名密钥，不能发证。请联系系统管理员创建签名密钥（mianban key create）后再办理。"),
        Some(signer) if !signer.certificate().holds_at(app.now()) => Some(
            "本系统的签名密钥不在有效期内，不能发证。请联系系统管理员创建新的签名密钥（mianban key create）后再办理。",
        ),
        Some(_) => None,
    })
}
