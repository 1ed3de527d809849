//! 审核要点: what a post looks at before it decides, by clause and HS class, and what it found (R-B-01 to -05).

use crate::actor::{Post, words};
use crate::ids::{ClauseCode, HsCode};
use crate::workflow::Action;

words! {
    /// What an officer found of a point.
    Finding {
        /// 符合.
        Meets = "meets", "符合";
        /// 不符合.
        Fails = "fails", "不符合";
        /// 不适用.
        NotApplicable = "not_applicable", "不适用";
    }
}

/// One point of a checklist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// Its key.
    pub code: String,
    /// What is to be so.
    pub text: String,
    /// What to look at; may be empty.
    pub hint: String,
    /// The posts that look at it.
    pub posts: Vec<Post>,
    /// The clauses that it belongs to; none = any.
    pub clauses: Vec<ClauseCode>,
    /// What the HS code of a product begins with; none = any.
    pub hs_prefixes: Vec<String>,
}

impl Point {
    /// Whether a post looks at it in an application of this clause with these products.
    pub fn belongs_to(&self, post: Post, clause: &ClauseCode, hs_codes: &[HsCode]) -> bool {
        let of_products = || hs_codes.iter().any(|c| self.hs_prefixes.iter().any(|p| c.as_str().starts_with(p)));
        self.posts.contains(&post)
            && (self.clauses.is_empty() || self.clauses.contains(clause))
            && (self.hs_prefixes.is_empty() || of_products())
    }
}

/// A point with what was found; none while nobody has looked. The words stay as they were when it was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The key of the point.
    pub code: String,
    /// Its words.
    pub text: String,
    /// What was found.
    pub finding: Option<Finding>,
}

/// The first point that is 不符合 although the case goes on: the opinion has to say why. It forbids nothing.
pub fn to_explain(action: Action, checked: &[Checked]) -> Option<&Checked> {
    match action {
        Action::Accept | Action::Pass { .. } | Action::Issue => {
            checked.iter().find(|c| c.finding == Some(Finding::Fails))
        }
        Action::Edit
        | Action::Delete
        | Action::Submit
        | Action::Resubmit { .. }
        | Action::Withdraw
        | Action::Refuse
        | Action::Return
        | Action::Fail
        | Action::RequestPaper
        | Action::PaperArrived
        | Action::SendBack { .. }
        | Action::Terminate => None,
    }
}

/// 常用意见 that all officers share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedPhrase {
    /// Its key.
    pub code: String,
    /// The words.
    pub text: String,
    /// The posts that use it.
    pub posts: Vec<Post>,
    /// The words of the decisions that it explains ([`Action::word`]).
    pub decisions: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::AfterFinal;

    fn point(clauses: &[&str], prefixes: &[&str]) -> Point {
        Point {
            code: "p".to_owned(),
            text: String::new(),
            hint: String::new(),
            posts: vec![Post::FirstReview],
            clauses: clauses.iter().map(|c| ClauseCode::new(*c)).collect(),
            hs_prefixes: prefixes.iter().map(|p| (*p).to_owned()).collect(),
        }
    }

    #[test]
    fn a_point_belongs_to_its_posts_clauses_and_products() {
        let (clause, codes) = (ClauseCode::new("1"), [HsCode::new("8415101000"), HsCode::new("8516500000")]);
        assert!(point(&[], &[]).belongs_to(Post::FirstReview, &clause, &codes));
        assert!(!point(&[], &[]).belongs_to(Post::Accept, &clause, &codes));
        assert!(point(&["3", "1"], &["8516"]).belongs_to(Post::FirstReview, &clause, &codes));
        assert!(!point(&["3"], &[]).belongs_to(Post::FirstReview, &clause, &codes));
        assert!(!point(&[], &["8703"]).belongs_to(Post::FirstReview, &clause, &codes));
        assert!(!point(&[], &["8703"]).belongs_to(Post::FirstReview, &clause, &[]));
    }

    #[test]
    fn only_a_case_that_goes_on_has_to_explain_what_fails() {
        let checked = |finding| [Checked { code: "p".to_owned(), text: "一致".to_owned(), finding }];
        let pass = Action::Pass { after_final: AfterFinal::Compare };
        let fails = checked(Some(Finding::Fails));
        for action in [Action::Accept, pass, Action::Issue] {
            assert!(to_explain(action, &fails).is_some());
            for other in [None, Some(Finding::Meets), Some(Finding::NotApplicable)] {
                assert!(to_explain(action, &checked(other)).is_none());
            }
        }
        for action in [Action::Return, Action::Refuse, Action::Fail, Action::RequestPaper] {
            assert!(to_explain(action, &fails).is_none());
        }
    }
}
