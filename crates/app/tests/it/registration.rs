//! 注册 (manual §1.1).

use axum::http::Method;

use crate::support::{Browser, Page, Site};

const PARTICULARS: [(&str, &str); 13] = [
    ("username", "zhang_shili"),
    ("password", "Shili-2026"),
    ("password_again", "Shili-2026"),
    ("org_code", "80210043-3"),
    ("org_name", "示例电器(上海)有限公司"),
    ("org_postcode", "200000"),
    ("org_address", "上海市浦东新区示例路 100 号"),
    ("region_code_1", "310000"),
    ("region_code_2", "310100"),
    ("region_code_3", "310115"),
    ("contact_name", "张示例"),
    ("contact_phone", "021-00000000"),
    ("contact_email", "demo@example.com"),
];

async fn code_page(visitor: &Browser) -> Page {
    let terms = visitor.get("/registration/terms").await.is(200).sees("注册用户声明").sees("我不同意");
    visitor.send(&terms.form("我同意")).await.is(200).sees("组织机构代码")
}

async fn particulars_page(visitor: &Browser, code: &str) -> Page {
    let page = code_page(visitor).await;
    visitor.send(&page.form("注册").set("org_code", code)).await
}

pub async fn register(visitor: &Browser, fields: &[(&str, &str)]) -> Page {
    let page = particulars_page(visitor, "").await.is(200);
    visitor.send(&page.form("注册").fill(&PARTICULARS).fill(fields)).await
}

/// R-1.1-01, -02: the declaration first; 我不同意 leads home and makes nothing.
#[tokio::test]
async fn r_1_1_01_registration_begins_with_the_declaration() {
    for site in Site::each().await {
        let visitor = site.visitor();
        let home = visitor.get("/").await.is(200);
        assert_eq!(home.link("注册"), "/registration/terms");
        let terms = visitor.get("/registration/terms").await.is(200);
        assert_eq!(terms.link("我不同意"), "/");
        assert_eq!(site.number("SELECT COUNT(*) FROM account").await, 0);
    }
}

/// R-1.1-03: the later pages cannot be reached without agreeing, not even by sending their forms.
#[tokio::test]
async fn r_1_1_03_nothing_is_reached_without_agreeing() {
    for site in Site::each().await {
        let visitor = site.visitor();
        visitor.get("/registration/organisation").await.at("/registration/terms").sees("我同意");
        let form: Vec<_> = PARTICULARS.to_vec();
        visitor.force(&Method::POST, "/registration/particulars", &form).await.is(409).sees("请先阅读注册用户声明");
        visitor
            .force(&Method::POST, "/registration/organisation", &[("org_code", "")])
            .await
            .is(409)
            .sees("请先阅读注册用户声明");
        // The consent of one visitor is worth nothing to another.
        let consent = code_page(&visitor).await.value("consent");
        let mut stolen = form.clone();
        stolen.push(("consent", consent.as_str()));
        site.visitor().force(&Method::POST, "/registration/particulars", &stolen).await.is(409);
        assert_eq!(site.number("SELECT COUNT(*) FROM account").await, 0);
    }
}

/// R-1.1-07, -09: a blank form for an empty code; the new user can log in at once.
#[tokio::test]
async fn r_1_1_09_a_registered_user_logs_in_at_once() {
    for site in Site::each().await {
        let visitor = site.visitor();
        let blank = particulars_page(&visitor, "").await.is(200).sees("填写注册资料");
        assert_eq!((blank.value("org_code"), blank.value("org_name")), (String::new(), String::new()));
        let done = visitor.send(&blank.form("注册").fill(&PARTICULARS)).await.is(200).sees("注册成功");
        let login = done.form("登录").fill(&[("username", "ZHANG_shili"), ("password", "Shili-2026")]);
        visitor.send(&login).await.at("/main").sees("示例电器(上海)有限公司").sees("80210043-3");
    }
}

/// R-1.1-08, -13, -14: every star at once, with everything typed kept; the advice on mailboxes.
#[tokio::test]
async fn r_1_1_08_every_mistake_is_reported_at_once_and_nothing_typed_is_lost() {
    for site in Site::each().await {
        let visitor = site.visitor();
        let page = particulars_page(&visitor, "").await.is(200).sees("请尽量使用比较规范的邮箱地址");
        let empty = page.form("注册").set("applicant_kind", "").set("contact_fax", "无传真");
        let again = visitor.send(&empty).await.is(422).sees("没有保存");
        assert_eq!(
            again.faulty_fields(),
            [
                "username",
                "password",
                "password_again",
                "org_code",
                "org_name",
                "org_postcode",
                "org_address",
                "region_code",
                "applicant_kind",
                "contact_name",
                "contact_phone",
                "contact_fax",
                "contact_email",
            ]
        );
        assert_eq!(again.error("org_name"), "请填写申请单位");
        assert_eq!(again.value("contact_fax"), "无传真");
        assert!(again.html().contains("<title>错误："));

        let wrong = visitor
            .send(&again.form("注册").fill(&PARTICULARS).fill(&[
                ("username", "1a"),
                ("password", "aaaaaaaa"),
                ("password_again", "b"),
                ("org_code", "802100434"),
                ("org_postcode", "20000"),
                ("contact_mobile", "12345"),
                ("contact_email", "不是邮箱"),
                ("contact_fax", ""),
                ("applicant_kind", "importer"),
            ]))
            .await
            .is(422);
        assert_eq!(
            wrong.faulty_fields(),
            ["username", "password", "password_again", "org_code", "org_postcode", "contact_mobile", "contact_email"]
        );
        assert!(wrong.error("org_code").contains("校验"), "{}", wrong.error("org_code"));
        assert_eq!(wrong.value("org_name"), "示例电器(上海)有限公司");
        assert_eq!(wrong.value("password"), "", "passwords are never shown again");
        assert_eq!(site.number("SELECT COUNT(*) FROM account").await, 0);
    }
}

