//! 产品特性: what each HS code asks of a product; always mandatory (manual §2.1.2).

use crate::actor::words;
use crate::quantity::Quantity;
use crate::text;

words! {
    /// How a characteristic is answered.
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Characteristic {
    /// Its name.
    pub name: String,
    /// How it is answered.
    pub kind: CharacteristicKind,
    /// The list, for a choice.
    pub choices: Vec<String>,
    /// The unit, for a number.
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
        let value = text::normalise(typed).map_err(|e| e.to_string())?;
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
            CharacteristicKind::Choice if self.choices.contains(&value) => value,
            CharacteristicKind::Choice => return Err(format!("请从列表中选择{}", self.name)),
            CharacteristicKind::Number => Quantity::parse(&value)
                .map_err(|e| format!("{}{e}", self.name))?
                .plain(),
        };
        Ok(Trait {
            name: self.name.clone(),
            value,
            unit: self.unit.clone(),
        })
    }
}

/// The answers that survive a change of HS type: those of the same name (forms §2.7, 重新选择).
pub fn carry_over(old: &[(String, String)], new: &[Characteristic]) -> Vec<String> {
    new.iter()
        .map(|c| {
            old.iter()
                .find(|(name, _)| *name == c.name)
                .map_or_else(String::new, |(_, value)| value.clone())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number() -> Characteristic {
        Characteristic {
            name: "制冷量".into(),
            kind: CharacteristicKind::Number,
            choices: vec![],
            unit: "千瓦".into(),
        }
    }

    #[test]
    fn every_characteristic_must_be_answered() {
        assert_eq!(number().answer("  "), Err("请填写制冷量".into()));
        assert!(number().answer("三千").is_err());
        assert_eq!(number().answer("３.50").unwrap().value, "3.5");
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
    fn answers_of_the_same_name_survive_another_hs_type() {
        let old = vec![
            ("制冷量".to_owned(), "3.5".to_owned()),
            ("用途".to_owned(), "家用".to_owned()),
        ];
        assert_eq!(carry_over(&old, &[number()]), ["3.5"]);
    }
}
