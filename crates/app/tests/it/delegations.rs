//! 业务下放 and 管辖区域 (R-C-03, workflow §4): looked at before they are saved, never felt by a running case, and answered by
//! the tester as 提交申请 answers.

use db::Tx;
use domain::actor::Post;
use domain::ids::{BureauCode, ClauseCode, DelegationId, HsCode, RegionCode, TradeModeCode};
use domain::routing::{Consignment, Delegation, Step};

use crate::story::{self, AIR_CONDITIONER, add_product};
use crate::support::{Browser, JIANGSU, Page, SHANGHAI, Site};

const SUZHOU: &str = "320000B01";
const WUXI: &str = "320000B02";
const SUZHOU_NAME: &str = "苏州出入境检验检疫局";
/// 苏州市 虎丘区 and 无锡市 锡山区, as the three selects have them.
const HUQIU: [&str; 3] = ["320000", "320500", "320505"];
const XISHAN: [&str; 3] = ["320000", "320200", "320205"];

/// A rule for 受理 and 初审.
pub fn rule(target: &str, region_prefix: Option<&str>) -> Delegation {
    Delegation {
        id: DelegationId::new(0),
        target: BureauCode::new(target),
        region_prefix: region_prefix.map(str::to_owned),
        clause: None,
        hs_prefix: None,
        trade_mode: None,
        steps: vec![Step::Accept, Step::FirstReview],
        priority: 0,
    }
}

/// Writes a rule that holds from today on.
pub async fn put(tx: &Tx, site: &Site, direct: &str, rule: Delegation) {
    let now = site.app.now();
    db::reference::add_delegation(tx, &BureauCode::new(direct), &rule, site.today(), now).await.unwrap();
}

async fn put_all(site: &Site, direct: &str, rules: Vec<Delegation>) {
    let tx = site.app.db.begin().await.unwrap();
    for rule in rules {
        put(&tx, site, direct, rule).await;
    }
    tx.commit().await.unwrap();
}

/// A submitted application with this place of final use, clause, trade mode and products; says its id.
async fn file(site: &Site, user: &Browser, region: [&str; 3], clause: &str, mode: &str, hs: &[&str]) -> String {
    let id = story::open_draft_of(user, clause, mode).await;
    let place = [
        ("use_region_code_1", region[0]),
        ("use_region_code_2", region[1]),
        ("use_region_code_3", region[2]),
        ("clause_code", clause),
        ("trade_mode", mode),
    ];
    story::fill_basics(user, &id, &place).await.is(200);
    for (n, code) in hs.iter().enumerate() {
        add_product(user, &id, code, &[("product_name", &format!("产品 {n}"))]).await.is(200);
    }
    story::attach(site, user, &id, clause).await;
    story::submit(user, &id).await;
    id
}

/// The frozen route, step by step.
async fn route_of(site: &Site, id: &str) -> Vec<(String, String)> {
    #[derive(db::Row)]
    struct Stop {
        step: String,
        bureau_code: String,
    }
    let sql = format!("SELECT step, bureau_code FROM application_route WHERE application_id = {id}");
    let mut found: Vec<Stop> = site.app.db.read().rows(&sql, vec![]).await.unwrap();
    found.sort_by_key(|s| Step::ALL.iter().position(|x| x.word() == s.step));
    found.into_iter().map(|s| (s.step, s.bureau_code)).collect()
}

async fn routing_admin(site: &Site) -> Browser {
    site.cnca("cnca_routing", &[Post::RoutingAdmin]).await
}

/// The same person after a new log-in: sessions do not last for days.
async fn again(site: &Site, username: &str) -> Browser {
    let found = db::account::credentials(&site.app.db.read(), username).await.unwrap();
    site.sit_down(found.unwrap().id).await
}

/// Opens 新增规则 of 江苏局 and asks for the first look.
async fn look(admin: &Browser, fields: &[(&str, &str)]) -> Page {
    let page = admin.get("/delegations/new?bureau=320000").await.is(200);
    let mut form = page.form("核对影响").fill(&[("target", SUZHOU), ("reason", "苏州局自行受理。")]);
    for (name, value) in fields {
        form = if *name == "step" { form.tick(name, value) } else { form.set(name, value) };
    }
    admin.send(&form).await
}

