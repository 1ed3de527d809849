//! 风险提示: what an officer should look at before he decides, with the numbers that make it so (law §1.5: advice for the
//! posts, never a decision by itself).

use crate::actor::words;
use crate::application::Need;
use crate::ids::{ApplicationId, CertificateId, ClauseCode, TradeModeCode};
use crate::quantity::Quantity;
use crate::supervision::Duty;
use crate::text;
use crate::time::Day;
use crate::workflow::State;

/// The clause for research and tests: the same model again is a question (order 117, art. 42).
pub const RESEARCH_CLAUSE: &str = "1";
/// The same model again within so many days of a submission is a hint.
pub const AGAIN_WITHIN_DAYS: i64 = 365;
/// From so many earlier ones on it is 重要.
pub const AGAIN_OFTEN: usize = 3;
/// So many applications must be there before something can be called usual.
pub const USUAL_OF_MANY: usize = 5;
/// Of one applicant so many are enough.
pub const USUAL_OF_OWN: usize = 3;
/// From so many times the usual quantity on it is a hint.
pub const FAR_ABOVE: i128 = 5;
/// From so many times the usual quantity on it is 重要.
pub const VERY_FAR_ABOVE: i128 = 20;
/// From so many certificates, or days, overdue on it is 重要.
pub const OVERDUE_MANY: usize = 3;
/// See [`OVERDUE_MANY`].
pub const OVERDUE_LONG_DAYS: i64 = 90;

/// What a sentence names at most, before it says 等.
const NAMED: usize = 3;

words! {
    /// How much a hint weighs.
    Level {
        /// 重要: an opinion should answer it.
        Important = "important", "重要";
        /// 注意.
        Notice = "notice", "注意";
    }
}

/// Where one sees what a hint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// 申请基本信息 of this application.
    Basics,
    /// Its products.
    Items,
    /// Its attachments.
    Papers,
    /// An earlier application, by its number.
    Application(ApplicationId, String),
    /// All applications for the same models.
    SameModel,
    /// These certificates, each by its number.
    Certificates(Vec<(CertificateId, String)>),
}

/// One hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// How much it weighs.
    pub level: Level,
    /// What it is, with its numbers.
    pub sentence: String,
    /// Where one sees it.
    pub evidence: Evidence,
}

/// A kind of attachment, and what is there of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paper {
    /// Its name.
    pub name: String,
    /// Whether it must be there.
    pub need: Need,
    /// The label and content of the field whose number asks for it.
    pub number: Option<(&'static str, String)>,
    /// How many files there are.
    pub files: usize,
}

/// Another application of the same applicant for one of the same models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// It.
    pub id: ApplicationId,
    /// 申请单号.
    pub number: String,
    /// The model in question.
    pub model: String,
    /// Its state.
    pub state: State,
    /// Its clause.
    pub clause: ClauseCode,
    /// When it was submitted.
    pub submitted: Day,
}

/// What other applications under the same clause ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usual {
    /// The sum of an application, in hundredths of the unit.
    pub hundredths: i64,
    /// By the same applicant.
    pub is_own: bool,
}

/// The products of one HS code and unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// HS 编码.
    pub hs_code: String,
    /// 数量/重量单位, for people.
    pub unit: String,
    /// Their sum in this application, in hundredths of the unit.
    pub hundredths: i64,
    /// That of other applications.
    pub others: Vec<Usual>,
}

/// A certificate of the applicant of which something is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    /// It.
    pub id: CertificateId,
    /// 证明号.
    pub number: String,
    /// What is owed.
    pub duty: Duty,
    /// For how many days.
    pub days: i64,
}

/// What is known of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its clause.
    pub clause: ClauseCode,
    /// The clause for people.
    pub clause_name: String,
    /// Its trade mode.
    pub trade_mode: TradeModeCode,
    /// The day.
    pub today: Day,
    /// Its attachments.
    pub papers: Vec<Paper>,
    /// Other applications of the same applicant for the same models, the newest first.
    pub earlier: Vec<Earlier>,
    /// Its products.
    pub asked: Vec<Asked>,
    /// What the applicant owes.
    pub overdue: Vec<Overdue>,
}

