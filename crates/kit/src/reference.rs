//! Reference data in memory, as lists of choices: pages of forms need no statement for them.

use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};

use db::reference::ReferenceData;
use domain::application::DisposalPlan;
use domain::ids::{BureauCode, ClauseCode, PortCode, RegionCode, TradeModeCode, UnitCode};
use domain::supervision::Fate;
use domain::time::Day;

use crate::form::Choice;

/// The reference data that pages show, replaced as a whole after an import.
#[derive(Debug)]
pub struct References(RwLock<Arc<ReferenceCache>>);

impl References {
    /// Holds what was loaded.
    pub fn new(data: ReferenceData) -> Self {
        Self(RwLock::new(Arc::new(ReferenceCache(data))))
    }

    /// What holds now; keep it for the whole request.
    pub fn now(&self) -> Arc<ReferenceCache> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces it.
    pub fn replace(&self, data: ReferenceData) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ReferenceCache(data));
    }
}

/// Reference data with the names and lists of pages.
#[derive(Debug)]
pub struct ReferenceCache(ReferenceData);

impl Deref for ReferenceCache {
    type Target = ReferenceData;
    fn deref(&self) -> &ReferenceData {
        &self.0
    }
}

impl ReferenceCache {
    /// The codes from the province down to this region.
    pub fn region_levels(&self, code: &RegionCode) -> Vec<RegionCode> {
        let mut up = Vec::new();
        let mut at = self.region(code);
        while let Some(region) = at {
            up.push(region.code.clone());
            at = self.region(&region.parent);
        }
        up.reverse();
        up
    }

    /// `上海市 市辖区 浦东新区`.
    pub fn region_path(&self, code: &RegionCode) -> String {
        let names: Vec<_> =
            self.region_levels(code).iter().filter_map(|c| self.region(c)).map(|r| r.name.as_str()).collect();
        if names.is_empty() { code.to_string() } else { names.join(" ") }
    }

    /// The region whose codes, and those of all below it, begin with this.
    pub fn region_of_prefix(&self, prefix: &str) -> Option<RegionCode> {
        let code = RegionCode::new(format!("{prefix:0<6}"));
        self.region(&code).map(|r| r.code.clone())
    }

    /// `江苏省 苏州市`.
    pub fn prefix_path(&self, prefix: &str) -> String {
        self.region_of_prefix(prefix).map_or_else(|| prefix.to_owned(), |code| self.region_path(&code))
    }

    /// The deepest region that the three selects lead to, wherever it stands.
    pub fn deepest_of(&self, levels: [&str; 3]) -> Option<RegionCode> {
        let mut parent = "";
        let mut chosen = None;
        for level in levels.into_iter().take_while(|l| !l.is_empty()) {
            let code = RegionCode::new(level);
            if self.region(&code).is_none_or(|r| r.parent.as_str() != parent) {
                break;
            }
            parent = level;
            chosen = Some(code);
        }
        chosen
    }

    /// The lists of the three selects, given what is chosen in the first two.
    pub fn region_choices(&self, first: &str, second: &str) -> [Vec<Choice>; 3] {
        let below = |parent: &str| -> Vec<Choice> {
            self.regions_below(parent).map(|r| Choice::new(r.code.as_str(), r.name.as_str())).collect()
        };
        let cities = if first.is_empty() { Vec::new() } else { below(first) };
        let counties =
            if cities.iter().any(|c| c.value == second) && !second.is_empty() { below(second) } else { Vec::new() };
        [below(""), cities, counties]
    }

    /// The same, of those that can be chosen on a day, and what is chosen.
    pub fn region_choices_on(&self, chosen: [&str; 3], day: Day) -> [Vec<Choice>; 3] {
        let shown = |c: &Choice| chosen.contains(&c.value.as_str()) || self.region_holds(&c.value, day);
        self.region_choices(chosen[0], chosen[1]).map(|level| level.into_iter().filter(&shown).collect())
    }

    /// The leaf that the three selects lead to, if it can be chosen on a day or is the one that stands there.
    pub fn leaf_on(&self, levels: [&str; 3], day: Day, stands: Option<&RegionCode>) -> Option<RegionCode> {
        self.leaf_of(levels).filter(|r| stands == Some(r) || self.region_holds(r.as_str(), day))
    }