const IN_SUZHOU: [(&str, &str); 4] =
    [("region_1", "320000"), ("region_2", "320500"), ("step", "accept"), ("step", "first_review")];

/// R-C-03: a rule is looked at, saved, listed, and decides from then on; every mistake is said at once.
#[tokio::test]
async fn r_c_03_a_rule_is_looked_at_then_saved_and_decides() {
    for site in Site::each().await {
        let admin = routing_admin(&site).await;
        let user = site.company().await;
        let overview = admin.get("/delegations").await.is(200).sees("江苏出入境检验检疫局");
        assert_eq!(overview.texts("#result tbody tr").len(), 35);
        admin.get("/delegations?bureau=320000").await.is(200).sees("没有规则时，各岗位都由直属局办理");

        let blank = admin.get("/delegations/new?bureau=320000").await.is(200);
        let wrong = blank.form("核对影响").fill(&[
            ("hs_prefix", "8"),
            ("priority", "1000"),
            ("valid_from", "2026-11-22"),
            ("valid_to", "x"),
            ("region_1", "310000"),
        ]);
        let page = admin.send(&wrong).await.is(422);
        assert_eq!(
            page.faulty_fields(),
            ["region", "hs_prefix", "target", "priority", "step", "valid_from", "valid_to", "reason"]
        );
        assert_eq!(page.value("hs_prefix"), "8", "what was typed is kept");
        let elsewhere = look(&admin, &[("region_1", "310000"), ("step", "accept")]).await.is(422);
        assert!(elsewhere.error("region").contains("不归江苏出入境检验检疫局管辖"), "{}", elsewhere.text());

        let page = look(&admin, &IN_SUZHOU).await.is(200).sees("保存前请核对").sees("没有与其他规则重叠");
        let moved = page.texts("#main table tbody tr").join("\n");
        assert!(moved.contains("受理 江苏出入境检验检疫局") && moved.contains(SUZHOU_NAME), "{moved}");
        assert!(moved.contains("虎丘区") && !moved.contains("锡山区"), "{moved}");
        // Something else than what was looked at is looked at again.
        let changed = page.form("保存").set("priority", "3");
        let anew = admin.send(&changed).await.is(200).sees("保存前请核对");
        assert_eq!(site.number("SELECT COUNT(*) FROM delegation").await, 0);
        let saved = admin.send(&anew.form("保存")).await.is(200).sees("规则已保存").sees("新增规则");
        saved.sees("优先级 3").sees("生效中");
        let id = site.number("SELECT MAX(id) FROM delegation").await;

        let list = admin.get("/delegations?bureau=320000&step=accept&region=3205&target=320000B01").await.is(200);
        assert_eq!(list.texts("#result tbody tr").len(), 1);
        admin.get("/delegations?bureau=320000&step=issue").await.is(200).sees("没有符合条件的规则");
        let filed = file(&site, &user, HUQIU, "1", "0110", &[AIR_CONDITIONER]).await;
        let route = route_of(&site, &filed).await;
        assert_eq!(route[0], ("accept".to_owned(), SUZHOU.to_owned()));
        assert_eq!(route[4], ("issue".to_owned(), JIANGSU.to_owned()));
        admin.get(&format!("/delegations/{id}")).await.is(200).sees("已使用");
        let findings = db::doctor::examine(&site.app.db).await.unwrap();
        assert_eq!(findings.faults, Vec::<String>::new(), "the deed is in the chain of who did it");
    }
}