/// 进料加工 and 来料加工: what clause 8 is for.
const PROCESSING: &[&str] = &["0214", "0255", "0615", "0654", "0715"];
/// 暂时进出货物 and 展览品.
const TEMPORARY: &[&str] = &["2600", "2700"];

/// Which trade modes a clause usually goes with.
#[derive(Debug, Clone, Copy)]
struct Modes {
    clause: &'static str,
    /// These alone; empty = any.
    usual: &'static [&'static str],
    /// None of these.
    unusual: &'static [&'static [&'static str]],
}

/// The table (law §1.3: clause 7 ⇔ 一般贸易, 8 ⇔ 进料、来料加工, 6 ⇔ 暂时进出、展览品). Advice: the manual lets both be chosen
/// freely. A clause that is not in it goes with every mode.
const MODES: &[Modes] = &[
    Modes { clause: "1", usual: &[], unusual: &[PROCESSING] },
    Modes { clause: "2", usual: &[], unusual: &[PROCESSING, TEMPORARY] },
    Modes { clause: "3", usual: &[], unusual: &[PROCESSING, TEMPORARY] },
    Modes { clause: "4", usual: &[], unusual: &[PROCESSING, TEMPORARY] },
    Modes { clause: "5", usual: &[], unusual: &[PROCESSING] },
    Modes { clause: "6", usual: TEMPORARY, unusual: &[] },
    Modes { clause: "7", usual: &["0110"], unusual: &[] },
    Modes { clause: "8", usual: PROCESSING, unusual: &[] },
];

/// Whether a clause and a trade mode are at odds; then the modes with which the clause usually goes, none when it goes with
/// most and only not with this one.
pub fn odds(clause: &ClauseCode, mode: &TradeModeCode) -> Option<&'static [&'static str]> {
    let modes = MODES.iter().find(|m| m.clause == clause.as_str())?;
    let fits = modes.usual.is_empty() || modes.usual.contains(&mode.as_str());
    let is_unusual = modes.unusual.iter().any(|of| of.contains(&mode.as_str()));
    (!fits || is_unusual).then_some(modes.usual)
}

/// Whether a model says nothing that could be compared: 无, 见附件, a dash.
pub fn is_no_model(model: &str) -> bool {
    let folded = text::fold(model);
    let says = folded.chars().any(char::is_alphanumeric);
    !says
        || matches!(
            folded.as_str(),
            "无" | "无型号" | "见附件" | "详见附件" | "见清单" | "详见清单" | "n/a" | "na" | "none"
        )
}

/// All hints, those that weigh most first. `name` says a trade mode for people.
pub fn hints(facts: &Facts, name: impl Fn(&str) -> String) -> Vec<Hint> {
    let mut out = Vec::new();
    out.extend(papers(facts));
    out.extend(refused(facts));
    out.extend(again(facts));
    out.extend(overdue(facts));
    out.extend(facts.asked.iter().filter_map(quantity));
    out.extend(at_odds(facts, name));
    out.sort_by_key(|hint| hint.level);
    out
}

/// The clause and the trade mode.
fn at_odds(facts: &Facts, name: impl Fn(&str) -> String) -> Option<Hint> {
    let usual = odds(&facts.clause, &facts.trade_mode)?;
    let mode = facts.trade_mode.as_str();
    let is = format!("免办条款“{}”与贸易方式“{}（{mode}）”通常不一致", facts.clause_name, name(mode));
    let sentence = if usual.is_empty() {
        format!("{is}，请核对。")
    } else {
        let usual: Vec<_> = usual.iter().map(|m| format!("{}（{m}）", name(m))).collect();
        format!("{is}，该条款通常使用{}，请核对。", usual.join("、"))
    };
    Some(Hint { level: Level::Notice, sentence, evidence: Evidence::Basics })
}

/// How many numbers a field holds: they are set apart by commas, semicolons or blanks.
pub fn count_numbers(field: &str) -> usize {
    field
        .split(|c: char| c.is_whitespace() || matches!(c, '、' | '，' | ',' | '；' | ';'))
        .filter(|n| !n.is_empty())
        .count()
}