    /// The leaf that the three selects lead to, if they do.
    pub fn leaf_of(&self, levels: [&str; 3]) -> Option<RegionCode> {
        self.deepest_of(levels).filter(|c| self.is_leaf(c))
    }

    /// 免办条款 on a day, as choice cards.
    pub fn clause_choices(&self, day: Day) -> Vec<Choice> {
        self.clauses_on(day)
            .map(|c| {
                let label = format!("{}. {}", c.code, c.full_text);
                Choice::new(c.code.as_str(), label).with_note(format!("后续监管：{}", c.follow_up))
            })
            .collect()
    }

    /// Whether a clause holds on a day.
    pub fn clause_is_valid(&self, code: &str, day: Day) -> bool {
        self.clauses_on(day).any(|c| c.code.as_str() == code)
    }

    /// `1. 为科研、测试所需的产品`.
    pub fn clause_full(&self, code: &ClauseCode) -> String {
        self.clauses
            .iter()
            .find(|c| c.code == *code)
            .map_or_else(|| code.to_string(), |c| format!("{code}. {}", c.full_text))
    }

    /// The few words of a clause.
    pub fn clause_name<'a>(&'a self, code: &'a str) -> &'a str {
        self.clauses.iter().find(|c| c.code.as_str() == code).map_or(code, |c| &c.short_name)
    }

    /// What a clause asks of the goods in the end.
    pub fn fate(&self, clause: &ClauseCode) -> Fate {
        let found = self.clauses.iter().find(|c| c.code == *clause);
        Fate::of(found.iter().flat_map(|c| &c.follow_up_kinds).map(String::as_str))
    }