/// R-C-03: rules that compete are shown with the one that decides, and have to be confirmed.
#[tokio::test]
async fn r_c_03_competing_rules_are_shown_and_confirmed() {
    for site in Site::each().await {
        let admin = routing_admin(&site).await;
        let mut repair = rule(WUXI, Some("3205"));
        repair.clause = Some(ClauseCode::new("3"));
        put_all(&site, JIANGSU, vec![repair, rule(WUXI, None), rule(WUXI, Some("3202"))]).await;

        let page = look(&admin, &IN_SUZHOU).await.is(200).sees("重叠的规则");
        let rows: Vec<_> = page.texts("#main table tbody tr").into_iter().filter(|r| r.contains("优先")).collect();
        assert_eq!(rows.len(), 2, "the rule of 3202 does not compete: {rows:?}");
        assert!(rows.iter().any(|r| r.contains("条款 3") && r.contains("规则 1 优先")), "{rows:?}");
        assert!(rows.iter().any(|r| r.contains("全部申请") && r.contains("本规则优先")), "{rows:?}");
        page.texts("#main td summary").iter().for_each(|s| assert!(s.contains("仅符合条件的申请"), "{s}"));

        let refused = admin.send(&page.form("保存")).await.is(422);
        assert_eq!(refused.faulty_fields(), ["confirmed"]);
        assert_eq!(site.number("SELECT COUNT(*) FROM delegation").await, 3);
        // A rule that comes in between was not confirmed.
        put_all(&site, JIANGSU, vec![rule(SUZHOU, Some("32"))]).await;
        let anew = admin.send(&refused.form("保存").tick("confirmed", "1")).await.is(200).sees("保存前请核对");
        assert_eq!(site.number("SELECT COUNT(*) FROM delegation").await, 4);
        admin.send(&anew.form("保存").tick("confirmed", "1")).await.is(200).sees("规则已保存");
        assert_eq!(site.number("SELECT COUNT(*) FROM delegation").await, 5);
    }
}

/// R-C-03: changed, ended and new rules, and a region handed over, never move a running case, not even one that comes back
/// from a correction.
#[tokio::test]
async fn r_c_03_changed_rules_never_move_a_running_case() {
    for site in Site::each().await {
        let admin = routing_admin(&site).await;
        let user = site.company().await;
        put_all(&site, JIANGSU, vec![rule(SUZHOU, Some("3205"))]).await;
        let officer = site.officer("suzhou", SUZHOU, &[Post::Accept]).await;
        let running = file(&site, &user, HUQIU, "1", "0110", &[AIR_CONDITIONER]).await;
        let frozen = route_of(&site, &running).await;

        // The rule is used: a change ends it and begins another one.
        let edit = admin.get("/delegations/1/edit").await.is(200).sees("由新规则接续");
        let form = edit.form("核对影响").fill(&[
            ("target", WUXI),
            ("valid_from", "2026-11-23"),
            ("reason", "改由无锡局办理。"),
        ]);
        let page = admin.send(&form).await.is(200).sees("保存前请核对");
        let saved = admin.send(&page.form("保存")).await.is(200).sees("接续 规则 1").sees("修改前").sees("修改后");
        assert_eq!(saved.path, "/delegations/2");
        admin.get("/delegations/1").await.is(200).sees("由其接续 规则 2").sees_no("终止原因");
        admin.get("/delegations/1/edit").await.is(409).sees("该规则已终止");
        assert_eq!(route_of(&site, &running).await, frozen);
        let next = file(&site, &user, HUQIU, "1", "0110", &[AIR_CONDITIONER]).await;
        assert_eq!(route_of(&site, &next).await[0].1, WUXI);

        // Ended at once; a page that is older than the rule changes nothing.
        let show = admin.get("/delegations/2").await.is(200);
        let old = show.form("终止规则").fill(&[("last_day", "2026-11-30"), ("end_reason", "试行结束。")]);
        let bad = admin.send(&show.form("终止规则").set("last_day", "2026-11-21")).await.is(422);
        assert_eq!(bad.faulty_fields(), ["last_day", "end_reason"]);
        let now = show.form("终止规则").fill(&[("last_day", "2026-11-22"), ("end_reason", "试行结束。")]);
        admin.send(&now).await.is(200).sees("规则已取消").sees("未生效即取消");
        admin.send(&old).await.is(409);
        let direct = file(&site, &user, HUQIU, "1", "0110", &[AIR_CONDITIONER]).await;
        assert_eq!(route_of(&site, &direct).await[0].1, JIANGSU);

        // The region goes to another bureau; the correction still comes back to the post that asked for it.
        let page = admin.get("/jurisdictions").await.is(200);
        let form = page.form("保存").fill(&[
            ("region_1", "320000"),
            ("region_2", "320500"),
            ("bureau", SHANGHAI),
            ("from", "2026-11-24"),
            ("reason", "试点划归上海局受理。"),
        ]);
        admin.send(&form).await.is(200).sees("已登记");
        let back = [("decision", "return"), ("opinion", "请补充用途说明。"), ("part", "basics")];
        story::decide(&officer, &running, &back).await.is(200);
        site.clock.pass_hours(48);
        let (user, officer) = (again(&site, "shili_a").await, again(&site, "suzhou").await);
        let admin = again(&site, "cnca_routing").await;
        let check = user.get(&format!("/applications/{running}/submission")).await.is(200);
        user.send(&check.form("提交申请")).await.is(200);
        assert_eq!(route_of(&site, &running).await, frozen);
        officer.get(&format!("/casework/{running}")).await.is(200).sees("受理");
        let moved = file(&site, &user, HUQIU, "1", "0110", &[AIR_CONDITIONER]).await;
        assert_eq!(route_of(&site, &moved).await[0].1, SHANGHAI);
        admin.get("/delegations/history?bureau=320000").await.is(200).sees("终止规则 2").sees("调整管辖区域");
        admin.get("/delegations/history?bureau=310000").await.is(200).sees("调整管辖区域").sees_no("终止规则");
    }
}

