// 忘记密码, 修改密码, 修改用户信息, 单位用户.
import assert from "node:assert/strict";
import { journey, together } from "./harness.mjs";
import * as s from "./steps.mjs";

/** @typedef {import("playwright-core").Page} Page */

/** Logs in as 企业 and says nothing about where it leads. @param {Page} page @param {string} user @param {string} password */
async function logIn(page, user, password) {
  await page.goto(new URL("/login", page.url()).href);
  await s.fill(page.getByRole("main"), { "用户名": user, "密码": password });
  await s.press(page, "登录");
}

together("用户信息", () => {
  journey("忘记密码：邮件中的新密码只用来设置自己的密码", async ({ open, both, letter }) => {
    const company = s.newCompany();
    const elsewhere = await open("/");
    await s.register(elsewhere, company);
    const page = await open("/");
    await page.getByRole("main").getByRole("link", { name: "忘记密码" }).click();
    await s.at(page, "取回密码");
    await s.press(page, "提交");
    await page.getByRole("alert").filter({ hasText: "有 2 处需要修改" }).waitFor();
    await both(page, "02d-forgot-password");
    await s.fill(page.getByRole("main"), { "用户名": company.user, "邮箱地址": company.mail });
    await s.press(page, "提交");
    await page.getByRole("status").filter({ hasText: "已提交。" }).waitFor();
    await both(page, "02d-forgot-password-sent");
    const mail = await letter((l) => l.to.includes(company.mail) && l.subject.includes("新密码"));
    const mailed = /^ {4}(\S{12,})\s*$/m.exec(mail.text)?.[1] ?? "";
    assert.ok(mailed, mail.text);

    await logIn(page, company.user, mailed);
    await s.at(page, "修改密码");
    await page.getByText("您使用一次性密码登录").waitFor();
    await both(page, "22-password-forced");
    await page.goto(new URL("/applications", page.url()).href);
    await s.at(page, "修改密码");
    const own = "shili-2026-xin";
    await s.fill(page.getByRole("main"), { "新密码": own, "确认新密码": own });
    await s.press(page, "保存");
    await page.getByRole("status").filter({ hasText: "密码已修改" }).waitFor();
    await s.at(page, company.name);

    // The session elsewhere has ended; the old and the mailed password open nothing.
    await elsewhere.reload();
    await s.at(elsewhere, "登录");
    for (const password of [s.PASSWORD, mailed]) {
      await logIn(elsewhere, company.user, password);
      await elsewhere.getByRole("alert").filter({ hasText: "不正确" }).waitFor();
    }
    await logIn(elsewhere, company.user, own);
    await s.at(elsewhere, company.name);

    await elsewhere.getByLabel(`当前用户：${company.user}`).click();
    await elsewhere.getByRole("banner").getByRole("link", { name: "修改密码" }).click();
    await s.at(elsewhere, "修改密码");
    await s.fill(elsewhere.getByRole("main"), { "原密码": "not-the-password-1", "新密码": "x", "确认新密码": "y" });
    await s.press(elsewhere, "保存");
    await elsewhere.getByRole("alert").filter({ hasText: "有 3 处需要修改" }).waitFor();
    await both(elsewhere, "22-password");
  });

  journey("修改用户信息：重新登录后在新申请中生效", async ({ open, both }) => {
    const company = s.newCompany();
    const page = await open("/");
    const main = page.getByRole("main");
    await s.register(page, company);
    await s.menu(page, "修改用户信息");
    await s.at(page, "修改用户信息");
    for (const fixed of ["用户名", "组织机构代码"]) assert.equal(await s.field(page, fixed).count(), 0, `${fixed} cannot be changed`);
    await s.cascade(page, "所在地行政区划", ["上海市", "市辖区", "黄浦区"]);
    await s.fill(main, { "联系电话": "021-11111111", "申请单位": "示例家电(上海)有限公司", "联系人邮箱": "不是邮箱" });
    await s.press(page, "保存");
    await page.getByRole("alert").filter({ hasText: "有 1 处需要修改" }).waitFor();
    await s.fill(main, { "联系人邮箱": company.mail });
    await s.press(page, "保存");
    await page.getByRole("status").filter({ hasText: "已保存用户信息" }).waitFor();
    await both(page, "22-user-info");
    await s.openDraft(page);
    await main.getByText("021-00000000").first().waitFor();
    assert.equal(await main.getByText("021-11111111").count(), 0, "this session keeps the old particulars");

    await s.menu(page, "修改用户信息");
    await s.press(page, "立即重新登录");
    await logIn(page, company.user, s.PASSWORD);
    await s.openDraft(page);
    await main.getByText("021-11111111").first().waitFor();
    await main.getByText("示例家电(上海)有限公司").first().waitFor();
    // The older draft offers to take the new particulars over.
    await s.menu(page, "查看申请列表");
    await page.getByRole("link", { name: /^修改 草稿/ }).last().click();
    await s.press(page, "刷新申请单位信息");
    await main.getByText("021-11111111").first().waitFor();
  });

  journey("单位用户：确认、共享、移交", async ({ open, both }) => {
    const first = s.newCompany();
    const one = await open("/");
    await s.register(one, first);
    const second = { ...first, user: `${first.user}_b`, mail: `b-${first.mail}` };
    const two = await open("/");
    await s.register(two, second);
    await s.menu(two, "修改用户信息");
    await two.getByText("您还没有经单位管理员确认").waitFor();
    assert.equal(await s.field(two, "申请单位").isEditable(), false);
    await both(two, "22-user-info-pending");

    await s.menu(one, "主页");
    await one.getByRole("link", { name: "1 个用户待确认" }).click();
    await s.at(one, "单位用户");
    await both(one, "22-colleagues");
    await s.press(one, `确认 ${second.user}`);
    await one.getByRole("status").filter({ hasText: "已确认该用户" }).waitFor();
    await two.reload();
    assert.equal(await s.field(two, "申请单位").isEditable(), true);

    // 单位内共享 shows the colleague's applications.
    await s.openDraft(one);
    await s.menu(two, "查看申请列表");
    await two.getByRole("heading", { name: "还没有申请" }).waitFor();
    await s.menu(one, "修改用户信息");
    await one.getByRole("main").getByRole("link", { name: "单位用户" }).click();
    await s.press(one, "打开单位内共享");
    await one.getByText("已打开").first().waitFor();
    await two.reload();
    await two.getByRole("row").filter({ hasText: "草稿" }).waitFor();

    await s.press(one, `移交单位管理员给 ${second.user}`);
    const dialog = one.getByRole("dialog", { name: "移交单位管理员" });
    await dialog.getByText(`${second.user} 将成为单位管理员`).waitFor();
    await dialog.getByRole("button", { name: "移交" }).click();
    await one.getByRole("status").filter({ hasText: "已移交单位管理员" }).waitFor();
    await both(one, "22-colleagues-member");
  });
});
