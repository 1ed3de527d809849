//! 产品特性 in the form of a HS type: a fixed number of lines, blank ones are none.

use std::collections::BTreeSet;

use domain::catalogue::CharacteristicKind;
use domain::text;
use kit::form::{Checker, Choice, FormData};

/// Lines of the form.
pub(super) const LINES: usize = 12;

/// The names of the fields of one line.
pub(super) struct Line {
    pub number: usize,
    pub name: String,
    pub kind: String,
    pub choices: String,
    pub unit: String,
}

/// The lines of the form.
pub(super) fn lines() -> Vec<Line> {
    (1..=LINES)
        .map(|n| Line {
            number: n,
            name: format!("c{n}_name"),
            kind: format!("c{n}_kind"),
            choices: format!("c{n}_choices"),
            unit: format!("c{n}_unit"),
        })
        .collect()
}

/// How a characteristic may be answered.
pub(super) fn kinds() -> Vec<Choice> {
    CharacteristicKind::ALL.iter().map(|k| Choice::new(k.word(), k.label())).collect()
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Stored {
    ordinal: usize,
    name: String,
    kind: String,
    choices: Vec<String>,
    unit: String,
}

/// Puts what is stored into the lines.
pub(super) fn fill(data: &mut FormData, json: &str) {
    let stored: Vec<Stored> = serde_json::from_str(json).unwrap_or_default();
    for (line, c) in lines().iter().zip(&stored) {
        data.set(&line.name, &c.name);
        data.set(&line.kind, &c.kind);
        data.set(&line.choices, &c.choices.join("；"));
        data.set(&line.unit, &c.unit);
    }
}

/// A line each: 能效等级 | 选择 | 1级；2级. What [`from_lines`] reads.
pub(super) fn in_lines(json: &str) -> String {
    let stored: Vec<Stored> = serde_json::from_str(json).unwrap_or_default();
    let lines: Vec<_> = stored
        .iter()
        .map(|c| {
            let kind = c.kind.parse::<CharacteristicKind>().map_or("", CharacteristicKind::label);
            let rest = if c.choices.is_empty() { c.unit.clone() } else { c.choices.join("；") };
            let parts = [c.name.as_str(), kind, rest.as_str()];
            parts[..if rest.is_empty() { 2 } else { 3 }].join(" | ")
        })
        .collect();
    lines.join("\n")
}

/// Puts the lines of a cell into the form; the error is for the user.
pub(super) fn from_lines(data: &mut FormData, cell: &str) -> Result<(), String> {
    let typed: Vec<_> = cell.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    if typed.len() > LINES {
        return Err(format!("产品特性最多 {LINES} 项，文件中有 {} 项", typed.len()));
    }
    for (n, line) in lines().iter().enumerate() {
        let of: Vec<_> = typed.get(n).map(|l| l.split(['|', '｜']).map(str::trim).collect()).unwrap_or_default();
        if of.len() > 3 {
            return Err(format!("第 {} 项特性应写成：名称 | 填写方式 | 选项或单位", n + 1));
        }
        let at = |n: usize| of.get(n).copied().unwrap_or_default();
        let kind = CharacteristicKind::ALL.iter().find(|k| k.label() == at(1) || k.word() == at(1));
        data.set(&line.name, at(0));
        data.set(&line.kind, kind.map_or("", |k| k.word()));
        let is_choice = kind == Some(&CharacteristicKind::Choice);
        data.set(&line.choices, if is_choice { at(2) } else { "" });
        data.set(&line.unit, if is_choice { "" } else { at(2) });
    }
    Ok(())
}

/// 制冷量（数值，千瓦）、能效等级（选择：1级；2级）.
pub(super) fn in_words(json: &str) -> String {
    let stored: Vec<Stored> = serde_json::from_str(json).unwrap_or_default();
    let words: Vec<_> = stored
        .iter()
        .map(|c| {
            let known = c.kind.parse::<CharacteristicKind>().ok();
            let kind = known.map_or("", CharacteristicKind::label);
            match (c.choices.is_empty(), c.unit.is_empty()) {
                (false, _) => format!("{}（{kind}：{}）", c.name, c.choices.join("；")),
                (true, false) => format!("{}（{kind}，{}）", c.name, c.unit),
                (true, true) => format!("{}（{kind}）", c.name),
            }
        })
        .collect();
    words.join("、")
}

/// What was typed into the lines, as it is stored.
pub(super) fn read(check: &mut Checker<'_>, form: &FormData) -> String {
    let mut out: Vec<Stored> = Vec::new();
    for line in lines() {
        let blank = [&line.name, &line.kind, &line.choices, &line.unit].iter().all(|f| form.get(f).trim().is_empty());
        if blank {
            continue;
        }
        let label = format!("第 {} 项特性名称", line.number);
        let name = check.text(&line.name, &label).one_line().required().length(1..=50).take();
        if !name.is_empty() && out.iter().any(|c| text::fold(&c.name) == text::fold(&name)) {
            check.error(&line.name, format!("“{name}”重复，请合并或改名"));
        }
        let kind: Option<CharacteristicKind> = form.get(&line.kind).parse().ok();
        let choices: Vec<String> =
            form.get(&line.choices).split([';', '；', '\n']).map(text::one_line).filter(|c| !c.is_empty()).collect();
        let unit = check.text(&line.unit, "单位").one_line().length(0..=20).take();
        match kind {
            None => check.error(&line.kind, format!("请选择第 {} 项的填写方式", line.number)),
            Some(CharacteristicKind::Choice) => {
                let distinct: BTreeSet<_> = choices.iter().collect();
                if choices.len() < 2 || distinct.len() != choices.len() {
                    check.error(&line.choices, "请填写至少两个不同的选项，用分号隔开");
                }
            }
            Some(CharacteristicKind::Text | CharacteristicKind::Number) if !choices.is_empty() => {
                check.error(&line.choices, "只有“选择”需要选项，请清除或改为“选择”");
            }
            Some(CharacteristicKind::Text | CharacteristicKind::Number) => {}
        }
        if !unit.is_empty() && kind.is_some_and(|k| k != CharacteristicKind::Number) {
            check.error(&line.unit, "只有“数值”需要单位，请清除或改为“数值”");
        }
        let kind = kind.map(|k| k.word().to_owned()).unwrap_or_default();
        out.push(Stored { ordinal: out.len() + 1, name, kind, choices, unit });
    }
    serde_json::to_string(&out).unwrap_or_else(|_| "[]".to_owned())
}
