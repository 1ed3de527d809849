//! 新申请: declaration, clause, basic information, drafts (manual §2.1, §2.1.1, §2.3).

use axum::http::Method;
use domain::workflow::State;

use crate::story::{self, BASICS, fill_basics, id_of, open_draft};
use crate::support::Site;

/// R-2.1-04: the declaration comes first; 我不同意 stores nothing.
#[tokio::test]
async fn r_2_1_04_nothing_is_stored_before_the_declaration_is_accepted() {
    for site in Site::each().await {
        let user = site.company().await;
        let page = user.get("/applications/declaration").await.is(200).sees("申请人声明").sees("我同意");
        assert_eq!(page.link("我不同意"), "/main");
        user.get("/applications/clause").await.at("/applications/declaration");
        assert_eq!(site.number("SELECT COUNT(*) FROM application").await, 0);
    }
}

/// R-2.1.1-02, -03: clause and trade mode are both mandatory; nine clauses.
#[tokio::test]
async fn r_2_1_1_02_clause_and_trade_mode_are_mandatory() {
    for site in Site::each().await {
        let user = site.company().await;
        let declaration = user.get("/applications/declaration").await;
        let choice = user.send(&declaration.form("我同意")).await.is(200);
        assert_eq!(choice.texts("input[name=clause_code] + span strong").len(), 9);
        let again = user.send(&choice.form("保存并进入下一步")).await.is(422);
        assert_eq!(again.faulty_fields(), ["clause_code", "trade_mode"]);
        let again =
            user.send(&again.form("保存并进入下一步").set("clause_code", "99").set("trade_mode", "0110")).await.is(422);
        assert_eq!(again.faulty_fields(), ["clause_code"]);
        assert_eq!(again.value("trade_mode"), "0110");
        assert_eq!(site.number("SELECT COUNT(*) FROM application").await, 0);
    }
}

/// R-2.1.1-04 to -06, -10: what comes from the user information and from the step before; the draft is in the list.
#[tokio::test]
async fn r_2_1_1_04_the_applicant_is_imported_and_the_draft_stands_in_the_list() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        let page = user.get(&format!("/applications/{id}/basics")).await.is(200);
        let page = page.sees("示例电器802100433有限公司").sees("80210043-3").sees("从企业用户信息中导入，不可修改");
        for field in ["applicant_name", "applicant_org_code", "org_name"] {
            assert!(!page.has_field(field), "{field} is not typed");
        }
        assert_eq!((page.value("clause_code"), page.value("trade_mode")), ("1".to_owned(), "0110".to_owned()));
        assert_eq!(page.value("use_region_code_3"), "310115");
        assert_eq!(page.value("use_unit_name"), "示例电器802100433有限公司");
        assert!(page.text().contains("当前对应：上海"), "the bureau is named");
        user.get("/applications").await.is(200).sees("未提交").sees(&format!("草稿 {id}")).sees("剩余 10 天");
    }
}

/// R-2.1.1-09: every star at once, beside its field, nothing saved, everything typed kept.
#[tokio::test]
async fn r_2_1_1_09_missing_stars_are_reported_together() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        let page = user.get(&format!("/applications/{id}/basics")).await;
        let form = page
            .form("保存并进入下一步")
            .fill(&[("use_unit_name", ""), ("use_contact", ""), ("use_phone", ""), ("disposal_plan", "")])
            .fill(&[("use_region_code_3", ""), ("contract_no", "合同一"), ("clause_code", "5"), ("agent_flag", "1")]);
        let again = user.send(&form).await.is(422).sees("没有保存");
        assert_eq!(
            again.faulty_fields(),
            [
                "use_region_code",
                "use_address",
                "use_unit_name",
                "use_contact",
                "use_phone",
                "purpose",
                "disposal_plan",
                "display_from",
                "display_to",
                "principal_name",
            ]
        );
        assert_eq!(again.error("use_unit_name"), "请填写使用单位");
        assert!(again.error("use_region_code").contains("选到最后一级"));
        assert_eq!((again.value("contract_no"), again.value("clause_code")), ("合同一".to_owned(), "5".to_owned()));
        let stored = user.get(&format!("/applications/{id}/basics")).await;
        assert_eq!(stored.value("contract_no"), "", "nothing was saved");
    }
}

