//! What a user of an enterprise says of himself (forms §2.2): the same fields at 注册 and at 修改用户信息.

use db::account::Particulars;
use domain::application::ApplicantKind;
use domain::ids::RegionCode;
use domain::text;
use domain::time::Day;
use kit::form::{Checker, FormData};
use kit::reference::ReferenceCache;

/// Reads the user's own fields, noting every mistake; none when there is one. `stands` is the region that he has so far.
pub fn parse(
    check: &mut Checker<'_>,
    references: &ReferenceCache,
    today: Day,
    stands: Option<&RegionCode>,
) -> Option<Particulars> {
    let region =
        check.region("region_code", "所在地行政区划", |levels| references.leaf_on(levels, today, stands));
    let applicant_kind =
        check.parse("applicant_kind", "单位性质", |s| s.parse::<ApplicantKind>().map_err(|_| "请选择单位性质"));
    let legal_rep = check.text("legal_rep", "法定代表人").one_line().length(0..=50).take();
    let contact_name = check.text("contact_name", "联系人").one_line().required().length(2..=50).take();
    let contact_phone =
        check.parse("contact_phone", "联系电话", |s| text::phone(s).map_err(|e| format!("联系电话{e}")));
    let contact_mobile = check.parse_optional("contact_mobile", text::mobile);
    let contact_fax = check.parse_optional("contact_fax", |s| text::phone(s).map_err(|e| format!("传真{e}")));
    let contact_email = check.parse("contact_email", "联系人邮箱", text::email);
    Some(Particulars {
        region: region?,
        applicant_kind: applicant_kind?,
        legal_rep,
        contact_name,
        contact_phone: contact_phone?,
        contact_mobile: contact_mobile.unwrap_or_default(),
        contact_fax: contact_fax.unwrap_or_default(),
        contact_email: contact_email?,
    })
}

/// The stored fields as those of the page.
pub fn typed(references: &ReferenceCache, p: &Particulars) -> FormData {
    let mut data = FormData::default();
    for (n, code) in references.region_levels(&p.region).iter().enumerate() {
        data.set(&format!("region_code_{}", n + 1), code.as_str());
    }
    data.set("applicant_kind", p.applicant_kind.word());
    for (field, value) in [
        ("legal_rep", &p.legal_rep),
        ("contact_name", &p.contact_name),
        ("contact_phone", &p.contact_phone),
        ("contact_mobile", &p.contact_mobile),
        ("contact_fax", &p.contact_fax),
        ("contact_email", &p.contact_email),
    ] {
        data.set(field, value);
    }
    data
}
