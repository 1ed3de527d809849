//! What a worklist shows: 我的, 本岗 or 本局, and its filters; as an address, as conditions, and in the order of waiting.
//!
//! The list, the case that is opened from it, and the one that follows a decision read the same selection.

use db::application::NEVER;
use db::params;
use db::search::{Conditions, Field};
use domain::actor::{Officer, Post};
use domain::calendar::Pace;
use domain::ids::ApplicationId;
use domain::text;
use domain::time::{Day, Instant};
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData, parse_urlencoded};

/// Whose cases a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Whose {
    /// 我的: what the officer has taken, at every post.
    Mine,
    /// 本岗: what waits at one post of the bureau.
    #[default]
    Post,
    /// 本局: what waits at any post of the bureau.
    Bureau,
}

impl Whose {
    /// The word in addresses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mine => "mine",
            Self::Post => "post",
            Self::Bureau => "bureau",
        }
    }
}

/// 强制终止 has a list of its own: everything that is under way.
const DESKS: [Post; 6] =
    [Post::Accept, Post::FirstReview, Post::FinalReview, Post::Compare, Post::Issue, Post::Terminate];

/// The query of a worklist.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Whose.
    pub whose: Whose,
    /// The post, where the list is that of one; a filter in the others.
    pub post: Option<Post>,
    data: FormData,
}

/// The filters that are typed or chosen, in the order of the page.
const FILTERS: [&str; 8] = ["number", "applicant", "clause", "hs_prefix", "pace", "taken", "from", "to"];

/// The place of a case in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its service clock.
    pub since: Instant,
    /// The case.
    pub id: ApplicationId,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.since.millis(), self.id)
    }
}

impl std::str::FromStr for Place {
    type Err = std::num::ParseIntError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (since, id) = s.split_once('-').unwrap_or((s, "0"));
        Ok(Self { since: Instant::from_millis(since.parse()?), id: ApplicationId::new(id.parse()?) })
    }
}

/// Whether the officer works at a post that a worklist shows.
pub fn has_desk(officer: &Officer) -> bool {
    DESKS.iter().any(|p| officer.posts.holds(*p))
}

impl Selection {
    /// What a query asks for; the first post that the officer holds when it names none. A sentence when it is not for him.
    pub fn of(data: FormData, officer: &Officer) -> Result<Self, AppError> {
        let holds = |p: &Post| officer.posts.holds(*p);
        let administers = holds(&Post::BureauAdmin);
        let asked = data.get("post").parse::<Post>().ok().filter(|p| DESKS.contains(p));
        let whose = match data.get("scope") {
            "mine" => Whose::Mine,
            "bureau" => Whose::Bureau,
            _ if asked.is_none() && !has_desk(officer) && administers => Whose::Bureau,
            _ => Whose::Post,
        };
        let nothing = "您的账号没有审批岗位。需要办理时，请联系本局系统管理员配置岗位。";
        let may_look = has_desk(officer) || (administers && whose == Whose::Bureau);
        if !may_look {
            return Err(AppError::Forbidden(nothing.to_owned()));
        }
        let post = match whose {
            Whose::Mine | Whose::Bureau => asked.filter(|p| *p != Post::Terminate),
            Whose::Post => {
                let Some(post) = asked.or_else(|| DESKS.into_iter().find(holds)) else {
                    return Err(AppError::Forbidden(nothing.to_owned()));
                };
                if !holds(&post) {
                    return Err(AppError::Forbidden(format!(
                        "您没有{}岗的权限。需要办理时，请联系本局系统管理员配置岗位。",
                        post.label()
                    )));
                }
                Some(post)
            }
        };
        Ok(Self { whose, post, data })
    }

    /// The selection that a page carried along as text; none when it carried nothing, or nothing that is for him.
    pub fn carried(text: &str, officer: &Officer) -> Option<Self> {
        if text.is_empty() { None } else { Self::of(parse_urlencoded(text.as_bytes()), officer).ok() }
    }

    /// What was typed in a filter.
    pub fn get(&self, name: &str) -> &str {
        self.data.get(name).trim()
    }

    /// Whether any filter is set.
    pub fn is_filtered(&self) -> bool {
        FILTERS.iter().any(|f| !self.get(f).is_empty()) || (self.whose != Whose::Post && self.post.is_some())
    }