#[tokio::test]
async fn impossible_values_are_refused_with_a_sentence() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        let again = fill_basics(
            &user,
            &id,
            &[
                ("purpose", "太短"),
                ("use_phone", "电话"),
                ("contract_no", &"长".repeat(101)),
                ("expected_import_date", "2026-02-30"),
                ("display_from", "2026-12-02"),
                ("display_to", "2026-12-01"),
                ("port_code_1", "2200"),
                ("port_code_2", "9999"),
                ("trade_mode", "9999"),
            ],
        )
        .await
        .is(422);
        assert_eq!(
            again.faulty_fields(),
            ["trade_mode", "use_phone", "contract_no", "port_code", "expected_import_date", "purpose", "display_to"]
        );
        assert!(again.error("purpose").contains("至少填写 10 个字，现在是 2 个字"));
        assert!(again.error("contract_no").contains("不能超过 100 个字，现在是 101 个字"));
    }
}

/// R-2.1.1-07, -08: 保存并进入下一步 opens the products; 返回申请列表 the list.
#[tokio::test]
async fn r_2_1_1_07_saving_opens_the_products() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        fill_basics(&user, &id, &[("contract_no", " ＨＴ－1 ")]).await.is(200).at(&format!("/applications/{id}/items"));
        let page = user.get(&format!("/applications/{id}/basics")).await;
        assert_eq!(page.value("purpose"), BASICS[7].1);
        assert_eq!(page.link("返回申请列表"), "/applications");
    }
}

/// A double click on 保存并进入下一步 of the first page makes one draft (D8: the first save starts the ten days).
#[tokio::test]
async fn a_double_click_makes_one_draft() {
    for site in Site::each().await {
        let user = site.company().await;
        let declaration = user.get("/applications/declaration").await;
        let choice = user.send(&declaration.form("我同意")).await;
        let form = choice.form("保存并进入下一步").set("clause_code", "1").set("trade_mode", "0110");
        let (one, two) = tokio::join!(user.send(&form), user.send(&form));
        assert_eq!(id_of(&one), id_of(&two));
        assert_eq!(site.number("SELECT COUNT(*) FROM application").await, 1);
        // The key of somebody else's draft leads nowhere.
        let other = site.enterprise("other", "911100008").await;
        let key = form.get("creation_key").to_owned();
        let stolen = [("creation_key", key.as_str()), ("clause_code", "1"), ("trade_mode", "0110")];
        let page = other.force(&Method::POST, "/applications/clause", &stolen).await;
        assert_ne!(page.status, 303, "{}", page.text());
    }
}

/// R-2.3-02, -03, D8: 240 hours from the first save; unusable at once when over, then purged with its files.
#[tokio::test]
async fn r_2_3_03_a_draft_lives_ten_days_from_its_first_save() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::complete_draft(&site, &user).await;
        let files = site.number("SELECT COUNT(*) FROM attachment").await;
        assert!(files > 0);
        site.clock.pass_hours(239);
        let user = site.sit_down(owner_of(&site, &id).await).await;
        fill_basics(&user, &id, &[("remark", "第九天的修改")]).await.is(200);
        user.get("/applications").await.sees(&format!("草稿 {id}")).sees("剩余 1 小时");
        site.clock.pass_hours(1);
        let user = site.sit_down(owner_of(&site, &id).await).await;
        user.get("/applications").await.is(200).sees_no(&format!("草稿 {id}"));
        for page in ["basics", "items", "attachments", "submission"] {
            user.get(&format!("/applications/{id}/{page}")).await.is(404);
        }
        user.force(&Method::POST, &format!("/applications/{id}/submission"), &[]).await.is(404);
        assert_eq!(site.number("SELECT COUNT(*) FROM application").await, 1, "the purge comes later");
        app::jobs::duties(&site.app).await;
        assert_eq!(site.number("SELECT COUNT(*) FROM application WHERE deleted_at IS NULL").await, 0);
        site.clock.pass_hours(30 * 24);
        app::jobs::duties(&site.app).await;
        assert_eq!(site.number("SELECT COUNT(*) FROM application").await, 0);
        assert_eq!(site.number("SELECT COUNT(*) FROM application_item").await, 0);
        assert_eq!(site.number("SELECT COUNT(*) FROM orphaned_object").await, files);
        site.clock.pass_hours(2);
        app::jobs::duties(&site.app).await;
        assert_eq!(site.number("SELECT COUNT(*) FROM orphaned_object").await, 0, "the files went too");
        // The audit row stays (A4).
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action = 'delete' AND actor_id IS NULL").await, 1);
    }
}

async fn owner_of(site: &Site, id: &str) -> domain::ids::AccountId {
    domain::ids::AccountId::new(site.number(&format!("SELECT owner_id FROM application WHERE id = {id}")).await)
}