/// What the tester answers, as step and bureau code.
async fn tested(
    site: &Site,
    admin: &Browser,
    region: [&str; 3],
    clause: &str,
    mode: &str,
    hs: &[&str],
) -> Vec<(String, String)> {
    let page = admin.get("/delegations/tester").await.is(200);
    let form = page.form("查询").fill(&[
        ("region_1", region[0]),
        ("region_2", region[1]),
        ("region_3", region[2]),
        ("clause_code", clause),
        ("trade_mode", mode),
        ("hs_codes", &hs.join("\n")),
    ]);
    let page = admin.send(&form).await.is(200);
    let references = site.app.references.now();
    let steps = page.texts("#result tbody td:nth-child(1)");
    let bureaus = page.texts("#result tbody td:nth-child(2)");
    steps
        .iter()
        .zip(&bureaus)
        .map(|(step, bureau)| {
            let step = Step::ALL.iter().find(|s| s.label() == step).unwrap().word().to_owned();
            let code = references.bureaus.iter().find(|b| b.name == *bureau).unwrap().code.to_string();
            (step, code)
        })
        .collect()
}

/// Numbers that look random and are the same at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn rules(&mut self, n: usize, regions: &[Option<&str>]) -> Vec<Delegation> {
        (0..n)
            .map(|_| Delegation {
                id: DelegationId::new(0),
                target: BureauCode::new(self.of(&[SUZHOU, WUXI, "320000B03", "320000B04"])),
                region_prefix: self.of(regions).map(str::to_owned),
                clause: self.of(&[None, Some("1"), Some("3")]).map(ClauseCode::new),
                hs_prefix: self.of(&[None, Some("84"), Some("8415"), Some("85")]).map(str::to_owned),
                trade_mode: self.of(&[None, Some("0110"), Some("2700")]).map(TradeModeCode::new),
                steps: Step::ALL.iter().copied().filter(|_| self.below(2) == 0).chain([Step::Accept]).collect(),
                priority: i64::try_from(self.below(3)).unwrap(),
            })
            .collect()
    }
}

/// R-C-03: the tester agrees with real submissions, whatever the rules.
#[tokio::test]
async fn r_c_03_the_tester_agrees_with_real_submissions() {
    let mut dice = Dice(7);
    for site in Site::each().await {
        let admin = routing_admin(&site).await;
        let user = site.company().await;
        let other = site.app.references.now().hs_types_matching("85", "", site.today())[0].code.to_string();
        for _ in 0..4 {
            put_all(&site, JIANGSU, dice.rules(6, &[None, Some("32"), Some("3205"), Some("320505"), Some("3202")]))
                .await;
            for _ in 0..2 {
                let (region, clause, mode) =
                    (dice.of(&[HUQIU, XISHAN]), dice.of(&["1", "3"]), dice.of(&["0110", "2700"]));
                let hs: &[&str] = if dice.below(3) == 0 { &[AIR_CONDITIONER, &other] } else { &[AIR_CONDITIONER] };
                let answer = tested(&site, &admin, region, clause, mode, hs).await;
                assert_eq!(answer.len(), Step::ALL.len());
                let id = file(&site, &user, region, clause, mode, hs).await;
                assert_eq!(route_of(&site, &id).await, answer, "{region:?} {clause} {mode} {hs:?}");
            }
        }
        // Every mistake at once, and a region without a bureau.
        let blank = admin.get("/delegations/tester").await.form("查询").set("hs_codes", "8415");
        let page = admin.send(&blank).await.is(422);
        assert_eq!(page.faulty_fields(), ["region", "clause_code", "trade_mode", "hs_codes"]);
        let page = admin.get("/delegations/tester").await;
        let taiwan = page.form("查询").fill(&[
            ("region_1", "710000"),
            ("clause_code", "1"),
            ("trade_mode", "0110"),
            ("hs_codes", AIR_CONDITIONER),
        ]);
        assert!(admin.send(&taiwan).await.is(422).error("region").contains("没有对应的受理检验检疫局"));
    }
}

