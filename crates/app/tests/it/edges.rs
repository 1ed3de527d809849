//! What people paste and type: characters that nobody can see, dots, telephones, mailboxes in other scripts. Every edge reads
//! them in the same way.

use domain::actor::Post;

use crate::story::{self, AIR_CONDITIONER};
use crate::support::{PASSWORD, SHANGHAI, Site};

fn asked(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Zero-width characters, marks of direction and control characters are dropped at forms and searches; a name with a
/// variation of a Han ideograph keeps it, and is found without it.
#[tokio::test]
async fn what_nobody_can_see_is_dropped_and_finds_nothing_less() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::complete_draft(&site, &user).await;
        let typed = [
            ("use_unit_name", "\u{200b}葛\u{e0100}城电器\u{feff}有限公司\u{202c}"),
            ("contract_no", "HT\u{ad}-2026\u{200d}-01\u{1}"),
            ("use_contact", "\u{2066}张示例\u{2069}"),
            ("use_phone", "（021）12345678 转 801"),
            ("remark", "第一行\r\n第二行"),
        ];
        story::fill_basics(&user, &id, &typed).await.is(200);
        user.upload(&id, "contract", &[("合同.pdf", story::pdf())]).await.is(200);
        let page = user.get(&format!("/applications/{id}/basics")).await.is(200);
        assert_eq!(page.value("use_unit_name"), "葛\u{e0100}城电器有限公司");
        assert_eq!(page.value("contract_no"), "HT-2026-01");
        assert_eq!(page.value("use_contact"), "张示例");
        assert_eq!(page.value("use_phone"), "021-12345678转801");
        assert_eq!(
            page.value("remark"),
            "第一行；第二行",
            "a field of one line has no break that a browser would drop"
        );
        // What is stored is what the page shows: saving it again changes nothing.
        user.send(&page.form("保存并进入下一步")).await.is(200);
        let number = story::submit(&user, &id).await;
        let officer = site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        for typed in ["HT-2026\u{200b}-01", "\u{feff}ht-2026-01\u{200f}", "HT\u{ad}-2026-01"] {
            officer.get(&format!("/search?q={}", asked(typed))).await.is(200).sees(&number);
            user.get(&format!("/applications?contract_no={}", asked(typed))).await.is(200).sees(&number);
        }
        let list = format!("/casework?post=accept&number={}", asked(&format!("\u{200b}{number}\u{200b}")));
        officer.get(&list).await.is(200).sees(&number);
    }
}

/// The dots of names find each other, whichever was typed when.
#[tokio::test]
async fn the_dots_of_names_find_each_other() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::open_draft(&user).await;
        story::fill_basics(&user, &id, &[]).await.is(200);
        let product = [("product_name", "让·雅克空调器"), ("model", "KC•26")];
        story::add_product(&user, &id, AIR_CONDITIONER, &product).await.is(200);
        story::attach(&site, &user, &id, "1").await;
        story::submit(&user, &id).await;
        let officer = site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        let found = async |typed: &str| {
            let page = officer.get(&format!("/search?tab=products&q={}", asked(typed))).await.is(200);
            page.texts("#result td.lead-cell")
        };
        for dot in ["·", "•", "・", "．", "‧", "∙"] {
            for typed in [format!("让{dot}雅克"), format!("KC{dot}26")] {
                assert_eq!(found(&typed).await, ["让·雅克空调器"], "{typed}");
            }
        }
        // What was folded by an earlier version is folded anew by the migration, and found again.
        for sql in [
            "UPDATE application_item SET product_folded = '让·雅克\u{200b}空调器', model_folded = 'kc•26'",
            "DELETE FROM application_ending WHERE field IN (6, 7)",
        ] {
            db::testing::try_sql(&site.app.db, sql).await.unwrap();
        }
        assert_eq!(found("让・雅克空调器").await, Vec::<String>::new());
        db::testing::apply_again(&site.app.db, "0099_folding").await;
        assert_eq!(found("让・雅克空调器").await, ["让·雅克空调器"]);
        assert_eq!(found("KC‧26").await, ["让·雅克空调器"]);
    }
}

/// A mailbox in another script is taken, kept as people read it, and written to; what is no mailbox is named.
#[tokio::test]
async fn mailboxes_in_other_scripts_are_taken() {
    for site in Site::each().await {
        let user = site.company().await;
        for (typed, kept) in [
            ("用户@例子.公司", "用户@例子.公司"),
            ("user＠例え。jp", "user@例え.jp"),
            ("user@xn--fsqu00a.xn--55qx5d", "user@例子.公司"),
        ] {
            let page = user.get("/profile/particulars").await.is(200);
            let form = page.form("保存").fill(&[
                ("contact_email", typed),
                ("contact_mobile", "+86 138—0000—0000"),
                ("mailbox_password", PASSWORD),
            ]);
            user.send(&form).await.is(200);
            let page = user.get("/profile/particulars").await.is(200);
            assert_eq!(page.value("contact_email"), kept);
            assert_eq!(page.value("contact_mobile"), "13800000000");
        }
        let page = user.get("/profile/particulars").await.is(200);
        let wrong = user.send(&page.form("保存").set("contact_email", "用户@公司")).await.is(422);
        assert!(wrong.error("contact_email").contains("邮箱格式不正确"));
        assert_eq!(wrong.value("contact_email"), "用户@公司");
        story::submitted(&site, &user).await;
        site.work().await;
        assert!(site.mail.letters().iter().any(|l| l.to == "user@例子.公司"));
    }
}