/// Two tabs: the second one is told, field by field, and keeps what it typed (409).
#[tokio::test]
async fn an_older_page_shows_yours_and_theirs() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        fill_basics(&user, &id, &[]).await.is(200);
        let tab = user.get(&format!("/applications/{id}/basics")).await;
        fill_basics(&user, &id, &[("use_address", "第一个窗口的地址")]).await.is(200);
        let late = tab.form("保存并进入下一步").set("use_address", "第二个窗口的地址");
        let page = user.send(&late).await.is(409).sees("本次没有保存");
        let rows = page.texts(".error-summary tbody tr");
        assert_eq!(rows, ["产品最终使用地（地址） 第二个窗口的地址 第一个窗口的地址"]);
        assert_eq!(page.value("use_address"), "第二个窗口的地址");
        // Sent once more it is meant.
        user.send(&page.form("保存并进入下一步")).await.is(200);
        assert_eq!(user.get(&format!("/applications/{id}/basics")).await.value("use_address"), "第二个窗口的地址");
    }
}

/// Other people's drafts do not exist: another company, a colleague, an officer, CNCA.
#[tokio::test]
async fn a_draft_belongs_to_its_owner_alone() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::complete_draft(&site, &user).await;
        for other in [
            site.enterprise("colleague", "802100433").await,
            site.enterprise("stranger", "911100008").await,
            site.cnca("cnca_a", &[domain::actor::Post::Statistics]).await,
        ] {
            other.get(&format!("/applications/{id}")).await.is(404);
            other.get("/applications").await.is(200).sees_no(&format!("草稿 {id}"));
        }
        let stranger = site.enterprise("stranger2", "911100008").await;
        for page in ["basics", "items", "attachments", "submission", "receipt"] {
            stranger.get(&format!("/applications/{id}/{page}")).await.is(404);
        }
        for (path, fields) in [
            ("basics", BASICS.as_slice()),
            ("items", &[("hs_code", story::AIR_CONDITIONER), ("creation_key", "x")]),
            ("items/deletion", &[("id", "1")]),
            ("submission", &[]),
            ("withdrawal", &[]),
        ] {
            stranger.force(&Method::POST, &format!("/applications/{id}/{path}"), fields).await.is(404);
        }
        stranger.force(&Method::POST, "/applications/deletion", &[("id", id.as_str())]).await.is(404);
        assert_eq!(site.number("SELECT COUNT(*) FROM application WHERE state = 'draft'").await, 1);
    }
}

/// D21: a draft keeps its snapshot; 刷新申请单位信息 copies the session's profile.
#[tokio::test]
async fn d_21_the_applicant_of_a_draft_is_refreshed_on_request() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        user.get(&format!("/applications/{id}/basics")).await.sees_no("刷新申请单位信息");
        // The profile changed and the user logged in again.
        let owner = owner_of(&site, &id).await;
        let again = site.sit_down_with(owner, |p| p.applicant.name = "更名后的公司".to_owned()).await;
        let page = again.get(&format!("/applications/{id}/basics")).await.sees("示例电器802100433有限公司");
        again.send(&page.form("刷新申请单位信息")).await.is(200).sees("已刷新申请单位信息").sees("更名后的公司");
    }
}

/// Nothing can be changed after submission, not even by a form opened before it (R-2.3-08).
#[tokio::test]
async fn r_2_3_08_a_submitted_application_cannot_be_changed() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::complete_draft(&site, &user).await;
        let basics = user.get(&format!("/applications/{id}/basics")).await;
        let items = user.get(&format!("/applications/{id}/items")).await;
        let item = items.link("查看");
        let product = user.get(&item).await.is(200);
        story::submit(&user, &id).await;

        user.get(&format!("/applications/{id}/basics")).await.is(200).at(&format!("/applications/{id}")).sees("受理中");
        user.send(&basics.form("保存并进入下一步").set("remark", "迟到")).await.is(409).sees("受理中");
        user.send(&product.form("保存并关闭").set("brand", "迟到")).await.is(409);
        user.force(&Method::POST, &format!("/applications/{id}/items/deletion"), &[("id", "1")]).await.is(409);
        let file = site.number("SELECT MIN(id) FROM attachment").await;
        user.force(&Method::POST, &format!("/attachments/{file}/deletion"), &[]).await.is(409);
        user.force(&Method::POST, "/applications/deletion", &[("id", id.as_str())])
            .await
            .is(409)
            .sees("没有删除任何申请");
        assert_eq!(
            site.number(&format!("SELECT COUNT(*) FROM application WHERE state = '{}'", State::Accepting.word())).await,
            1
        );
        assert_eq!(site.number("SELECT COUNT(*) FROM application WHERE remark = '迟到'").await, 0);
    }
}
