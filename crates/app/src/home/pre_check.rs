//! 办前自查: before an application, without login: is the product in the catalogue, is anything needed at all
//! (order 117, art. 41), which clause fits (art. 42), which papers, which bureau. Every answer lies in the query, so the
//! page needs no script, no session and no statement, and 后退 works.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use domain::actor::Actor;
use domain::application::Need;
use domain::ids::{ClauseCode, RegionCode};
use domain::time::Day;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FieldErrors, FormData, FormView};
use kit::page;
use kit::reference::ReferenceCache;
use kit::session::Caller;
use kit::shell::Shell;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::frame;

/// The answer that nothing offered fits.
const NONE: &str = "none";
/// The list of hits, below the search of the first step.
const HITS: &str = "hits";
/// The step that asks for the city too.
const CITY: &str = "city";
/// More hits than these ask for a closer search.
const SHOWN: usize = 30;

/// Art. 41: who needs no exemption at all.
const NOT_NEEDED: [(&str, &str); 5] = [
    ("embassy", "外国驻华使馆、领事馆或者国际组织驻华机构及其外交人员的自用物品"),
    ("sar", "香港、澳门特别行政区政府驻大陆官方机构及其工作人员的自用物品"),
    ("traveller", "入境人员随身从境外带入境内的自用物品"),
    ("aid", "外国政府援助、赠送的物品"),
    ("law", "其他依法无需办理强制性产品认证的情形"),
];

/// The clauses of art. 42 as questions, by code; a clause without one is asked with its own wording.
const QUESTIONS: [(&str, &str); 9] = [
    ("1", "产品本身是研发或测试的对象，只用于科研、测试，不销售，也不提供给消费者（实验室使用的仪器设备不在此列）"),
    ("2", "工厂引进生产线，进口零部件用来考核这条生产线"),
    ("3", "产品直接用于最终用户手中设备的维修，数量与维修需要相当"),
    ("4", "设备或部件装在工厂自用的生产线或成套生产线上，不是办公用品"),
    ("5", "产品只用于商业展示，不销售；能说明展示时间和展后的处理方式"),
    ("6", "产品（含展览品）暂时进口，之后全部退运出关"),
    ("7", "零部件以一般贸易方式进口，装入全部出口的整机"),
    ("8", "零部件以进料加工或来料加工方式进口，装入全部出口的整机"),
    ("9", "有其他特殊用途，并能提供证明材料"),
];

/// The answers so far.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Answers {
    #[serde(default)]
    code: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    hs: String,
    #[serde(default)]
    exempt: String,
    #[serde(default)]
    clause: String,
    #[serde(default)]
    province: String,
    #[serde(default)]
    city: String,
    /// The step whose button was pressed: an answer that is still missing there is a mistake.
    #[serde(default)]
    at: String,
}