/// Papers that are missing, and fewer of them than numbers.
fn papers(facts: &Facts) -> Vec<Hint> {
    let mut out = Vec::new();
    let missing: Vec<_> =
        facts.papers.iter().filter(|p| p.need == Need::Must && p.files == 0).map(|p| p.name.as_str()).collect();
    if !missing.is_empty() {
        let sentence = format!("缺少必传附件：{}。", missing.join("、"));
        out.push(Hint { level: Level::Important, sentence, evidence: Evidence::Papers });
    }
    for paper in facts.papers.iter().filter(|p| p.need != Need::Must || p.files > 0) {
        let Some((label, number)) = paper.number.as_ref() else { continue };
        let numbers = count_numbers(number);
        let name = &paper.name;
        if numbers > 0 && paper.files == 0 && paper.need == Need::IfNumber {
            let sentence = format!("已填写{label}（{number}），没有上传{name}。");
            out.push(Hint { level: Level::Important, sentence, evidence: Evidence::Papers });
        } else if paper.files > 0 && numbers > paper.files {
            let files = paper.files;
            let sentence = format!("{label}填写了 {numbers} 个，{name}只上传了 {files} 个文件，请核对是否齐全。");
            out.push(Hint { level: Level::Notice, sentence, evidence: Evidence::Papers });
        }
    }
    out
}

/// `甲、乙 等 5 个`.
fn named(names: impl Iterator<Item = String>, counter: &str) -> String {
    let names: Vec<_> = names.collect();
    let shown: Vec<_> = names.iter().take(NAMED).map(String::as_str).collect();
    let shown = shown.join("、");
    if names.len() > NAMED { format!("{shown} 等 {} {counter}", names.len()) } else { shown }
}

fn evidence_of(earlier: &[&Earlier]) -> Evidence {
    match earlier {
        [one] => Evidence::Application(one.id, one.number.clone()),
        _ => Evidence::SameModel,
    }
}

/// The same applicant did not get an exemption for the same model before.
fn refused(facts: &Facts) -> Option<Hint> {
    let is_refused = |e: &&Earlier| e.state.is_negative() || e.state == State::Terminated;
    let found: Vec<_> = facts.earlier.iter().filter(is_refused).collect();
    if found.is_empty() {
        return None;
    }
    let each = found.iter().map(|e| format!("{}（{}，{}，型号 {}）", e.number, e.submitted, e.state.label(), e.model));
    let sentence =
        format!("同一单位、相同型号有 {} 份申请未获批准：{}。请对照当时的原因。", found.len(), named(each, "份"));
    Some(Hint { level: Level::Important, sentence, evidence: evidence_of(&found) })
}

/// The same applicant asked for the same model for research before.
fn again(facts: &Facts) -> Option<Hint> {
    if facts.clause.as_str() != RESEARCH_CLAUSE {
        return None;
    }
    let since = facts.today.plus_days(-AGAIN_WITHIN_DAYS);
    let counts = |e: &&Earlier| {
        let is_over = e.state.is_negative() || matches!(e.state, State::Terminated | State::Withdrawn | State::Draft);
        e.clause == facts.clause && e.submitted >= since && !is_over
    };
    let found: Vec<_> = facts.earlier.iter().filter(counts).collect();
    if found.is_empty() {
        return None;
    }
    let level = if found.len() >= AGAIN_OFTEN { Level::Important } else { Level::Notice };
    let each = found.iter().map(|e| format!("{}（{}，型号 {}）", e.number, e.submitted, e.model));
    let sentence = format!(
        "同一单位在近 {AGAIN_WITHIN_DAYS} 天内已按同一免办条款（{}）为相同型号提交过 {} 份申请：{}。请核对是否重复申请。",
        facts.clause_name,
        found.len(),
        named(each, "份")
    );
    Some(Hint { level, sentence, evidence: evidence_of(&found) })
}