/// R-1.1-14: check digits of GB 11714 and GB 32100; an 18-digit code leads to the same organisation.
#[tokio::test]
async fn r_1_1_14_codes_with_wrong_check_digits_are_refused() {
    for site in Site::each().await {
        for wrong in ["802100434", "91110000802100433C", "12345", "91110000802100433"] {
            let page = particulars_page(&site.visitor(), wrong).await.is(422);
            assert!(page.error("org_code").starts_with("组织机构代码"), "{wrong}: {}", page.error("org_code"));
            assert_eq!(page.value("org_code"), wrong);
        }
        register(&site.visitor(), &[("org_code", "91110000802100433B")]).await.is(200).sees("注册成功");
        // Full width and lower case are read as people type them.
        let page = particulars_page(&site.visitor(), " ８０２１００４３３ ").await.is(200);
        assert_eq!(page.value("org_name"), "示例电器(上海)有限公司");
    }
}

/// R-1.1-14: a user name is taken whatever its case.
#[tokio::test]
async fn r_1_1_14_a_taken_user_name_is_refused() {
    for site in Site::each().await {
        register(&site.visitor(), &[]).await.is(200).sees("注册成功");
        let again = register(&site.visitor(), &[("username", "Zhang_Shili"), ("contact_name", "李示例")]).await.is(422);
        assert!(again.error("username").contains("已被使用"), "{}", again.error("username"));
        assert_eq!(again.value("contact_name"), "李示例");
        assert_eq!(site.number("SELECT COUNT(*) FROM account").await, 1);
    }
}

/// R-1.1-05, -06, -11, -15, D3, D4: the shared fields and the region come from the former registration and are not
/// overwritten; no person's data do.
#[tokio::test]
async fn r_1_1_06_a_registered_code_brings_its_shared_fields_and_no_person() {
    for site in Site::each().await {
        register(&site.visitor(), &[]).await.is(200).sees("注册成功");
        let second = site.visitor();
        let page = particulars_page(&second, "802100433").await.is(200).sees("已经注册过用户");
        assert_eq!(page.value("org_name"), "示例电器(上海)有限公司");
        assert_eq!(page.value("org_address"), "上海市浦东新区示例路 100 号");
        assert_eq!(page.value("region_code_3"), "310115");
        assert!(page.attribute("[name=org_name]", "readonly").is_some());
        for private in ["contact_name", "contact_phone", "contact_email", "username"] {
            assert_eq!(page.value(private), "", "{private}");
        }
        assert!(!page.html().contains("张示例") && !page.html().contains("demo@example.com"));

        let form = page.form("注册").fill(&PARTICULARS).fill(&[("username", "second"), ("org_name", "别的名称")]);
        second.send(&form).await.is(200).sees("注册成功");
        assert_eq!(site.number("SELECT COUNT(*) FROM organisation").await, 1);
        assert_eq!(site.number("SELECT COUNT(*) FROM organisation WHERE name = '别的名称'").await, 0);
        assert_eq!(site.number("SELECT COUNT(*) FROM account WHERE membership = 'administrator'").await, 1);
        assert_eq!(site.number("SELECT COUNT(*) FROM account WHERE membership = 'pending'").await, 1);
    }
}

/// R-1.1-04, -10: 重填 is a button of both pages.
#[tokio::test]
async fn r_1_1_10_both_forms_can_be_cleared() {
    for site in Site::each().await {
        let visitor = site.visitor();
        assert!(code_page(&visitor).await.offers().contains(&"重填".to_owned()));
        assert!(particulars_page(&visitor, "").await.offers().contains(&"重填".to_owned()));
    }
}

/// E24: without script 刷新 shows the next list, keeps everything typed and reports no mistake.
#[tokio::test]
async fn the_region_is_chosen_without_script() {
    for site in Site::each().await {
        let visitor = site.visitor();
        let page = particulars_page(&visitor, "").await.is(200);
        let form = page.form("刷新").set("region_code_1", "310000").set("org_name", "示例");
        let page = visitor.send(&form).await.is(200);
        assert!(page.faulty_fields().is_empty());
        assert_eq!(page.value("org_name"), "示例");
        assert!(page.texts("select[name=region_code_2] option").contains(&"市辖区".to_owned()));
    }
}

/// Two visitors who register the same code at once become one organisation with one administrator.
#[tokio::test]
async fn two_first_registrations_at_once_make_one_administrator() {
    for site in Site::each().await {
        let (a, b) = (site.visitor(), site.visitor());
        let first = particulars_page(&a, "").await.form("注册").fill(&PARTICULARS);
        let second = particulars_page(&b, "").await.form("注册").fill(&PARTICULARS).set("username", "second");
        let (one, two) = tokio::join!(a.send(&first), b.send(&second));
        one.is(200).sees("注册成功");
        two.is(200).sees("注册成功");
        assert_eq!(site.number("SELECT COUNT(*) FROM organisation").await, 1);
        assert_eq!(site.number("SELECT COUNT(*) FROM account WHERE membership = 'administrator'").await, 1);
    }
}