    /// The selection as the pairs of an address, without the place in the list.
    pub fn pairs(&self) -> Vec<(&'static str, &str)> {
        let mut pairs = vec![("scope", self.whose.word()), ("post", self.post.map_or("", Post::word))];
        pairs.extend(FILTERS.iter().map(|f| (*f, self.get(f))));
        if self.data.has("size") {
            pairs.push(("size", self.get("size")));
        }
        // 本岗 is said by the post.
        pairs.retain(|pair| !pair.1.is_empty() && *pair != ("scope", "post"));
        pairs
    }

    /// The selection as the query of an address.
    pub fn query(&self) -> String {
        self.query_with(&[])
    }

    /// The same with more pairs.
    pub fn query_with(&self, more: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (k, v) in self.pairs().iter().chain(more) {
            query.append_pair(k, v);
        }
        query.finish()
    }

    /// The list without its filters.
    pub fn bare(&self) -> String {
        match (self.whose, self.post) {
            (Whose::Post, Some(post)) => format!("post={}", post.word()),
            (whose, _) => format!("scope={}", whose.word()),
        }
    }

    /// The form of the filters.
    pub fn form(&self) -> FormData {
        FormData::of_filters(&self.pairs())
    }

    /// Which cases these are, and what is wrong with what was typed.
    pub fn conditions(&self, app: &App, officer: &Officer) -> (Conditions, FieldErrors) {
        let mut errors = FieldErrors::default();
        let bureau = officer.bureau.clone();
        let mut all = match (self.whose, self.post) {
            (Whose::Mine, _) => {
                Conditions::new().and("a.handler_id = ? AND a.current_bureau = ?", params![officer.account, bureau])
            }
            // 强制终止 sees also what waits for the enterprise.
            (Whose::Post, Some(Post::Terminate)) => Conditions::new().and(
                "(a.current_bureau = ? OR (a.state = 'returned' AND a.receiving_bureau = ?))",
                params![bureau.clone(), bureau],
            ),
            (Whose::Post | Whose::Bureau, _) => Conditions::new().and("a.current_bureau = ?", params![bureau]),
        };
        if let Some(post) = self.post.filter(|p| *p != Post::Terminate) {
            all = all.and("a.current_post = ?", params![post]);
        }
        if !self.get("clause").is_empty() {
            all = all.and("a.clause_code = ?", params![self.get("clause")]);
        }
        let prefix = text::half_width(self.get("hs_prefix"));
        if !prefix.is_empty() {
            if prefix.len() <= 10 && prefix.bytes().all(|b| b.is_ascii_digit()) {
                let sql =
                    "EXISTS (SELECT 1 FROM application_item i WHERE i.application_id = a.id AND i.hs_code LIKE ?)";
                all = all.and(sql, params![format!("{prefix}%")]);
            } else {
                errors.add("hs_prefix", "HS 编码前几位只填写数字，最多 10 位");
            }
        }
        all = match self.get("taken") {
            "no" => all.and("a.handler_id IS NULL", params![]),
            "yes" => all.and("a.handler_id IS NOT NULL", params![]),
            _ => all,
        };
        if let Ok(pace) = self.get("pace").parse::<Pace>() {
            all = all.and(&pace_sql(app, pace), params![]);
        }
        let mut day = |field: &str| {
            let typed = text::half_width(self.get(field));
            if typed.is_empty() {
                return None;
            }
            typed.parse::<Day>().map_err(|why| errors.add(field, why.to_string())).ok()
        };
        let (from, to) = (day("from"), day("to"));
        if let Some(from) = from {
            all = all.and("a.arrived_at >= ?", params![from.start_instant()]);
        }
        if let Some(to) = to {
            all = all.and("a.arrived_at < ?", params![to.end_instant()]);
        }
        if let (Some(from), Some(to)) = (from, to)
            && to < from
        {
            errors.add("to", "结束日期不能早于开始日期");
        }
        let texts = [(Field::Number, self.get("number")), (Field::Applicant, self.get("applicant"))];
        (all.contain(&texts), errors)
    }
}

