//! 产品特性: what each HS code asks of a product; always mandatory (manual §2.1.2).

use crate::actor::words;
use crate::quantity::{BadAmount, Quantity};
use crate::text;

words! {
    /// How a characteristic is answered.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    CharacteristicKind {
        /// Free text.
        Text = "text", "文字";
        /// One of a list.
        Choice = "choice", "选择";
        /// A number in a fixed unit.
        Number = "number", "数值";
    }
}

/// The longest answer to a textual characteristic, in characters.
pub const LONGEST_ANSWER: usize = 200;

/// One 产品特性 of an HS code.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Characteristic {
    /// Its name.
    pub name: String,
    /// How it is answered.
    pub kind: CharacteristicKind,
    /// The list, for a choice.
    #[serde(default)]
    pub choices: Vec<String>,
    /// The unit, for a number.
    #[serde(default)]
    pub unit: String,
}

/// An answer, frozen with the name and unit of its definition: a changed definition never alters it (R-C-02).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Trait {
    /// The characteristic.
    pub name: String,
    /// What was answered.
    pub value: String,
    /// The unit of a number; otherwise empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
}

impl Characteristic {
    /// Reads one answer; the sentence says how to mend it.
    pub fn answer(&self, typed: &str) -> Result<Trait, String> {
        let value = text::one_line(typed);
        if value.is_empty() {
            let verb = match self.kind {
                CharacteristicKind::Choice => "请选择",
                CharacteristicKind::Text | CharacteristicKind::Number => "请填写",
            };
            return Err(format!("{verb}{}", self.name));
        }
        let value = match self.kind {
            CharacteristicKind::Text if value.chars().count() > LONGEST_ANSWER => {
                return Err(format!("{}不能超过 {LONGEST_ANSWER} 个字", self.name));
            }
            CharacteristicKind::Text => value,
            // Choices stand as CNCA wrote them, which need not be composed (NFC).
            CharacteristicKind::Choice => {
                let same = |c: &&String| text::one_line(c) == value;
                self.choices.iter().find(same).cloned().ok_or_else(|| format!("请从列表中选择{}", self.name))?
            }
            CharacteristicKind::Number => number(&value).map_err(|e| format!("{}{e}", self.name))?,
        };
        Ok(Trait { name: self.name.clone(), value, unit: self.unit.clone() })
    }
}

/// A number in its shortest form. Unlike goods it may be negative: 最低制冷温度 is −18 摄氏度.
fn number(typed: &str) -> Result<String, BadAmount> {
    let typed = text::half_width(typed).replace('−', "-");
    let (sign, size) = typed.strip_prefix('-').map_or(("", typed.as_str()), |size| ("-", size));
    if size.starts_with(['+', '-']) && !sign.is_empty() {
        return Err(BadAmount::NotANumber);
    }
    let size = Quantity::parse(size)?;
    Ok(if size == Quantity::ZERO { size.plain() } else { format!("{sign}{}", size.plain()) })
}

/// One answer per definition, in their order; all are mandatory (manual §2.1.2).
pub fn check_traits<'a>(defs: &[Characteristic], typed: impl Fn(usize) -> &'a str) -> Vec<Result<Trait, String>> {
    defs.iter().enumerate().map(|(n, def)| def.answer(typed(n))).collect()
}

/// The answers that survive a change of HS type: those of the same name (forms §2.7, 重新选择).
pub fn carry_over(old: &[(String, String)], new: &[Characteristic]) -> Vec<String> {
    new.iter()
        .map(|c| old.iter().find(|(name, _)| *name == c.name).map_or_else(String::new, |(_, value)| value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity() -> Characteristic {
        Characteristic {
            name: "制冷量".into(), kind: CharacteristicKind::Number, choices: vec![], unit: "千瓦".into()
        }
    }

    #[test]
    fn every_characteristic_must_be_answered() {
        assert_eq!(capacity().answer("  "), Err("请填写制冷量".into()));
        assert!(capacity().answer("三千").is_err());
        assert_eq!(capacity().answer("３.50").unwrap().value, "3.5");
        let choice = Characteristic {
            name: "用途".into(),
            kind: CharacteristicKind::Choice,
            choices: vec!["家用".into(), "商用".into()],
            unit: String::new(),
        };
        assert_eq!(choice.answer(""), Err("请选择用途".into()));
        assert!(choice.answer("军用").is_err());
        assert_eq!(choice.answer("家用").unwrap().value, "家用");
    }

    #[test]
    fn a_temperature_may_be_below_zero() {
        for (typed, kept) in [("-18", "-18"), ("－１８．５０", "-18.5"), ("−7", "-7"), ("-0", "0"), ("1,200", "1200")]
        {
            assert_eq!(capacity().answer(typed).unwrap().value, kept, "{typed}");
        }
        for typed in ["--1", "-+1", "-", "1-", "-1.123456"] {
            assert!(capacity().answer(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn a_choice_is_found_however_its_characters_are_composed() {
        let choice =
            Characteristic { kind: CharacteristicKind::Choice, choices: vec!["100\u{2126}".into()], ..capacity() };
        assert_eq!(choice.answer("100\u{2126}").unwrap().value, "100\u{2126}");
        assert_eq!(choice.answer("100\u{3a9}").unwrap().value, "100\u{2126}");
    }

    #[test]
    fn every_definition_gets_its_own_verdict() {
        let voltage = Characteristic { name: "额定电压".into(), unit: "伏".into(), ..capacity() };
        let verdicts = check_traits(&[capacity(), voltage], |n| ["", "220"][n]);
        assert_eq!(verdicts[0], Err("请填写制冷量".into()));
        assert_eq!(verdicts[1].as_ref().map(|t| (t.value.as_str(), t.unit.as_str())), Ok(("220", "伏")));
    }

    #[test]
    fn answers_of_the_same_name_survive_another_hs_type() {
        let old = vec![("制冷量".to_owned(), "3.5".to_owned()), ("用途".to_owned(), "家用".to_owned())];
        assert_eq!(carry_over(&old, &[capacity()]), ["3.5"]);
    }
}
