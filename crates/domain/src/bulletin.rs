//! 公告: where a notice of CNCA stands (R-C-01).

use crate::actor::words;
use crate::time::Instant;

words! {
    /// Where a notice stands at an instant.
    BulletinState {
        /// Written, not published.
        Draft = "draft", "草稿";
        /// Published for a later time.
        Scheduled = "scheduled", "定时发布";
        /// The public reads it.
        Published = "published", "已发布";
        /// 自动下线: its time is over.
        Expired = "expired", "已下线";
        /// 撤回, with a reason.
        Withdrawn = "withdrawn", "已撤回";
    }
}

words! {
    /// How the text of a notice is written.
    BulletinFormat {
        /// Plain text, paragraphs separated by blank lines: what was published before there was an editor.
        Plain = "plain", "纯文本";
        /// The few marks of the editor.
        Marked = "markdown", "带格式";
    }
}

impl BulletinState {
    /// Where a notice stands now.
    pub fn of(
        is_draft: bool,
        withdrawn_at: Option<Instant>,
        published_at: Instant,
        expires_at: Option<Instant>,
        now: Instant,
    ) -> Self {
        if is_draft {
            Self::Draft
        } else if withdrawn_at.is_some() {
            Self::Withdrawn
        } else if expires_at.is_some_and(|end| end <= now) {
            Self::Expired
        } else if published_at > now {
            Self::Scheduled
        } else {
            Self::Published
        }
    }

    /// Whether 发布 is offered: it is not before the public, nor waiting to be.
    pub const fn can_be_published(self) -> bool {
        match self {
            Self::Draft | Self::Withdrawn => true,
            Self::Scheduled | Self::Published | Self::Expired => false,
        }
    }

    /// Whether its 发布时间 is still open.
    pub const fn has_open_time(self) -> bool {
        match self {
            Self::Draft | Self::Scheduled | Self::Withdrawn => true,
            Self::Published | Self::Expired => false,
        }
    }

    /// Whether 撤回 is offered.
    pub const fn can_be_withdrawn(self) -> bool {
        match self {
            Self::Scheduled | Self::Published | Self::Expired => true,
            Self::Draft | Self::Withdrawn => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_c_01_a_notice_is_public_from_its_time_to_its_end() {
        let at = |n: i64| Instant::from_millis(n);
        let state = |now| BulletinState::of(false, None, at(10), Some(at(20)), at(now));
        assert_eq!(state(9), BulletinState::Scheduled);
        assert_eq!(state(10), BulletinState::Published);
        assert_eq!(state(19), BulletinState::Published);
        assert_eq!(state(20), BulletinState::Expired);
        assert_eq!(BulletinState::of(true, None, at(10), None, at(99)), BulletinState::Draft);
        assert_eq!(BulletinState::of(false, Some(at(12)), at(10), None, at(13)), BulletinState::Withdrawn);
    }
}
