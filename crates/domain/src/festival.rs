//! Public holidays as the law has them (全国年节及纪念日放假办法, 2024): what is known of a year before its notice.
//!
//! The yearly notice of the State Council says which days beside them are off and which weekends are worked. It appears in
//! November of the year before; until it is registered, only the law is known.

use crate::actor::words;
use crate::time::Day;

words! {
    /// A public holiday.
    Festival {
        /// 1 January.
        NewYear = "new_year", "元旦";
        /// The eve of the lunar year and its first three days.
        Spring = "spring", "春节";
        /// The solar term 清明.
        Qingming = "qingming", "清明节";
        /// 1 and 2 May.
        Labour = "labour", "劳动节";
        /// The fifth day of the fifth lunar month.
        DragonBoat = "dragon_boat", "端午节";
        /// The fifteenth day of the eighth lunar month.
        MidAutumn = "mid_autumn", "中秋节";
        /// 1 to 3 October.
        National = "national", "国庆节";
    }
}

/// The first year of [`LUNAR`].
const FIRST: i16 = 2025;
/// 春节, 端午节 and 中秋节 of each year from [`FIRST`] on, as month × 100 + day. They follow from the lunar calendar
/// (GB/T 33661): computed once with sxtwl and lunardate, which agree.
const LUNAR: [(u16, u16, u16); 75] = [
    (129, 531, 1006),
    (217, 619, 925),
    (206, 609, 915),
    (126, 528, 1003),
    (213, 616, 922),
    (203, 605, 912),
    (123, 624, 1001),
    (211, 612, 919),
    (131, 601, 908),
    (219, 620, 927),
    (208, 610, 916),
    (128, 530, 1004),
    (215, 618, 924),
    (204, 607, 913),
    (124, 527, 1002),
    (212, 614, 920),
    (201, 603, 910),
    (122, 622, 928),
    (210, 611, 917),
    (130, 531, 1005),
    (217, 619, 925),
    (206, 608, 915),
    (126, 529, 1004),
    (214, 615, 922),
    (202, 604, 911),
    (123, 623, 930),
    (211, 613, 919),
    (201, 601, 907),
    (219, 620, 926),
    (208, 610, 916),
    (128, 530, 1005),
    (215, 617, 924),
    (204, 606, 913),
    (124, 625, 1002),
    (212, 614, 921),
    (202, 603, 909),
    (121, 622, 928),
    (209, 611, 917),
    (129, 601, 1006),
    (217, 619, 925),
    (205, 608, 915),
    (126, 528, 1003),
    (214, 616, 923),
    (203, 604, 911),
    (123, 623, 929),
    (211, 613, 919),
    (131, 602, 908),
    (219, 620, 926),
    (207, 610, 916),
    (127, 530, 1005),
    (215, 617, 924),
    (205, 606, 912),
    (124, 624, 1001),
    (212, 614, 920),
    (202, 604, 910),
    (122, 622, 928),
    (209, 611, 917),
    (129, 601, 1006),
    (217, 619, 926),
    (206, 607, 914),
    (126, 527, 1003),
    (214, 615, 922),
    (203, 605, 911),
    (124, 623, 929),
    (210, 613, 918),
    (130, 602, 908),
    (218, 621, 927),
    (207, 609, 916),
    (127, 529, 1005),
    (215, 617, 924),
    (205, 606, 913),
    (125, 624, 930),
    (212, 614, 920),
    (201, 604, 909),
    (121, 623, 929),
];

/// The years of which the holidays by law are known.
pub fn years() -> impl Iterator<Item = i16> {
    (FIRST..).take(LUNAR.len())
}

fn day(year: i16, month_and_day: u16) -> Option<Day> {
    format!("{year:04}-{:02}-{:02}", month_and_day / 100, month_and_day % 100).parse().ok()
}

impl Festival {
    /// The day itself; none of a year that is not known.
    pub fn day(self, year: i16) -> Option<Day> {
        let (spring, dragon_boat, mid_autumn) = *LUNAR.get(usize::try_from(year.checked_sub(FIRST)?).ok()?)?;
        let of_century = u16::try_from(year % 100).ok()?;
        day(
            year,
            match self {
                Self::NewYear => 101,
                Self::Spring => spring,
                // The sun reaches 15° on 4 or 5 April in every year of the table.
                Self::Qingming => {
                    let n = (u32::from(of_century) * 2422 + 48_100) / 10_000 - u32::from(of_century) / 4;
                    400 + u16::try_from(n).ok()?
                }
                Self::Labour => 501,
                Self::DragonBoat => dragon_boat,
                Self::MidAutumn => mid_autumn,
                Self::National => 1001,
            },
        )
    }