/// Those whose clock stands like this today, in SQL: for each post the instant before which they are over, or close to
/// it. The numbers are ours, and change once a day.
pub fn pace_sql(app: &App, pace: Pace) -> String {
    let references = app.references.now();
    let today = app.clock.today();
    let before = |amber: bool| {
        let cases: Vec<_> = Post::COURSE
            .into_iter()
            .filter_map(|post| {
                let term = references.term(post)?;
                let days = if amber { term.amber_days } else { term.term_days };
                let instant = references.calendar.over_before(today, days).millis();
                Some(format!("WHEN '{}' THEN {instant}", post.word()))
            })
            .collect();
        // A post without a term is never late.
        if cases.is_empty() {
            "a.waiting_since < 0".to_owned()
        } else {
            format!("a.waiting_since < CASE a.current_post {} ELSE 0 END", cases.join(" "))
        }
    };
    let never = NEVER.millis();
    match pace {
        Pace::Overdue => before(false),
        Pace::Due => format!("({} AND NOT {})", before(true), before(false)),
        Pace::InTime => format!("(a.waiting_since < {never} AND NOT {})", before(true)),
        Pace::Stopped => format!("a.waiting_since = {never}"),
    }
}

/// The case that comes after this place in the selection and that the officer may take and decide; from the top when none
/// comes after it.
pub async fn next(
    app: &App,
    officer: &Officer,
    selection: &Selection,
    after: Place,
) -> Result<Option<ApplicationId>, AppError> {
    #[derive(db::Row)]
    struct Id {
        id: ApplicationId,
    }
    let (all, errors) = selection.conditions(app, officer);
    if !errors.is_empty() {
        return Ok(None);
    }
    let posts: Vec<_> = Post::COURSE.into_iter().filter(|p| officer.posts.holds(*p)).map(Post::word).collect();
    if posts.is_empty() {
        return Ok(None);
    }
    let of_posts = format!("a.current_post IN ('{}')", posts.join("', '"));
    let me = officer.account;
    let all = all
        .and(&of_posts, params![])
        .and("(a.handler_id IS NULL OR a.handler_id = ?)", params![me])
        // D6: the person of the 初审 does not give the 终审.
        .and(
            "(a.current_post <> 'final_review' OR a.first_reviewer_id IS NULL OR a.first_reviewer_id <> ? \
             OR EXISTS (SELECT 1 FROM bureau b WHERE b.code = a.current_bureau AND b.four_eyes = FALSE))",
            params![me],
        )
        .and("a.id <> ?", params![after.id]);
    let n = all.next();
    let sql = format!(
        "SELECT a.id FROM application a{} AND (a.waiting_since, a.id) > (${n}, ${}) \
         ORDER BY a.waiting_since, a.id LIMIT 1",
        all.sql(),
        n + 1
    );
    let found: Option<Id> = app.db.read().row(&sql, all.values(params![after.since, after.id])).await?;
    if let Some(found) = found {
        return Ok(Some(found.id));
    }
    let sql = format!("SELECT a.id FROM application a{} ORDER BY a.waiting_since, a.id LIMIT 1", all.sql());
    let found: Option<Id> = app.db.read().row(&sql, all.values(vec![])).await?;
    Ok(found.map(|f| f.id))
}

/// Where an officer goes after a decision: to the next case of the list from which he came; to the list when nothing of it
/// is left, or when he came from none. With the sentence that goes on the page.
pub async fn after_decision(
    app: &App,
    officer: &Officer,
    carried: &str,
    post: Option<Post>,
    place: Place,
    done: &str,
) -> Result<(String, String), AppError> {
    let Some(selection) = Selection::carried(carried, officer) else {
        let post = post.map_or("", Post::word);
        return Ok((format!("/casework?post={post}"), done.to_owned()));
    };
    Ok(match next(app, officer, &selection, place).await? {
        Some(id) => (address(id, &selection.query()), format!("{done}已打开本列表的下一件。")),
        None => (format!("/casework?{}", selection.query()), format!("{done}本列表没有其他可以办理的单据。")),
    })
}

/// The address of a case that is opened from a list.
pub fn address(id: ApplicationId, list: &str) -> String {
    if list.is_empty() {
        return format!("/casework/{id}");
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("list", list);
    format!("/casework/{id}?{}", query.finish())
}
