//! 产品最终使用地行政区划 → 检验检疫局 → its 业务下放规则 → the bureau of each step (manual §2.1.3).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

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
            let best = rules.iter().filter(|r| r.steps.contains(&step) && holds(r, of)).max_by_key(|r| rank(r));
            Stop { step, bureau: best.map_or_else(|| direct.clone(), |r| r.target.clone()), rule: best.map(|r| r.id) }
        })
        .collect()
}

/// How specific a rule is; the highest of those that hold decides.
fn rank(rule: &Delegation) -> (usize, usize, bool, bool, i64, Reverse<DelegationId>) {
    (
        length(rule.region_prefix.as_ref()),
        length(rule.hs_prefix.as_ref()),
        rule.clause.is_some(),
        rule.trade_mode.is_some(),
        rule.priority,
        Reverse(rule.id),
    )
}

/// Whether `rule` decides where `other` holds too.
pub fn outranks(rule: &Delegation, other: &Delegation) -> bool {
    rank(rule) > rank(other)
}

/// The steps for which both rules hold for one and the same application; none when there is no such application.
pub fn competing_steps(a: &Delegation, b: &Delegation) -> Vec<Step> {
    fn nested(a: Option<&String>, b: Option<&String>) -> bool {
        a.zip(b).is_none_or(|(a, b)| a.starts_with(b.as_str()) || b.starts_with(a.as_str()))
    }
    let meet = nested(a.region_prefix.as_ref(), b.region_prefix.as_ref())
        && nested(a.hs_prefix.as_ref(), b.hs_prefix.as_ref())
        && a.clause.as_ref().zip(b.clause.as_ref()).is_none_or(|(a, b)| a == b)
        && a.trade_mode.as_ref().zip(b.trade_mode.as_ref()).is_none_or(|(a, b)| a == b);
    if meet { a.steps.iter().copied().filter(|s| b.steps.contains(s)).collect() } else { Vec::new() }
}

/// A step that another bureau does once the rules are changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// The step.
    pub step: Step,
    /// Who does it under the rules before.
    pub from: BureauCode,
    /// Who does it under the rules after.
    pub to: BureauCode,
    /// Where, in the order of the regions that were asked for.
    pub regions: Vec<RegionCode>,
    /// Of some applications only: others of these regions are decided by a more specific rule.
    pub is_partial: bool,
}

/// What becomes of these regions when one set of rules takes the place of another: every kind of application that the rules
/// can tell apart is resolved under both.
pub fn shifts(direct: &BureauCode, before: &[Delegation], after: &[Delegation], regions: &[RegionCode]) -> Vec<Shift> {
    let changed: Vec<&Delegation> =
        before.iter().filter(|r| !after.contains(r)).chain(after.iter().filter(|r| !before.contains(r))).collect();
    let covers = |r: &Delegation, region: &RegionCode| {
        r.region_prefix.as_ref().is_none_or(|p| region.as_str().starts_with(p.as_str()))
    };
    // Regions that the same rules cover have the same answer.
    let mut alike: BTreeMap<Vec<bool>, Vec<&RegionCode>> = BTreeMap::new();
    for region in regions.iter().filter(|region| changed.iter().any(|r| covers(r, region))) {
        alike.entry(before.iter().chain(after).map(|r| covers(r, region)).collect()).or_default().push(region);
    }
    let mut found: BTreeMap<(Step, BureauCode, BureauCode), (Vec<RegionCode>, bool)> = BTreeMap::new();
    for members in alike.values() {
        let Some(region) = members.first().copied() else { continue };
        let here =
            |rules: &[Delegation]| -> Vec<Delegation> { rules.iter().filter(|r| covers(r, region)).cloned().collect() };
        let (old, new) = (here(before), here(after));
        let mut asked: BTreeMap<Step, u64> = BTreeMap::new();
        let mut moved: BTreeMap<(Step, BureauCode, BureauCode), u64> = BTreeMap::new();
        for sample in samples(old.iter().chain(&new)) {
            let of = Consignment {
                region,
                clause: &sample.clause,
                trade_mode: &sample.trade_mode,
                hs_codes: std::slice::from_ref(&sample.hs_code),
            };
            let touched: Vec<&&Delegation> = changed.iter().filter(|r| holds(r, &of)).collect();
            if touched.is_empty() {
                continue;
            }
            for (was, is) in route(direct, &old, &of).into_iter().zip(route(direct, &new, &of)) {
                if !touched.iter().any(|r| r.steps.contains(&was.step)) {
                    continue;
                }
                *asked.entry(was.step).or_default() += 1;
                if was.bureau != is.bureau {
                    *moved.entry((was.step, was.bureau, is.bureau)).or_default() += 1;
                }
            }
        }
        for (key, n) in moved {
            let partial = asked.get(&key.0) != Some(&n);
            let entry = found.entry(key).or_default();
            entry.0.extend(members.iter().map(|r| (*r).clone()));
            entry.1 |= partial;
        }
    }
    found
        .into_iter()
        .map(|((step, from, to), (mut members, is_partial))| {
            members.sort_by_key(|m| regions.iter().position(|r| r == m));
            Shift { step, from, to, regions: members, is_partial }
        })
        .collect()
}

