// 邮箱验证 of a new user, 邀请同事, 移交, and the page 企业用户 of the bureau.
import assert from "node:assert/strict";
import { journey, together } from "./harness.mjs";
import * as s from "./steps.mjs";

together("企业用户", () => {
  // D29
  journey("邮箱验证：验证前不能提交，邮件中的链接有效", async ({ open, both, letter }) => {
    const company = s.newCompany();
    const page = await open("/");
    await s.enterCode(page, company.written);
    await s.fill(page.getByRole("main"), s.particulars(company));
    await s.cascade(page, "所在地行政区划", ["上海市", "市辖区", "浦东新区"]);
    await s.press(page, "注册");
    await s.at(page, "注册成功");
    await page.getByText("系统已向您的联系人邮箱发送验证邮件").waitFor();
    await page.getByRole("radio", { name: "企业" }).check({ force: true });
    await s.fill(page.getByRole("main"), { "用户名": company.user, "密码": s.PASSWORD });
    await s.press(page, "登录");
    await page.getByRole("alert").filter({ hasText: "您的邮箱还没有验证" }).waitFor();
    await both(page, "24-main-unproved");
    await page.getByRole("main").getByRole("link", { name: "邮箱验证", exact: true }).click();
    await s.at(page, "邮箱验证");
    await s.fill(page.getByRole("main"), { "验证码": "AAAA-BBBB" });
    await s.press(page, "验证");
    await page.getByRole("alert").filter({ hasText: "验证码不正确" }).waitFor();
    await both(page, "24-mailbox");
    const mail = await letter((l) => l.to.includes(company.mail) && l.subject.includes("请验证您的邮箱"));
    const link = /https?:\/\/\S+\/mailbox\/proof\/\S+/.exec(mail.text)?.[0] ?? "";
    const other = await open(new URL(link).pathname);
    await both(other, "24-mailbox-proof");
    await s.press(other, "确认邮箱");
    await other.getByRole("status").filter({ hasText: "您是本单位的单位管理员" }).waitFor();

    await s.menu(page, "修改用户信息");
    await page.getByRole("main").getByRole("link", { name: "单位用户" }).click();
    await s.at(page, "单位用户");
    await s.fill(page.getByRole("main"), { "同事的邮箱": `b-${company.mail}` });
    await s.press(page, "发送邀请");
    await page.getByRole("status").filter({ hasText: "发送邀请" }).waitFor();
    await both(page, "24-colleagues");
    const invited = await letter((l) => l.to.includes(`b-${company.mail}`));
    const invitation = /https?:\/\/\S+\/registration\/invitation\/\S+/.exec(invited.text)?.[0] ?? "";
    const colleague = await open(new URL(invitation).pathname);
    await s.at(colleague, "接受邀请，注册");
    await both(colleague, "24-invitation");
  });

  // D30, D31
  journey("企业用户：查找单位，暂停和解除，更正代码的页面，移交", async ({ open, login, both }) => {
    const company = s.newCompany();
    const enterprise = await open("/");
    await s.register(enterprise, company);
    await s.openDraft(enterprise);
    const page = await open();
    await login(page, "检验检疫局", "demo_bureau");
    await s.menu(page, "企业用户");
    await s.at(page, "企业用户");
    await both(page, "24-organisations");
    await s.fill(page.getByRole("main"), { "申请单位、组织机构代码或用户名": company.user });
    await s.press(page, "查询");
    await page.getByRole("row").filter({ hasText: company.written }).getByRole("link", { name: company.name, exact: true }).click();
    await s.at(page, company.name);
    await both(page, "24-organisation");
    await page.getByRole("link", { name: "更正组织机构代码" }).click();
    await s.at(page, "更正组织机构代码");
    await s.press(page, "更正");
    await page.getByRole("alert").filter({ hasText: "处需要修改" }).waitFor();
    await both(page, "24-organisation-code");
    await page.getByRole("main").getByRole("link", { name: "返回", exact: true }).click();
    await s.at(page, company.name);
    await page.getByRole("link", { name: `移交 ${company.user} 的申请` }).click();
    await s.at(page, "移交申请和证明");
    await both(page, "24-handover");
    await page.goBack();
    await s.at(page, company.name);
    const suspension = page.locator("form[action$='/suspension']").filter({ has: page.getByRole("button", { name: "暂停", exact: true }) });
    await suspension.getByLabel("原因").fill("使用地与申报不符，核查期间暂停。");
    await s.press(page, "暂停");
    await page.getByRole("dialog").getByRole("button", { name: "暂停" }).click();
    await page.getByRole("status").filter({ hasText: "已暂停该单位" }).waitFor();
    await enterprise.goto(new URL("/main", enterprise.url()).href);
    await enterprise.getByRole("alert").filter({ hasText: "本单位已被检验检疫局暂停" }).waitFor();
    assert.equal(await enterprise.getByRole("link", { name: "填写新申请" }).count(), 0);
    await both(enterprise, "24-main-suspended");
  });
});
