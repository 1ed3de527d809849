//! What tests begin with: an application filed through the pages, taken to some point of its course.

use domain::actor::Post;
use domain::application::Need;
use domain::ids::{BureauCode, ClauseCode};

use crate::support::{Browser, Page, SHANGHAI, Site};

/// 独立窗式空调器, a type of the catalogue with characteristics.
pub const AIR_CONDITIONER: &str = "8415101000";

/// The places and persons of a complete form.
pub const BASICS: [(&str, &str); 9] = [
    ("use_region_code_1", "310000"),
    ("use_region_code_2", "310100"),
    ("use_region_code_3", "310115"),
    ("use_address", "示例科技园 3 号楼 2 层"),
    ("use_unit_name", "示例电器(上海)有限公司"),
    ("use_contact", "张示例"),
    ("use_phone", "021-00000000"),
    ("purpose", "用于新一代房间空气调节器能效对比测试，测试完成后退运。"),
    ("disposal_plan", "return"),
];

/// A complete product, but for its characteristics.
pub const PRODUCT: [(&str, &str); 10] = [
    ("product_name", "窗式空调器样机"),
    ("model", "KC-26/ZW-T1"),
    ("brand", "演示品牌"),
    ("manufacturer", "示例工厂"),
    ("origin_country", "DEU"),
    ("qty", "12.5"),
    ("hs_qty", "12.5"),
    ("unit_price", "100.2"),
    ("total_price", "1252.5"),
    ("currency", "EUR"),
];

/// A PDF of one empty page.
pub fn pdf() -> Vec<u8> {
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n\
      3 0 obj<</Type/Page/Parent 2 0 R>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
        .to_vec()
}

/// 新申请 → 我同意 → 条款 and 贸易方式 → the page of the basic information; says the id of the draft.
pub async fn open_draft(enterprise: &Browser) -> String {
    open_draft_of(enterprise, "1", "0110").await
}

/// The same with this clause and this trade mode.
pub async fn open_draft_of(enterprise: &Browser, clause: &str, trade_mode: &str) -> String {
    let declaration = enterprise.get("/applications/declaration").await.is(200);
    let choice = enterprise.send(&declaration.form("我同意")).await.is(200);
    let form = choice.form("保存并进入下一步").set("clause_code", clause).set("trade_mode", trade_mode);
    let basics = enterprise.send(&form).await.is(200);
    id_of(&basics)
}

/// The id in an address.
#[track_caller]
pub fn id_of(page: &Page) -> String {
    let id = page.path.split('/').nth(2).unwrap_or_default().split(['?', '#']).next().unwrap_or_default();
    assert!(id.bytes().all(|b| b.is_ascii_digit()) && !id.is_empty(), "{}", page.path);
    id.to_owned()
}

/// Fills in the basic information.
pub async fn fill_basics(enterprise: &Browser, id: &str, more: &[(&str, &str)]) -> Page {
    let page = enterprise.get(&format!("/applications/{id}/basics")).await.is(200);
    let form = page.form("保存并进入下一步").fill(&BASICS).fill(more);
    enterprise.send(&form).await
}

/// Fills in every characteristic of a product form.
pub fn with_traits(page: &Page, button: &str) -> crate::support::Form {
    let mut form = page.form(button);
    let traits: Vec<_> = form.fields.iter().map(|(k, _)| k.clone()).filter(|k| k.starts_with("trait_")).collect();
    for name in traits {
        let choice = page.texts(&format!("select[name={name}] option")).into_iter().nth(1);
        form = form.set(&name, &choice.unwrap_or_else(|| "220".to_owned()));
    }
    form
}

/// Adds a product of this HS code.
pub async fn add_product(enterprise: &Browser, id: &str, hs_code: &str, fields: &[(&str, &str)]) -> Page {
    let page = enterprise.get(&format!("/applications/{id}/catalogue?code={hs_code}&name=")).await.is(200);
    let form = with_traits(&page, "保存并关闭").fill(&PRODUCT).fill(fields);
    enterprise.send(&form).await
}