/// Earlier certificates of the applicant for which something is owed.
fn overdue(facts: &Facts) -> Option<Hint> {
    if facts.overdue.is_empty() {
        return None;
    }
    let is_long = facts.overdue.iter().any(|o| o.days > OVERDUE_LONG_DAYS);
    let level = if is_long || facts.overdue.len() >= OVERDUE_MANY { Level::Important } else { Level::Notice };
    let each = facts.overdue.iter().map(|o| {
        let what = if o.duty == Duty::WriteOff { "未核销" } else { "未说明产品去向" };
        format!("{}（{what}，逾期 {} 天）", o.number, o.days)
    });
    let sentence = format!("该单位有 {} 份证明逾期：{}。", facts.overdue.len(), named(each, "份"));
    let evidence = Evidence::Certificates(facts.overdue.iter().take(NAMED).map(|o| (o.id, o.number.clone())).collect());
    Some(Hint { level, sentence, evidence })
}

/// So many hundredths with their unit.
fn amount(hundredths: i64, unit: &str) -> String {
    format!("{} {unit}", Quantity::from_units(hundredths.saturating_mul(1_000).min(Quantity::MAX.units())))
}

/// A quantity far above what is usual: above the middle of the other applications of this HS code under this clause, or,
/// while there are few of them, above the largest of the same applicant.
fn quantity(asked: &Asked) -> Option<Hint> {
    let mut others: Vec<i64> = asked.others.iter().map(|u| u.hundredths).collect();
    others.sort_unstable();
    let own: Vec<i64> = asked.others.iter().filter(|u| u.is_own).map(|u| u.hundredths).collect();
    let (usual, of) = if others.len() >= USUAL_OF_MANY {
        let middle = *others.get((others.len() - 1) / 2)?;
        let of = format!("同一免办条款近 {} 份申请的该编码产品，每份一般（中位数）为", others.len());
        (middle, of)
    } else if own.len() >= USUAL_OF_OWN {
        (*own.iter().max()?, format!("该单位同一免办条款的 {} 份申请中，每份最多为", own.len()))
    } else {
        return None;
    };
    if usual <= 0 {
        return None;
    }
    let times = i128::from(asked.hundredths) / i128::from(usual);
    let level = match times {
        t if t >= VERY_FAR_ABOVE => Level::Important,
        t if t >= FAR_ABOVE => Level::Notice,
        _ => return None,
    };
    let sentence = format!(
        "HS 编码 {} 的产品本次合计 {}；{of} {}，本次约为其 {times} 倍。请核对数量是否与用途相称。",
        asked.hs_code,
        amount(asked.hundredths, &asked.unit),
        amount(usual, &asked.unit)
    );
    Some(Hint { level, sentence, evidence: Evidence::Items })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(s: &str) -> Day {
        s.parse().unwrap()
    }

    fn quiet() -> Facts {
        Facts {
            clause: ClauseCode::new("1"),
            clause_name: "科研测试".into(),
            trade_mode: TradeModeCode::new("0110"),
            today: day("2026-11-23"),
            papers: Vec::new(),
            earlier: Vec::new(),
            asked: Vec::new(),
            overdue: Vec::new(),
        }
    }

    fn earlier(id: i64, state: State, submitted: &str) -> Earlier {
        Earlier {
            id: ApplicationId::new(id),
            number: format!("MB{id}"),
            model: "KC-26".into(),
            state,
            clause: ClauseCode::new("1"),
            submitted: day(submitted),
        }
    }

    fn of(facts: &Facts) -> Vec<Hint> {
        hints(facts, |mode| format!("方式{mode}"))
    }

    fn only(facts: &Facts) -> Hint {
        let mut found = of(facts);
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    fn many(quantities: &[i64]) -> Vec<Usual> {
        quantities.iter().map(|q| Usual { hundredths: q * 100, is_own: false }).collect()
    }

    fn asked(pieces: i64, others: Vec<Usual>) -> Facts {
        let asked = Asked { hs_code: "8415101000".into(), unit: "台".into(), hundredths: pieces * 100, others };
        Facts { asked: vec![asked], ..quiet() }
    }

    #[test]
    fn a_case_without_anything_unusual_has_no_hint() {
        assert_eq!(of(&quiet()), []);
    }

    #[test]
    fn each_clause_says_its_trade_modes() {
        let at_odds = |clause: &str, mode: &str| odds(&ClauseCode::new(clause), &TradeModeCode::new(mode)).is_some();
        for (clause, fits, not) in [
            ("1", vec!["0110", "2600", "3010"], vec!["0214", "0715"]),
            ("4", vec!["0110", "2025"], vec!["2600", "0615"]),
            ("5", vec!["0110", "2700"], vec!["0654"]),
            ("6", vec!["2600", "2700"], vec!["0110"]),
            ("7", vec!["0110"], vec!["0214", "2600"]),
            ("8", vec!["0214", "0255", "0615", "0654", "0715"], vec!["0110"]),
            ("9", vec!["0110", "0214", "2600"], vec![]),
            ("unknown", vec!["0214"], vec![]),
        ] {
            assert!(fits.iter().all(|m| !at_odds(clause, m)), "{clause}");
            assert!(not.iter().all(|m| at_odds(clause, m)), "{clause}");
        }
        let facts = Facts { clause: ClauseCode::new("7"), trade_mode: TradeModeCode::new("0214"), ..quiet() };
        let hint = only(&facts);
        assert!(hint.sentence.contains("方式0214（0214）") && hint.sentence.contains("方式0110（0110）"), "{hint:?}");
        assert_eq!(hint.evidence, Evidence::Basics);
    }

    #[test]
    fn missing_papers_weigh_and_fewer_files_than_numbers_are_worth_a_look() {
        let paper = |need, number: Option<&str>, files| Paper {
            name: "合同".into(),
            need,
            number: number.map(|n| ("合同号", n.to_owned())),
            files,
        };
        let with = |paper| Facts { papers: vec![paper], ..quiet() };
        assert_eq!(only(&with(paper(Need::Must, None, 0))).level, Level::Important);
        assert_eq!(only(&with(paper(Need::IfNumber, Some("HT-1"), 0))).level, Level::Important);
        let fewer = only(&with(paper(Need::IfNumber, Some("HT-1、HT-2；HT-3"), 2)));
        assert_eq!((fewer.level, fewer.sentence.contains("填写了 3 个")), (Level::Notice, true));
        for quiet in [
            paper(Need::Must, None, 1),
            paper(Need::IfNumber, Some(""), 0),
            paper(Need::IfNumber, Some("HT-1"), 1),
            paper(Need::Optional, Some("HT-1"), 0),
            paper(Need::Optional, None, 0),
        ] {
            assert_eq!(of(&with(quiet.clone())), [], "{quiet:?}");
        }
    }

    #[test]
    fn the_same_model_again_for_research_counts_within_a_year() {
        let mut facts = quiet();
        facts.earlier = vec![earlier(1, State::Issued, "2025-11-22")];
        assert_eq!(of(&facts), []);
        facts.earlier = vec![earlier(1, State::Issued, "2025-11-23")];
        let hint = only(&facts);
        assert_eq!(hint.level, Level::Notice);
        assert_eq!(hint.evidence, Evidence::Application(ApplicationId::new(1), "MB1".into()));
        facts.earlier = (1..=4).map(|n| earlier(n, State::Accepting, "2026-10-01")).collect();
        let hint = only(&facts);
        assert_eq!((hint.level, &hint.evidence), (Level::Important, &Evidence::SameModel));
        assert!(hint.sentence.contains("等 4 份"), "{}", hint.sentence);
        // Another clause, then or now, is no repetition; nor what was withdrawn.
        facts.clause = ClauseCode::new("3");
        assert_eq!(of(&facts), []);
        facts = Facts { earlier: vec![earlier(1, State::Withdrawn, "2026-10-01")], ..quiet() };
        assert_eq!(of(&facts), []);
    }

    #[test]
    fn what_was_refused_or_ended_before_weighs_whatever_the_clause() {
        let states = [State::AcceptanceRefused, State::FirstReviewFailed, State::ComparingFailed, State::Terminated];
        for state in states {
            let facts = Facts {
                clause: ClauseCode::new("3"),
                earlier: vec![earlier(7, state, "2020-01-01"), earlier(8, State::Issued, "2020-01-01")],
                ..quiet()
            };
            let hint = only(&facts);
            assert_eq!(hint.level, Level::Important);
            assert!(hint.sentence.contains(state.label()) && hint.sentence.contains("MB7"), "{}", hint.sentence);
        }
    }

    #[test]
    fn certificates_overdue_weigh_by_number_and_by_days() {
        let one =
            |n: i64, days| Overdue { id: CertificateId::new(n), number: format!("Z{n}"), duty: Duty::WriteOff, days };
        let level = |overdue| only(&Facts { overdue, ..quiet() }).level;
        assert_eq!(level(vec![one(1, 90)]), Level::Notice);
        assert_eq!(level(vec![one(1, 91)]), Level::Important);
        assert_eq!(level((1..=3).map(|n| one(n, 1)).collect()), Level::Important);
    }

    #[test]
    fn a_quantity_is_compared_with_the_middle_of_others_or_the_largest_of_ones_own() {
        assert_eq!(of(&asked(1_000, many(&[1, 2, 3, 4]))), []);
        assert_eq!(of(&asked(14, many(&[1, 2, 3, 4, 900]))), []);
        let hint = only(&asked(15, many(&[1, 2, 3, 4, 900])));
        assert_eq!(hint.level, Level::Notice);
        assert!(hint.sentence.contains("近 5 份") && hint.sentence.contains("3 台") && hint.sentence.contains("5 倍"));
        assert_eq!(only(&asked(60, many(&[1, 2, 3, 4, 900]))).level, Level::Important);
        let own = |quantities: &[i64]| many(quantities).into_iter().map(|u| Usual { is_own: true, ..u }).collect();
        assert_eq!(of(&asked(1_000, own(&[1, 2]))), []);
        assert_eq!(of(&asked(49, own(&[1, 10, 2]))), []);
        assert!(only(&asked(50, own(&[1, 10, 2]))).sentence.contains("每份最多为 10 台"));
    }

    #[test]
    fn a_model_that_says_nothing_is_not_compared() {
        for says_nothing in ["无", " / ", "—", "见附件", "N/A"] {
            assert!(is_no_model(says_nothing), "{says_nothing}");
        }
        for model in ["KC-26", "无线 1", "M"] {
            assert!(!is_no_model(model), "{model}");
        }
    }

    proptest! {
        /// However large the numbers, nothing overflows, and more is never less remarkable.
        #[test]
        fn asking_for_more_never_weighs_less(
            others in prop::collection::vec(1..i64::MAX, 5..30), small in 1..i64::MAX, more in 0..i64::MAX,
        ) {
            let others: Vec<_> = others.into_iter().map(|hundredths| Usual { hundredths, is_own: false }).collect();
            let level = |hundredths| {
                let asked = Asked { hs_code: "1".into(), unit: "台".into(), hundredths, others: others.clone() };
                quantity(&asked).map_or(2, |h| i32::from(h.level != Level::Important))
            };
            prop_assert!(level(small.saturating_add(more)) <= level(small));
        }

        /// What weighs most stands first.
        #[test]
        fn hints_come_by_weight(refused in 0..5_i64, again in 0..5_i64, files in 0..2_usize, overdue_days in 1..200_i64) {
            let mut facts = Facts { trade_mode: TradeModeCode::new("0214"), ..quiet() };
            facts.earlier = (0..refused).map(|n| earlier(n, State::Terminated, "2026-01-01"))
                .chain((0..again).map(|n| earlier(100 + n, State::Issued, "2026-02-01"))).collect();
            facts.papers = vec![Paper { name: "合同".into(), need: Need::Must, number: None, files }];
            facts.overdue = vec![Overdue {
                id: CertificateId::new(1), number: "Z".into(), duty: Duty::Account, days: overdue_days,
            }];
            let found = of(&facts);
            prop_assert!(found.is_sorted_by_key(|h| h.level));
            prop_assert_eq!(found.iter().filter(|h| h.sentence.contains("未获批准")).count(), usize::from(refused > 0));
            prop_assert!(found.iter().all(|h| h.sentence.ends_with('。')));
        }
    }
}