/// A kind of application that rules can tell from others; an empty code is any that no rule names.
struct Sample {
    clause: ClauseCode,
    trade_mode: TradeModeCode,
    hs_code: HsCode,
}

fn samples<'a>(rules: impl Iterator<Item = &'a Delegation>) -> Vec<Sample> {
    let (mut clauses, mut modes, mut prefixes) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for rule in rules {
        clauses.insert(rule.clause.as_ref().map_or("", ClauseCode::as_str));
        modes.insert(rule.trade_mode.as_ref().map_or("", TradeModeCode::as_str));
        prefixes.insert(rule.hs_prefix.as_deref().unwrap_or_default());
    }
    for all in [&mut clauses, &mut modes, &mut prefixes] {
        all.insert("");
    }
    let mut out = Vec::new();
    for clause in &clauses {
        for mode in &modes {
            for prefix in &prefixes {
                out.push(Sample {
                    clause: ClauseCode::new(*clause),
                    trade_mode: TradeModeCode::new(*mode),
                    hs_code: HsCode::new(*prefix),
                });
            }
        }
    }
    out
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

    #[test]
    fn rules_that_no_application_meets_together_do_not_compete() {
        let both = [Step::Accept, Step::FirstReview];
        assert_eq!(competing_steps(&rule(1, Some("3205"), None, 0), &rule(2, Some("32"), Some("84"), 0)), both);
        assert!(competing_steps(&rule(1, Some("3205"), None, 0), &rule(2, Some("3201"), None, 0)).is_empty());
        assert!(competing_steps(&rule(1, None, Some("84"), 0), &rule(2, None, Some("85"), 0)).is_empty());
        let mut other = rule(2, None, None, 0);
        other.steps = vec![Step::Issue];
        assert!(competing_steps(&rule(1, None, None, 0), &other).is_empty());
    }

    #[test]
    fn a_preview_says_what_moves_and_where_only_a_part_moves() {
        let direct = BureauCode::new("320000");
        let regions: Vec<_> = ["320102", "320505", "320506"].map(RegionCode::new).to_vec();
        let repair = Delegation { clause: Some(ClauseCode::new("3")), ..rule(1, Some("3205"), None, 0) };
        let before = [repair.clone()];
        let after = [repair, rule(2, Some("32"), None, 0)];
        let found = shifts(&direct, &before, &after, &regions);
        // Clause 3 in 3205 stays with the more specific rule.
        assert_eq!(found.len(), 2, "{found:?}");
        for shift in &found {
            assert_eq!((shift.from.as_str(), shift.to.as_str()), ("320000", "B2"));
            assert_eq!(shift.regions, regions);
            assert!(shift.is_partial);
        }
        let back = shifts(&direct, &after, &before, &regions);
        assert!(back.iter().all(|s| s.from.as_str() == "B2" && s.to.as_str() == "320000"), "{back:?}");
        assert!(shifts(&direct, &after, &after, &regions).is_empty());
    }

    /// Rules that differ in everything they can differ in.
    fn any_rules() -> impl Strategy<Value = Vec<Delegation>> {
        let one = (
            proptest::option::of("32(0[15](05)?)?"),
            proptest::option::of("84(15)?|85"),
            proptest::option::of("[13]"),
            proptest::option::of("0110|2700"),
            proptest::sample::subsequence(Step::ALL.to_vec(), 1..4),
            0..3_i64,
            0..3_u8,
        );
        proptest::collection::vec(one, 0..7).prop_map(|seeds| {
            (1..)
                .zip(seeds)
                .map(|(id, (region_prefix, hs_prefix, clause, mode, steps, priority, target))| Delegation {
                    id: DelegationId::new(id),
                    target: BureauCode::new(format!("3201{target:02}")),
                    region_prefix,
                    clause: clause.map(ClauseCode::new),
                    hs_prefix,
                    trade_mode: mode.map(TradeModeCode::new),
                    steps,
                    priority,
                })
                .collect()
        })
    }

    fn bureaus(rules: &[Delegation], region: &str, clause: &str, mode: &str, hs: &str) -> Vec<Stop> {
        let (clause, mode) = (ClauseCode::new(clause), TradeModeCode::new(mode));
        let (region, hs) = (RegionCode::new(region), [HsCode::new(hs)]);
        let of = Consignment { region: &region, clause: &clause, trade_mode: &mode, hs_codes: &hs };
        route(&BureauCode::new("320000"), rules, &of)
    }

    proptest! {
        /// R-C-03: each step has exactly one bureau, which is the direct one or the target of a rule that holds.
        #[test]
        fn r_c_03_every_step_has_exactly_one_bureau(
            rules in any_rules(), region in "32(01|05)0[56]", clause in "[123]", mode in "0110|2700|0214",
            hs in "8415101000|8418500000|8544300000",
        ) {
            let stops = bureaus(&rules, &region, &clause, &mode, &hs);
            prop_assert_eq!(stops.iter().map(|s| s.step).collect::<Vec<_>>(), Step::ALL.to_vec());
            for stop in stops {
                match stop.rule {
                    None => prop_assert_eq!(stop.bureau.as_str(), "320000"),
                    Some(id) => {
                        let rule = rules.iter().find(|r| r.id == id).unwrap();
                        prop_assert!(rule.steps.contains(&stop.step) && rule.target == stop.bureau);
                        // Nothing that competes with the one that decided outranks it here.
                        for other in rules.iter().filter(|r| outranks(r, rule)) {
                            prop_assert!(
                                !competing_steps(other, rule).contains(&stop.step)
                                    || bureaus(std::slice::from_ref(other), &region, &clause, &mode, &hs)
                                        .iter().all(|s| s.step != stop.step || s.rule.is_none())
                            );
                        }
                    }
                }
            }
        }

        /// R-C-03: the preview names a region and a step when, and only when, some application there changes its bureau.
        #[test]
        fn r_c_03_the_preview_is_what_happens(
            before in any_rules(), after in any_rules(), region in "32(01|05)0[56]", clause in "[123]",
            mode in "0110|2700|0214", hs in "8415101000|8418500000|8544300000|9403600000",
        ) {
            let code = RegionCode::new(region.as_str());
            let found = shifts(&BureauCode::new("320000"), &before, &after, std::slice::from_ref(&code));
            let was = bureaus(&before, &region, &clause, &mode, &hs);
            let is = bureaus(&after, &region, &clause, &mode, &hs);
            for (was, is) in was.iter().zip(&is).filter(|(a, b)| a.bureau != b.bureau) {
                prop_assert!(
                    found.iter().any(|s| s.step == was.step && s.from == was.bureau && s.to == is.bureau),
                    "{:?} → {:?} is missing in {:?}", was, is, found
                );
            }
        }

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