/// Uploads a file of each kind that is needed.
pub async fn attach(site: &Site, enterprise: &Browser, id: &str, clause: &str) {
    let references = site.app.references.now();
    let needs = references.needs(Some(&BureauCode::new(SHANGHAI)), &ClauseCode::new(clause), site.today());
    for (kind, _, need) in needs {
        if need == Need::Must {
            enterprise.upload(id, kind.as_str(), &[("材料.pdf", pdf())]).await.is(200);
        }
    }
}

/// A draft that could be submitted.
pub async fn complete_draft(site: &Site, enterprise: &Browser) -> String {
    let id = open_draft(enterprise).await;
    fill_basics(enterprise, &id, &[]).await.is(200);
    add_product(enterprise, &id, AIR_CONDITIONER, &[]).await.is(200);
    attach(site, enterprise, &id, "1").await;
    id
}

/// 提交申请 of a draft; says its 申请单号.
pub async fn submit(enterprise: &Browser, id: &str) -> String {
    let page = enterprise.get(&format!("/applications/{id}/submission")).await.is(200);
    let receipt = enterprise.send(&page.form("提交申请")).await.is(200).sees("提交成功");
    receipt.texts("strong.code").remove(0)
}

/// An application in 受理中.
pub async fn submitted(site: &Site, enterprise: &Browser) -> String {
    let id = complete_draft(site, enterprise).await;
    submit(enterprise, &id).await;
    id
}

/// The officers of one bureau, one post each, as in real life.
pub struct Bureau {
    pub accept: Browser,
    pub first: Browser,
    pub last: Browser,
    pub compare: Browser,
    pub issue: Browser,
    pub terminate: Browser,
}

impl Bureau {
    /// 上海局.
    pub async fn shanghai(site: &Site) -> Self {
        Self {
            accept: site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await,
            first: site.officer("sh_first", SHANGHAI, &[Post::FirstReview]).await,
            last: site.officer("sh_final", SHANGHAI, &[Post::FinalReview]).await,
            compare: site.officer("sh_compare", SHANGHAI, &[Post::Compare]).await,
            issue: site.officer("sh_issue", SHANGHAI, &[Post::Issue]).await,
            terminate: site.officer("sh_terminate", SHANGHAI, &[Post::Terminate]).await,
        }
    }

    /// Passes the application on until it stands before this post.
    pub async fn bring_to(&self, id: &str, post: Post) {
        for (at, officer, decision) in [
            (Post::Accept, &self.accept, "accept"),
            (Post::FirstReview, &self.first, "pass"),
            (Post::FinalReview, &self.last, "pass"),
            (Post::Compare, &self.compare, "pass"),
            (Post::Issue, &self.issue, "issue"),
        ] {
            if at == post {
                return;
            }
            decide(officer, id, &[("decision", decision), ("opinion", "同意。")]).await.is(200).sees("已提交意见");
        }
    }
}

/// 提交意见 on the page of a case.
pub async fn decide(officer: &Browser, id: &str, fields: &[(&str, &str)]) -> Page {
    let page = officer.get(&format!("/casework/{id}")).await.is(200);
    officer.send(&page.form("提交意见").fill(fields)).await
}

/// 材料已收到: all that the case knows of.
pub async fn papers_arrive(officer: &Browser, id: &str) -> Page {
    let page = officer.get(&format!("/casework/{id}")).await.is(200);
    let form = page.form("提交意见").set("decision", "paper_arrived");
    let documents = page.attributes("input[name=arrived]", "value");
    officer.send(&documents.iter().fold(form, |form, document| form.tick("arrived", document))).await
}

/// An issued application, its paper made; says its id.
pub async fn issued(site: &Site, enterprise: &Browser, bureau: &Bureau) -> String {
    let id = submitted(site, enterprise).await;
    bureau.bring_to(&id, Post::Terminate).await;
    site.work().await;
    id
}
