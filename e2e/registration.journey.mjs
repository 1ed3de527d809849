// 注册: the second user of a company, mistakes, refusal.
import assert from "node:assert/strict";
import { journey, together } from "./harness.mjs";
import * as s from "./steps.mjs";

/** The fields of the error summary, as a person reads them. @param {import("playwright-core").Page} page */
const mistakes = (page) => page.getByRole("alert").getByRole("link").allInnerTexts();

together("注册", () => {
  journey("不同意声明就回到首页", async ({ open }) => {
    const page = await open("/");
    await page.getByRole("main").getByRole("link", { name: "注册", exact: true }).click();
    await s.at(page, "注册用户声明");
    await page.getByRole("link", { name: "我不同意" }).click();
    await s.at(page, "国家认监委 CCC 免办电子审批系统首页");
    assert.equal(new URL(page.url()).pathname, "/");
  });

  journey("同一组织机构代码的第二个用户：共用信息带出、不能改，不带个人信息", async ({ open, both }) => {
    const first = { ...s.newCompany(), name: "示例家电(上海)有限公司" };
    await s.register(await open("/"), first);

    const page = await open("/");
    await s.enterCode(page, first.code);
    await page.getByText("该组织机构代码已经注册过用户").waitFor();
    for (const [label, value] of Object.entries({
      "申请单位": "示例家电(上海)有限公司", "申请单位邮编": "200000", "申请单位地址": "上海市浦东新区示例路 100 号", "申请单位信息备注": "",
    })) {
      const shared = s.field(page, label);
      assert.equal(await shared.inputValue(), value);
      assert.equal(await shared.isEditable(), false, `${label} is read-only`);
    }
    const chosen = page.getByRole("group", { name: "所在地行政区划" }).getByRole("combobox");
    assert.deepEqual(await chosen.evaluateAll((lists) => lists.map((l) => /** @type {HTMLSelectElement} */ (l).selectedOptions[0].label)), ["上海市", "市辖区", "浦东新区"]);
    for (const label of ["用户名", "联系人", "联系电话", "手机", "传真", "联系人邮箱", "法定代表人"]) assert.equal(await s.field(page, label).inputValue(), "", label);
    assert.ok(!(await page.content()).includes(first.mail), "nothing of the first person is in the page");
    await both(page, "02c-register-second");

    const second = { ...first, user: `${first.user}_b`, mail: `b-${first.mail}` };
    await s.fillParticulars(page, second);
  });

  journey("所有错误一次列出，填写的内容都在", async ({ open, both }) => {
    const company = s.newCompany();
    const page = await open("/");
    const main = page.getByRole("main");
    // A wrong check character on the second page already.
    await page.goto(new URL("/registration/terms", page.url()).href);
    await s.press(page, "我同意");
    await s.at(page, "填写组织机构代码");
    const wrong = `${company.code.slice(0, 8)}${company.code[8] === "0" ? "1" : "0"}`;
    await s.field(page, "组织机构代码").fill(wrong);
    await s.press(page, "注册");
    await page.getByRole("alert").waitFor();
    assert.equal(await s.field(page, "组织机构代码").inputValue(), wrong);
    await both(page, "02b-register-orgcode-wrong");
    await s.press(page, "重填");
    assert.equal(await s.field(page, "组织机构代码").inputValue(), "", "重填 empties the field");
    await s.press(page, "注册");
    await s.at(page, "填写注册资料");

    await s.press(page, "注册");
    await page.getByRole("alert").filter({ hasText: "有 11 处需要修改" }).waitFor();
    assert.equal((await mistakes(page)).length, 11);
    await both(page, "02c-register-empty");

    const typed = { ...s.particulars(company), "用户名": "1a", "申请单位组织机构代码": wrong, "密码": "aaaaaaaa", "确认密码": "bbbbbbbb", "申请单位邮编": "20", "手机": "123", "联系人邮箱": "不是邮箱" };
    await s.fill(main, typed);
    await s.cascade(page, "所在地行政区划", ["上海市", "市辖区", "浦东新区"]);
    await s.press(page, "注册");
    const summary = page.getByRole("alert").filter({ hasText: "有 7 处需要修改" });
    await summary.waitFor();
    assert.ok(await summary.evaluate((e) => e === document.activeElement), "the summary has the focus");
    assert.match(await page.title(), /^错误：/);
    for (const [label, value] of Object.entries(typed)) {
      const shown = await s.field(page, label).evaluate((e) => (e instanceof HTMLSelectElement ? e.selectedOptions[0].label : /** @type {HTMLInputElement} */ (e).value));
      assert.equal(shown, /密码/.test(label) ? "" : value, `${label} keeps what was typed`);
    }
    const mail = s.field(page, "联系人邮箱");
    assert.equal(await mail.getAttribute("aria-invalid"), "true");
    await both(page, "02c-register-errors");
    await summary.getByRole("link").last().click();
    assert.ok(await mail.evaluate((e) => e === document.activeElement), "a link of the summary leads into its field");

    await s.fill(main, { ...s.particulars(company), "申请单位组织机构代码": company.code, "手机": "" });
    await s.press(page, "注册");
    await s.at(page, "注册成功");

    // The same user name again, in other letters.
    const other = { ...s.newCompany(), user: company.user.toUpperCase() };
    await s.enterCode(page, other.code);
    await s.fill(main, { ...s.particulars(other), "联系人": "李示例" });
    await s.cascade(page, "所在地行政区划", ["上海市", "市辖区", "浦东新区"]);
    await s.press(page, "注册");
    await page.getByRole("alert").filter({ hasText: "有 1 处需要修改" }).waitFor();
    assert.match((await mistakes(page))[0], /用户名.*已被使用/);
    assert.equal(await s.field(page, "联系人").inputValue(), "李示例");

    // 重填 empties everything, also on a page that came back with mistakes.
    page.on("dialog", (dialog) => dialog.accept());
    await s.press(page, "重填");
    for (const label of ["用户名", "申请单位", "联系人", "联系人邮箱"]) assert.equal(await s.field(page, label).inputValue(), "", `重填 empties ${label}`);
    // Leaving a changed form is asked about; the visitor means it.
    await page.goto(new URL("/", page.url()).href);
  });
});