    /// The usual 后续处理方式 of a clause: what its last follow-up kind leads to; 装机出口 where parts leave in machines.
    pub fn default_disposal(&self, clause: &str) -> &'static str {
        let kind = self.clauses.iter().find(|c| c.code.as_str() == clause).and_then(|c| c.follow_up_kinds.last());
        match (clause, kind.map(String::as_str)) {
            ("7" | "8", _) => DisposalPlan::Export.word(),
            (_, Some("return")) => DisposalPlan::Return.word(),
            (_, Some("destruction")) => DisposalPlan::Destroy.word(),
            _ => DisposalPlan::Keep.word(),
        }
    }

    /// 贸易方式 on a day: the common ones, and the others.
    pub fn trade_mode_choices(&self, day: Day) -> (Vec<Choice>, Vec<Choice>) {
        let choice = |m: &db::reference::TradeMode| Choice::new(m.code.as_str(), format!("{}（{}）", m.name, m.code));
        let (common, other): (Vec<_>, Vec<_>) = self.trade_modes_on(day).partition(|m| m.common);
        (common.into_iter().map(choice).collect(), other.into_iter().map(choice).collect())
    }

    /// Whether a trade mode holds on a day.
    pub fn trade_mode_is_valid(&self, code: &str, day: Day) -> bool {
        self.trade_modes_on(day).any(|m| m.code.as_str() == code)
    }

    /// The name of a trade mode.
    pub fn trade_mode_name<'a>(&'a self, code: &'a str) -> &'a str {
        self.trade_modes.iter().find(|m| m.code == TradeModeCode::new(code)).map_or(code, |m| &m.name)
    }

    /// The full name of a bureau.
    pub fn bureau_name<'a>(&'a self, code: &'a BureauCode) -> &'a str {
        self.bureau(code).map_or(code.as_str(), |b| &b.name)
    }

    /// The lists of the two selects of 口岸, given the district.
    pub fn port_choices(&self, district: &str) -> [Vec<Choice>; 2] {
        let below = |parent: &str| -> Vec<Choice> {
            let ports = self.ports.iter().filter(|p| p.parent.as_str() == parent);
            ports.map(|p| Choice::new(p.code.as_str(), format!("{}（{}）", p.name, p.code))).collect()
        };
        [below(""), if district.is_empty() { Vec::new() } else { below(district) }]
    }

    /// The same, of those that can be chosen on a day.
    pub fn port_choices_on(&self, district: &str, day: Day) -> [Vec<Choice>; 2] {
        self.port_choices(district).map(|level| level.into_iter().filter(|c| self.port_holds(&c.value, day)).collect())
    }

    /// Whether a port of the second level exists.
    pub fn has_port(&self, code: &str) -> bool {
        self.ports.iter().any(|p| p.code.as_str() == code && !p.parent.as_str().is_empty())
    }

    /// The district of a port.
    pub fn port_group(&self, code: &PortCode) -> &str {
        self.ports.iter().find(|p| p.code == *code).map_or("", |p| p.parent.as_str())
    }

    /// The bureau of a port of the second level (R-2.8-18).
    pub fn port_bureau(&self, code: &str) -> Option<&BureauCode> {
        self.ports.iter().find(|p| p.code.as_str() == code && !p.parent.as_str().is_empty()).map(|p| &p.bureau)
    }

    /// `上海海关 洋山港区`.
    pub fn port_name(&self, code: &str) -> String {
        let name = |code: &str| self.ports.iter().find(|p| p.code.as_str() == code).map(|p| p.name.clone());
        let district = name(self.port_group(&PortCode::new(code)));
        [district, name(code)].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// The name of a unit.
    pub fn unit_name<'a>(&'a self, code: &'a UnitCode) -> &'a str {
        self.units.iter().find(|u| u.code == *code).map_or(code.as_str(), |u| &u.name)
    }

    /// All units.
    pub fn unit_choices(&self) -> Vec<Choice> {
        self.units.iter().map(|u| Choice::new(u.code.as_str(), u.name.as_str())).collect()
    }

    /// The units that can be chosen on a day.
    pub fn unit_choices_on(&self, day: Day) -> Vec<Choice> {
        self.unit_choices().into_iter().filter(|c| self.unit_holds(&c.value, day)).collect()
    }

    /// All countries, for files.
    pub fn country_choices(&self) -> Vec<Choice> {
        self.countries.iter().map(|c| Choice::new(c.code.as_str(), c.name.as_str())).collect()
    }

    /// The countries that can be chosen on a day, and the one that stands there.
    pub fn country_choices_on(&self, day: Day, stands: &str) -> Vec<Choice> {
        let shown = self.countries.iter().filter(|c| self.may_choose_country(c.code.as_str(), day, stands));
        shown.map(|c| Choice::new(c.code.as_str(), c.name.as_str())).collect()
    }

    /// Whether there is such a country and it can be chosen on a day, or is the one that stands there.
    pub fn may_choose_country(&self, code: &str, day: Day, stands: &str) -> bool {
        self.countries.iter().any(|c| c.code.as_str() == code) && (code == stands || self.country_holds(code, day))
    }

    /// The name of a country.
    pub fn country_name<'a>(&'a self, code: &'a str) -> &'a str {
        self.countries.iter().find(|c| c.code.as_str() == code).map_or(code, |c| &c.name)
    }

    /// Whether there is such a currency and it can be chosen on a day, or is the one that stands there.
    pub fn may_choose_currency(&self, code: &str, day: Day, stands: &str) -> bool {
        self.currencies.iter().any(|c| c.code.as_str() == code) && (code == stands || self.currency_holds(code, day))
    }

    /// The currencies that can be chosen on a day, and the one that stands there; the usual ones first.
    pub fn currency_choices_on(&self, day: Day, stands: &str) -> Vec<Choice> {
        let mut all = self.currency_choices();
        all.retain(|c| self.may_choose_currency(&c.value, day, stands));
        all
    }

    /// All currencies, the usual ones first.
    pub fn currency_choices(&self) -> Vec<Choice> {
        let usual = ["USD", "EUR", "CNY", "JPY", "GBP", "HKD", "KRW"];
        let choice = |c: &db::reference::Named<domain::ids::CurrencyCode>| {
            Choice::new(c.code.as_str(), format!("{}（{}）", c.name, c.code))
        };
        let (mut first, other): (Vec<_>, Vec<_>) =
            self.currencies.iter().partition(|c| usual.contains(&c.code.as_str()));
        first.sort_by_key(|c| usual.iter().position(|u| *u == c.code.as_str()));
        first.into_iter().chain(other).map(choice).collect()
    }

    /// The name of a kind of attachment.
    pub fn kind_name<'a>(&'a self, code: &'a str) -> &'a str {
        self.attachment_kinds.iter().find(|k| k.code.as_str() == code).map_or(code, |k| &k.name)
    }
}