impl Answers {
    /// The answers in order, each with the step that asks for it.
    fn pairs(&self) -> [(u8, &'static str, &str); 7] {
        [
            (1, "code", &self.code),
            (1, "name", &self.name),
            (1, "hs", &self.hs),
            (2, "exempt", &self.exempt),
            (3, "clause", &self.clause),
            (4, "province", &self.province),
            (4, "city", &self.city),
        ]
    }

    /// What a form of this step carries along.
    fn before(&self, step: u8) -> Vec<(&'static str, String)> {
        let given = self.pairs().into_iter().filter(|(at, _, value)| *at < step && !value.is_empty());
        given.map(|(_, key, value)| (key, value.to_owned())).collect()
    }

    /// Back to a step: its answer and all later ones are asked again.
    fn back_to(&self, step: u8) -> String {
        let query: Vec<_> = self
            .before(step)
            .iter()
            .map(|(k, v)| format!("{k}={}", utf8_percent_encode(v, NON_ALPHANUMERIC)))
            .collect();
        if query.is_empty() { "/pre-check".to_owned() } else { format!("/pre-check?{}", query.join("&")) }
    }
}

/// An answer, as the summary repeats it.
struct Given {
    label: &'static str,
    value: String,
    change: String,
}

/// Why an application is not the next thing to do.
struct Stop {
    title: &'static str,
    text: &'static str,
    more: &'static str,
}

/// Everything an applicant should know.
struct Advice {
    clause: String,
    follow_up: String,
    papers: Vec<(&'static str, Vec<String>)>,
    bureau: String,
    contact: String,
    validity_days: i64,
    /// 新申请 with the clause chosen, and the log-in that leads there.
    apply: String,
    login: String,
}

#[derive(Template)]
#[template(path = "home/pre_check.html")]
struct PreCheckPage {
    shell: Shell,
    form: FormView,
    step: u8,
    carried: Vec<(&'static str, String)>,
    back: String,
    given: Vec<Given>,
    /// Step 1: the types that fit, and whether there are more.
    searched: bool,
    found: usize,
    shown: usize,
    choices: Vec<Choice>,
    cities: Vec<Choice>,
    stop: Option<Stop>,
    advice: Option<Advice>,
    is_enterprise: bool,
}

/// The page: the first question without a true answer, or what follows from all of them.
pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Query(answers): Query<Answers>,
) -> Result<Response, AppError> {
    let references = app.references.now();
    let today = app.clock.today();
    let answers = trusted(answers, &references, today);
    let is_enterprise = caller.session.as_ref().is_some_and(|s| matches!(s.actor, Actor::Enterprise(_)));
    let mut page = PreCheckPage {
        shell: frame::public(&app, &caller, "办前自查"),
        form: FormView::blank(&caller.csrf),
        step: 5,
        carried: Vec::new(),
        back: String::new(),
        given: given(&answers, &references),
        searched: false,
        found: 0,
        shown: 0,
        choices: Vec::new(),
        cities: Vec::new(),
        stop: None,
        advice: None,
        is_enterprise,
    };
    if answers.hs.is_empty() {
        ask_product(&mut page, &answers, &references, today);
    } else if answers.hs == NONE {
        page.stop = Some(Stop {
            title: "本系统收录的目录产品中没有您的产品",
            text: "不在强制性产品认证目录内的产品，不需要办理免办证明。",
            more: "本系统的产品类型按 HS 编码收录，可能与您使用的名称不同。请核对国家认监委公布的目录；不能确定时，请向检验检疫局咨询。",
        });
    } else if answers.exempt.is_empty() {
        page.step = 2;
        page.choices = NOT_NEEDED.iter().map(|(value, label)| Choice::new(*value, *label)).collect();
        page.choices.push(Choice::new(NONE, "以上都不是"));
    } else if answers.exempt != NONE {
        page.stop = Some(Stop {
            title: "无需办理强制性产品认证，也不用申请免办证明",
            text: "您选择的情形属于《强制性产品认证管理规定》第四十一条的“无需办理”，请不要在本系统提交申请。",
            more: "通关时如被要求说明，请向检验检疫局咨询。",
        });
    } else if answers.clause.is_empty() {
        page.step = 3;
        page.choices = references.clauses_on(today).map(question).collect();
        page.choices.push(Choice::new(NONE, "以上都不是").with_note("例如进口后销售"));
    } else if answers.clause == NONE {
        page.stop = Some(Stop {
            title: "没有适用的免办条款",
            text: "《强制性产品认证管理规定》第四十二条的免办情形都不适用时，目录内产品应先取得强制性产品认证。",
            more: "不能确定用途属于哪一条时，请向检验检疫局咨询。",
        });
    } else {
        let region = if answers.city.is_empty() { &answers.province } else { &answers.city };
        page.cities = cities(&references, &answers.province, today);
        if region.is_empty() || (!page.cities.is_empty() && answers.city.is_empty()) {
            page.step = 4;
            page.choices =
                references.regions_below("").map(|r| Choice::new(r.code.as_str(), r.name.as_str())).collect();
        } else {
            page.advice = Some(advice(&references, &answers, &RegionCode::new(region.clone()), today));
        }
    }
    page.carried = answers.before(page.step);
    page.back = if page.step > 1 { answers.back_to(page.step - 1) } else { "/".to_owned() };
    let errors = missing(&page, &answers);
    let invalid = !errors.is_empty();
    page.shell.error_title = invalid;
    let pairs = answers.pairs().map(|(_, key, value)| (key.to_owned(), value.to_owned()));
    page.form = FormView::new(FormData::from_pairs(pairs.to_vec()), errors, &caller.csrf);
    if invalid { page::unprocessable(&page) } else { page::render(&page) }
}

/// Answers that were never offered are none.
fn trusted(mut answers: Answers, references: &ReferenceCache, today: Day) -> Answers {
    if answers.hs != NONE && references.hs_type(&answers.hs, today).is_none() {
        answers.hs.clear();
    }
    if answers.exempt != NONE && !NOT_NEEDED.iter().any(|(value, _)| *value == answers.exempt) {
        answers.exempt.clear();
    }
    if answers.clause != NONE && !references.clause_is_valid(&answers.clause, today) {
        answers.clause.clear();
    }
    if !references.regions_below("").any(|r| r.code.as_str() == answers.province) {
        answers.province.clear();
    }
    if answers.province.is_empty()
        || !references.regions_below(&answers.province).any(|r| r.code.as_str() == answers.city)
    {
        answers.city.clear();
    }
    answers
}

fn ask_product(page: &mut PreCheckPage, answers: &Answers, references: &ReferenceCache, today: Day) {
    page.step = 1;
    page.searched = !answers.code.trim().is_empty() || !answers.name.trim().is_empty();
    if !page.searched {
        return;
    }
    let matching = references.hs_types_matching(&answers.code, &answers.name, today);
    page.found = matching.len();
    page.choices = matching
        .into_iter()
        .take(SHOWN)
        .map(|t| Choice::new(t.code.as_str(), format!("{} {}", t.code, t.name)).with_note(t.class.as_str()))
        .collect();
    page.shown = page.choices.len();
    page.choices.push(Choice::new(NONE, "以上都不是我的产品"));
}

fn question(clause: &db::reference::Clause) -> Choice {
    let wording = format!("第 {} 条：{}", clause.code, clause.full_text);
    match QUESTIONS.iter().find(|(code, _)| *code == clause.code.as_str()) {
        Some((_, plain)) => Choice::new(clause.code.as_str(), *plain).with_note(wording),
        None => Choice::new(clause.code.as_str(), wording),
    }
}

/// The cities of a province, when they do not all belong to one direct bureau.
fn cities(references: &ReferenceCache, province: &str, today: Day) -> Vec<Choice> {
    if province.is_empty() {
        return Vec::new();
    }
    let of = |code: &RegionCode| references.direct_bureau_of(code, today);
    let whole = of(&RegionCode::new(province));
    let below: Vec<_> = references.regions_below(province).collect();
    if below.iter().all(|r| of(&r.code) == whole) {
        return Vec::new();
    }
    below.into_iter().map(|r| Choice::new(r.code.as_str(), r.name.as_str())).collect()
}

fn advice(references: &ReferenceCache, answers: &Answers, region: &RegionCode, today: Day) -> Advice {
    let clause = ClauseCode::new(answers.clause.clone());
    let bureau = references.direct_bureau_of(region, today);
    let needs = references.needs(bureau, &clause, today);
    let of = |wanted: Need| -> Vec<String> {
        needs.iter().filter(|(_, _, need)| *need == wanted).map(|(_, name, _)| name.clone()).collect()
    };
    let found = bureau.and_then(|b| references.bureau(b));
    let contact = found.map(|b| [b.address.as_str(), b.phone.as_str()].join(" ").trim().to_owned()).unwrap_or_default();
    let follow_up = references.clauses_on(today).find(|c| c.code == clause).map(|c| c.follow_up.clone());
    let apply = format!("/applications/declaration?clause={}", answers.clause);
    Advice {
        clause: references.clause_full(&clause),
        follow_up: follow_up.unwrap_or_default(),
        papers: vec![
            ("必须上传", of(Need::Must)),
            ("填写了相应号码时必须上传", of(Need::IfNumber)),
            ("按实际情况上传", of(Need::Optional)),
        ],
        bureau: found.map(|b| b.name.clone()).unwrap_or_default(),
        contact,
        validity_days: found.map_or(90, |b| b.validity_days),
        login: format!("/login?next={}", utf8_percent_encode(&apply, NON_ALPHANUMERIC)),
        apply,
    }
}

/// What was answered so far, each with the way back to its question.
fn given(answers: &Answers, references: &ReferenceCache) -> Vec<Given> {
    let mut given = Vec::new();
    let mut add = |label, value: String, step| given.push(Given { label, value, change: answers.back_to(step) });
    if answers.hs == NONE {
        add("产品", "目录中没有找到".to_owned(), 1);
    } else if let Some(hs) = references.hs_type_ever(&answers.hs) {
        add("产品", format!("{} {}（{}）", hs.code, hs.name, hs.class), 1);
    }
    if answers.exempt == NONE {
        add("无需办理的情形", "都不是".to_owned(), 2);
    } else if let Some((_, label)) = NOT_NEEDED.iter().find(|(value, _)| *value == answers.exempt) {
        add("无需办理的情形", (*label).to_owned(), 2);
    }
    if answers.clause == NONE {
        add("用途", "免办条款都不适用".to_owned(), 3);
    } else if !answers.clause.is_empty() {
        add("用途", references.clause_full(&ClauseCode::new(answers.clause.clone())), 3);
    }
    let region = if answers.city.is_empty() { &answers.province } else { &answers.city };
    if !region.is_empty() {
        add("产品最终使用地", references.region_path(&RegionCode::new(region.clone())), 4);
    }
    given
}

/// 下一步 without an answer, all at once.
fn missing(page: &PreCheckPage, answers: &Answers) -> FieldErrors {
    let mut errors = FieldErrors::default();
    if answers.at == CITY && page.step == 4 && !page.cities.is_empty() {
        errors.add("city", "请选择城市");
    }
    if answers.at == HITS && page.step == 1 && page.searched {
        errors.add("hs", "请选择产品类型；都不是时选择“以上都不是我的产品”");
    }
    if answers.at != page.step.to_string() {
        return errors;
    }
    match page.step {
        1 if page.searched => {}
        1 => errors.add("code", "请填写 HS 编码或产品名称"),
        2 => errors.add("exempt", "请选择一项；都不是时选择“以上都不是”"),
        3 => errors.add("clause", "请选择一项；都不是时选择“以上都不是”"),
        4 if answers.province.is_empty() => errors.add("province", "请选择产品最终使用地"),
        _ => {}
    }
    errors
}