    /// The days off by law: those of the holiday, and for each that falls on a weekend the next working day (补假). Bridges
    /// and worked weekends are not among them: nobody knows them before the notice.
    pub fn days_by_law(self, year: i16) -> Vec<Day> {
        let Some(day) = self.day(year) else { return Vec::new() };
        let (before, after) = match self {
            Self::Spring => (1, 2),
            Self::Labour => (0, 1),
            Self::National => (0, 2),
            Self::NewYear | Self::Qingming | Self::DragonBoat | Self::MidAutumn => (0, 0),
        };
        let mut off: Vec<Day> = (-before..=after).map(|n| day.plus_days(n)).collect();
        // 中秋节 may lie among the days of 国庆节.
        let taken = if self == Self::MidAutumn { Self::National.days_by_law(year) } else { Vec::new() };
        let owed = off.iter().filter(|d| d.is_weekend() || taken.contains(d)).count();
        let mut next = day.plus_days(after);
        for _ in 0..owed {
            next = next.plus_days(1);
            while next.is_weekend() || taken.contains(&next) {
                next = next.plus_days(1);
            }
            off.push(next);
        }
        off
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(festival: Festival, year: i16) -> Vec<String> {
        festival.days_by_law(year).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_law_says_which_days_are_off() {
        assert_eq!(days(Festival::NewYear, 2027), ["2027-01-01"]);
        // The eve is a Friday; Saturday and Sunday are made up for behind the last day.
        let spring = ["2027-02-05", "2027-02-06", "2027-02-07", "2027-02-08", "2027-02-09", "2027-02-10"];
        assert_eq!(days(Festival::Spring, 2027), spring);
        assert_eq!(days(Festival::Qingming, 2027), ["2027-04-05"]);
        assert_eq!(days(Festival::Labour, 2027), ["2027-05-01", "2027-05-02", "2027-05-03", "2027-05-04"]);
        assert_eq!(days(Festival::DragonBoat, 2027), ["2027-06-09"]);
        assert_eq!(days(Festival::MidAutumn, 2027), ["2027-09-15"]);
        let national = ["2027-10-01", "2027-10-02", "2027-10-03", "2027-10-04", "2027-10-05"];
        assert_eq!(days(Festival::National, 2027), national);
        // 2028: 1 October is a Sunday, made up for on the 4th; 中秋节 is the third day of 国庆节, and makes one more.
        assert_eq!(days(Festival::MidAutumn, 2028), ["2028-10-03", "2028-10-05"]);
        assert_eq!(days(Festival::Spring, 1999), Vec::<String>::new());
    }

    /// 除夕 2027 is known from the lunar calendar: a wrong row of the table would show here.
    #[test]
    fn the_table_lies_where_the_lunar_months_lie() {
        let within = |day: Option<Day>, from: &str, to: &str| {
            let text = day.unwrap().to_string();
            assert!((from..=to).contains(&&text[5..]), "{text}");
        };
        for year in years() {
            within(Festival::Spring.day(year), "01-21", "02-21");
            within(Festival::Qingming.day(year), "04-04", "04-05");
            within(Festival::DragonBoat.day(year), "05-27", "06-26");
            within(Festival::MidAutumn.day(year), "09-07", "10-08");
            // Each lunar month has 29 or 30 days, and there may be a leap month between.
            let spring = Festival::Spring.day(year).unwrap();
            let fits = |other: Day, least: i64, most: i64| (least..=most).any(|n| spring.plus_days(n) == other);
            assert!(fits(Festival::DragonBoat.day(year).unwrap(), 120, 153), "{year}");
            assert!(fits(Festival::MidAutumn.day(year).unwrap(), 219, 252), "{year}");
        }
    }

    #[test]
    fn the_registered_years_agree_with_the_law() {
        let registered = include_str!("../../../reference/holidays.csv");
        for year in [2025, 2026] {
            for festival in Festival::ALL {
                let day = festival.day(year).unwrap();
                assert!(registered.contains(&format!("{day},off,")), "{festival} {day}");
            }
        }
    }
}
