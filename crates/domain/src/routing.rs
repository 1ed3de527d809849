//! 产品最终使用地行政区划 → 检验检疫局 → its 业务下放规则 → the bureau of each step (manual §2.1.3).

use crate::actor::{Post, words};
use crate::ids::{BureauCode, ClauseCode, DelegationId, HsCode, RegionCode, TradeModeCode};

words! {
    /// A step of the course that a direct bureau may delegate (业务下放).
    Step {
        /// 受理.
        Accept = "accept", "受理";
        /// 初审.
        FirstReview = "first_review", "初审";
        /// 终审.
        FinalReview = "final_review", "终审";
        /// 文件对比.
        Compare = "compare", "文件对比";
        /// 发证.
        Issue = "issue", "发证";
        /// 证明修改.
        Amend = "amend", "证明修改";
        /// 后续监管.
        Supervise = "supervise", "后续监管";
    }
}

impl Step {
    /// The step at which a post of the course works.
    pub const fn of(post: Post) -> Option<Self> {
        match post {
            Post::Accept => Some(Self::Accept),
            Post::FirstReview => Some(Self::FirstReview),
            Post::FinalReview => Some(Self::FinalReview),
            Post::Compare => Some(Self::Compare),
            Post::Issue => Some(Self::Issue),
            Post::AmendApprove | Post::AmendConfirm => Some(Self::Amend),
            Post::Supervise => Some(Self::Supervise),
            Post::WriteOff
            | Post::ProxyEntry
            | Post::Terminate
            | Post::BureauAdmin
            | Post::Publish
            | Post::ReferenceAdmin
            | Post::RoutingAdmin
            | Post::Statistics
            | Post::CncaAdmin => None,
        }
    }
}

/// One 业务下放 rule of a direct bureau; an absent condition means any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    /// Its id, kept in the frozen route.
    pub id: DelegationId,
    /// The bureau that does the steps.
    pub target: BureauCode,
    /// Region codes begin with this.
    pub region_prefix: Option<String>,
    /// Only this clause.
    pub clause: Option<ClauseCode>,
    /// Every product's HS code begins with this.
    pub hs_prefix: Option<String>,
    /// Only this trade mode.
    pub trade_mode: Option<TradeModeCode>,
    /// What is delegated.
    pub steps: Vec<Step>,
    /// Higher wins among equally specific rules.
    pub priority: i64,
}

/// What routing looks at: the basic information only, and the list of HS codes.
#[derive(Debug, Clone)]
pub struct Consignment<'a> {
    /// 产品最终使用地行政区划.
    pub region: &'a RegionCode,
    /// 免办条款.
    pub clause: &'a ClauseCode,
    /// 贸易方式.
    pub trade_mode: &'a TradeModeCode,
    /// The HS codes of all products.
    pub hs_codes: &'a [HsCode],
}

/// The frozen answer for one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// The step.
    pub step: Step,
    /// The bureau that does it.
    pub bureau: BureauCode,
    /// The rule that said so; none = the direct bureau itself.
    pub rule: Option<DelegationId>,
}

/// Resolves every step: among the rules whose conditions all hold, the most specific wins, in the order
/// longest region prefix, longest HS prefix, clause given, trade mode given, priority, smaller id;
/// without one the direct bureau does it itself.
pub fn route(direct: &BureauCode, rules: &[Delegation], of: &Consignment<'_>) -> Vec<Stop> {
    Step::ALL
        .iter()
        .map(|&step| {
            let best = rules.iter().filter(|r| r.steps.contains(&step) && holds(r, of)).max_by_key(|r| {
                (
                    length(r.region_prefix.as_ref()),
                    length(r.hs_prefix.as_ref()),
                    r.clause.is_some(),
                    r.trade_mode.is_some(),
                    r.priority,
                    std::cmp::Reverse(r.id),
                )
            });
            Stop { step, bureau: best.map_or_else(|| direct.clone(), |r| r.target.clone()), rule: best.map(|r| r.id) }
        })
        .collect()
}

fn length(prefix: Option<&String>) -> usize {
    prefix.map_or(0, String::len)
}

fn holds(rule: &Delegation, of: &Consignment<'_>) -> bool {
    rule.region_prefix.as_ref().is_none_or(|p| of.region.as_str().starts_with(p.as_str()))
        && rule.clause.as_ref().is_none_or(|c| c == of.clause)
        && rule.trade_mode.as_ref().is_none_or(|m| m == of.trade_mode)
        && rule.hs_prefix.as_ref().is_none_or(|p| of.hs_codes.iter().all(|h| h.as_str().starts_with(p.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule(id: i64, region: Option<&str>, hs: Option<&str>, priority: i64) -> Delegation {
        Delegation {
            id: DelegationId::new(id),
            target: BureauCode::new(format!("B{id}")),
            region_prefix: region.map(Into::into),
            clause: None,
            hs_prefix: hs.map(Into::into),
            trade_mode: None,
            steps: vec![Step::Accept, Step::FirstReview],
            priority,
        }
    }

    fn accepting(rules: &[Delegation], region: &str, hs: &[&str]) -> String {
        let hs: Vec<HsCode> = hs.iter().map(|h| HsCode::new(*h)).collect();
        let stops = route(
            &BureauCode::new("320000"),
            rules,
            &Consignment {
                region: &RegionCode::new(region),
                clause: &ClauseCode::new("1"),
                trade_mode: &TradeModeCode::new("0110"),
                hs_codes: &hs,
            },
        );
        assert_eq!(stops.len(), Step::ALL.len());
        stops[0].bureau.to_string()
    }

    #[test]
    fn without_a_rule_the_direct_bureau_does_every_step() {
        assert_eq!(accepting(&[], "320505", &["8415101000"]), "320000");
    }

    #[test]
    fn the_longer_region_wins_over_priority_and_hs() {
        let rules = [rule(1, Some("32"), Some("8415"), 9), rule(2, Some("3205"), None, 0)];
        assert_eq!(accepting(&rules, "320505", &["8415101000"]), "B2");
        assert_eq!(accepting(&rules, "320102", &["8415101000"]), "B1");
    }

    #[test]
    fn a_mixed_list_falls_to_the_less_specific_rule() {
        let rules = [rule(1, Some("32"), Some("8415"), 0), rule(2, Some("32"), None, 0)];
        assert_eq!(accepting(&rules, "320505", &["8415101000", "8418500000"]), "B2");
    }

    proptest! {
        /// Every step resolves to exactly one bureau, whatever the order of the rules.
        #[test]
        fn the_answer_does_not_depend_on_the_order_of_the_rules(
            seeds in proptest::collection::vec((proptest::option::of("32(05)?"), proptest::option::of("84(15)?"), 0..3i64), 0..8),
            region in "32(05|01)05", rotate in 0..8usize,
        ) {
            let rules: Vec<_> = seeds.iter().enumerate().map(|(n, (r, h, p))| rule(i64::try_from(n).unwrap() + 1, r.as_deref(), h.as_deref(), *p)).collect();
            let mut turned = rules.clone();
            if !turned.is_empty() { let by = rotate % turned.len(); turned.rotate_left(by); }
            prop_assert_eq!(accepting(&rules, &region, &["8415101000"]), accepting(&turned, &region, &["8415101000"]));
        }
    }
}