/// R-C-03: every region × clause × HS × trade mode resolves to exactly one bureau per step: the direct bureau of the region
/// or one below it.
#[tokio::test]
async fn r_c_03_every_region_clause_hs_and_trade_mode_has_exactly_one_bureau_per_step() {
    let mut dice = Dice(11);
    for site in Site::each().await {
        put_all(&site, JIANGSU, dice.rules(12, &[None, Some("3205"), Some("320505"), Some("3202")])).await;
        put_all(&site, SHANGHAI, vec![rule("310000B01", Some("310115")), rule("310000B07", Some("310117"))]).await;
        let references = site.app.references.now();
        let today = site.today();
        let clauses: Vec<ClauseCode> = references.clauses_on(today).map(|c| c.code.clone()).collect();
        let modes: Vec<TradeModeCode> = references.trade_modes_on(today).map(|m| m.code.clone()).collect();
        let types: Vec<HsCode> = ["84", "85", "83"]
            .iter()
            .flat_map(|p| references.hs_types_matching(p, "", today).into_iter().take(3))
            .map(|t| t.code.clone())
            .collect();
        let leaves: Vec<RegionCode> = references.leaf_regions().map(|r| r.code.clone()).collect();
        let mut without = Vec::new();
        for region in &leaves {
            let (clause, mode) = (&clauses[dice.below(clauses.len())], &modes[dice.below(modes.len())]);
            let hs = [types[dice.below(types.len())].clone(), types[dice.below(types.len())].clone()];
            let of = Consignment { region, clause, trade_mode: mode, hs_codes: &hs[..=dice.below(2)] };
            let Some((direct, stops)) =
                app::parts::routing::resolve(&site.app.db.read(), &references, today, &of).await.unwrap()
            else {
                without.push(region.to_string());
                continue;
            };
            assert_eq!(stops.iter().map(|s| s.step).collect::<Vec<_>>(), Step::ALL, "{region}");
            for stop in &stops {
                assert_eq!(references.direct_of(&stop.bureau), direct, "{region} {:?}", stop.step);
            }
        }
        assert!(leaves.len() > 2_500, "{}", leaves.len());
        assert!(without.iter().all(|r| ["71", "81", "82"].contains(&&r[..2])), "{without:?}");
    }
}

/// R-C-03: 局系统管理员 of a direct bureau looks after his own rules only, one of a bureau below it after none; CNCA's
/// other posts neither.
#[tokio::test]
async fn r_c_03_an_administrator_looks_after_his_own_bureau_only() {
    for site in Site::each().await {
        put_all(&site, JIANGSU, vec![rule(SUZHOU, None)]).await;
        put_all(&site, SHANGHAI, vec![rule("310000B01", None)]).await;
        let own = site.officer("js_admin", JIANGSU, &[Post::BureauAdmin]).await;
        own.get("/main").await.is(200).sees("业务下放");
        own.get("/delegations").await.is(200).sees("业务下放：江苏出入境检验检疫局").sees_no("上海");
        own.get("/delegations/1").await.is(200);
        for path in [
            "/delegations/2",
            "/delegations?bureau=310000",
            "/delegations/history?bureau=310000",
            "/delegations/2/edit",
        ] {
            own.get(path).await.is(404);
        }
        let page = own.get("/delegations/new").await.is(200);
        own.send(&page.form("核对影响").set("bureau", SHANGHAI)).await.is(404);
        own.get("/jurisdictions").await.is(403);
        let branch = site.officer("sz_admin", SUZHOU, &[Post::BureauAdmin]).await;
        branch.get("/main").await.is(200).sees_no("业务下放");
        branch.get("/delegations").await.is(403).sees("直属局");
        // The bureau itself may be named, for an exception from a wider rule.
        let page = own.get("/delegations/new").await.is(200);
        let exception = page.form("核对影响").fill(&[
            ("target", JIANGSU),
            ("reason", "条款 9 由直属局办理。"),
            ("clause_code", "9"),
        ]);
        let page = own.send(&exception.tick("step", "accept")).await.is(200).sees("本规则优先");
        assert!(page.text().contains("苏州出入境检验检疫局 江苏出入境检验检疫局"), "{}", page.text());
        site.cnca("other", &[Post::Statistics]).await.get("/delegations").await.is(403);
    }
}

/// R-C-03: the jurisdiction is checked, handed over from a day on, given back, kept by the next import; no region is left
/// without a bureau.
#[tokio::test]
async fn r_c_03_the_jurisdiction_is_maintained_and_every_region_keeps_one_bureau() {
    for site in Site::each().await {
        let admin = routing_admin(&site).await;
        let page =
            admin.get("/jurisdictions").await.is(200).sees("各有且只有一个受理局").sees("3 个行政区划没有受理局");
        let suzhou = [("region_1", "320000"), ("region_2", "320500"), ("reason", "试点划归上海局受理。")];
        let wrong = admin.send(&page.form("保存").set("from", "2026-11-23")).await.is(422);
        assert_eq!(wrong.faulty_fields(), ["region", "bureau", "from", "reason"]);
        let form = |page: &Page, bureau: &str, from: &str| {
            page.form("保存").fill(&suzhou).set("bureau", bureau).set("from", from)
        };
        let same = admin.send(&form(&page, "back", "2026-11-24")).await.is(422);
        assert!(same.error("bureau").contains("没有单独指定"), "{}", same.text());
        admin.send(&form(&page, SHANGHAI, "2026-11-24")).await.is(200).sees("已登记").sees("未生效");
        let anew = admin.send(&form(&page, SHANGHAI, "2026-11-25")).await.is(422);
        assert!(anew.error("bureau").contains("无须调整"), "{}", anew.text());
        let earlier = form(&page, "330000", "2026-11-24");
        admin.send(&earlier).await.is(200).sees("已登记");
        site.clock.pass_hours(48);
        let of = |region: &str| {
            let references = site.app.references.now();
            references.direct_bureau_of(&RegionCode::new(region), site.today()).map(ToString::to_string)
        };
        assert_eq!(of("320505").as_deref(), Some("330000"));
        assert_eq!(of("320205").as_deref(), Some(JIANGSU));

        // The set that was imported says otherwise; what a person decided stays.
        let tx = site.app.db.begin().await.unwrap();
        let set = db::reference::ReferenceSet::embedded().unwrap();
        let report = db::reference::import(&tx, &set, site.app.now()).await.unwrap();
        assert!(!report.unchanged);
        tx.commit().await.unwrap();
        app::jobs::duties(&site.app).await;
        assert_eq!(of("320505").as_deref(), Some("330000"));
        assert_eq!(of("310115").as_deref(), Some(SHANGHAI));

        let admin = again(&site, "cnca_routing").await;
        let page = admin.get("/jurisdictions?past=1").await.is(200);
        let province = page.form("保存").fill(&[
            ("region_1", "320000"),
            ("region_2", ""),
            ("bureau", "back"),
            ("from", "2026-11-30"),
            ("reason", "撤销江苏局的管辖。"),
        ]);
        let bare = admin.send(&province).await.is(422);
        assert!(bare.error("bureau").contains("没有受理局"), "{}", bare.text());
        admin.send(&form(&page, "back", "2026-11-30")).await.is(200).sees("已登记");
        site.clock.pass_hours(24 * 7);
        assert_eq!(of("320505").as_deref(), Some(JIANGSU));
        let admin = again(&site, "cnca_routing").await;
        admin.get("/jurisdictions?past=1").await.is(200).sees("已终止");
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
    }
}
