// 新申请 and 申请列表: with and without script, two tabs, an ended session, what was typed is never lost.
import assert from "node:assert/strict";
import { journey, together } from "./harness.mjs";
import * as s from "./steps.mjs";

/** @typedef {import("playwright-core").Page} Page */

/** A company with a draft open on 申请基本信息. @param {import("./harness.mjs").Tools} tools */
async function draft({ open }) {
  const company = s.newCompany();
  const page = await open("/");
  await s.register(page, company);
  await s.openDraft(page);
  return { company, page, main: page.getByRole("main") };
}

/** The marker is gone after a full reload. @param {Page} page */
const mark = (page) => page.evaluate(() => { Object.assign(window, { marker: 1 }); });
/** @param {Page} page @returns {Promise<boolean>} */
const isMarked = (page) => page.evaluate(() => "marker" in window);

together("填写申请，查询列表", () => {
  journey("没有脚本：从注册到附表产品，列表查询是普通的 GET", async ({ open }) => {
    const company = s.newCompany();
    const page = await open("/", { javaScript: false });
    const main = page.getByRole("main");
    await s.enterCode(page, company.code);
    await s.fill(main, s.particulars(company));
    await s.cascade(page, "所在地行政区划", ["上海市", "市辖区", "浦东新区"], { javaScript: false });
    // Passwords are never sent back; everything else survives 刷新.
    assert.equal(await s.field(page, "联系人").inputValue(), "张示例");
    await s.fill(main, { "密码": s.PASSWORD, "确认密码": s.PASSWORD });
    await s.press(page, "注册");
    await s.at(page, "注册成功");
    await s.fill(main, { "用户名": company.user, "密码": s.PASSWORD });
    await s.press(page, "登录");
    await s.at(page, company.name);

    await s.menu(page, "新申请");
    await s.press(page, "我同意");
    await page.getByRole("radio", { name: "为科研、测试所需的产品" }).check();
    await s.fill(main, { "贸易方式": "一般贸易（0110）" });
    await s.press(page, "保存并进入下一步");
    await s.at(page, "申请基本信息");
    await s.fill(main, { ...s.BASICS, "合同号": "HT-2026-无脚本" });
    await s.cascade(page, "产品最终使用地行政区划", ["江苏省", "苏州市", "虎丘区"], { javaScript: false });
    assert.equal(await s.field(page, "用途及免办理由").inputValue(), s.BASICS["用途及免办理由"], "刷新 keeps what was typed");
    await s.press(page, "保存");
    await page.getByText("当前对应：江苏出入境检验检疫局").waitFor();
    await main.getByRole("link", { name: "查看申请产品信息" }).click();
    await s.at(page, "附表产品信息");
    await main.getByRole("link", { name: "添加", exact: true }).first().click();
    await s.field(page, "编码").fill("8415101000");
    await s.press(page, "查询");
    await s.fill(main, { ...s.PRODUCT, ...s.AIR_CONDITIONER, "币制": "欧元（EUR）" });
    await s.press(page, "保存并关闭");
    await page.getByText("已保存产品“窗式空调器样机”").waitFor();
    await main.getByRole("link", { name: "详细信息" }).click();
    await page.getByRole("region", { name: "详细信息显示区" }).getByText("R32").waitFor();

    await s.menu(page, "查看申请列表");
    await s.fill(main, { "合同号": "ht-2026", "申请单状态": "未提交" });
    await s.press(page, "查询");
    const query = new URL(page.url()).searchParams;
    assert.deepEqual([query.get("contract_no"), query.get("state")], ["ht-2026", "draft"]);
    await s.rowOf(page, "HT-2026-无脚本").waitFor();
    await s.fill(main, { "合同号": "没有这个号" });
    await s.press(page, "查询");
    await page.getByRole("heading", { name: "没有符合条件的申请" }).waitFor();
    await main.getByRole("link", { name: "清除条件" }).first().click();
    await s.rowOf(page, "HT-2026-无脚本").waitFor();
  });

  journey("申请列表的查询只换结果，网址带条件，后退恢复", async ({ open, login }) => {
    const page = await open();
    await login(page, "企业", "demo_enterprise");
    await s.menu(page, "查看申请列表");
    await s.at(page, "申请列表");
    const states = () => page.getByRole("row").locator(".st").allInnerTexts();
    const all = await states();
    assert.ok(new Set(all).size > 5, all.join("，"));
    await mark(page);
    await s.fill(page.getByRole("main"), { "申请单状态": "已发证" });
    await s.press(page, "查询");
    await page.waitForURL(/state=issued/);
    await page.getByRole("row").filter({ hasText: "受理中" }).first().waitFor({ state: "detached" });
    assert.ok(await isMarked(page), "the page itself was not loaded again");
    assert.ok((await states()).every((state) => state === "已发证"));
    await page.getByRole("link", { name: /^证明 / }).first().waitFor();

    await s.fill(page.getByRole("main"), { "申请单状态": "拒绝受理" });
    await s.press(page, "查询");
    await page.waitForURL(/state=acceptance_refused/);
    await page.getByRole("row").filter({ hasText: "拒绝受理" }).waitFor();
    await page.goBack();
    await page.waitForURL(/state=issued/);
    await page.getByRole("row").filter({ hasText: "已发证" }).first().waitFor();
    assert.equal(await s.field(page, "申请单状态").evaluate((e) => /** @type {HTMLSelectElement} */ (e).selectedOptions[0].label), "已发证");
    await page.goBack();
    await page.getByRole("row").filter({ hasText: "受理中" }).first().waitFor();
    assert.deepEqual(await states(), all);
  });

  journey("勾选草稿后批量删除，先确认", async (tools) => {
    const { page, main } = await draft(tools);
    await s.openDraft(page);
    await s.menu(page, "查看申请列表");
    await s.at(page, "申请列表");
    const boxes = page.getByRole("checkbox", { name: /^选择草稿/ });
    assert.equal(await boxes.count(), 2);
    const button = main.getByRole("button", { name: /^删除/ });
    await page.getByRole("checkbox", { name: "全选可删除的申请" }).check();
    await main.getByRole("button", { name: /删除\s*\(2\)/ }).waitFor();
    await boxes.last().uncheck();
    await main.getByRole("button", { name: /删除\s*\(1\)/ }).waitFor();
    await button.click();
    const dialog = page.getByRole("dialog", { name: "删除未提交的申请" });
    await dialog.getByText("删除后不能恢复").waitFor();
    assert.ok(await dialog.getByRole("button", { name: "返回" }).evaluate((e) => e === document.activeElement), "返回 has the focus");
    await tools.both(page, "10b-bulk-delete");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    assert.equal(await boxes.count(), 2, "nothing is deleted before it is confirmed");
    assert.ok(await button.evaluate((e) => e === document.activeElement), "the focus returns to the button");
    await button.click();
    await dialog.getByRole("button", { name: "删除" }).click();
    await page.getByRole("status").filter({ hasText: "已删除 1 份" }).waitFor();
    assert.equal(await boxes.count(), 1);
  });

  journey("离开改过的表单会提醒；剩余字数；重填", async (tools) => {
    const { page, main } = await draft(tools);
    const purpose = s.field(page, "用途及免办理由");
    await page.getByText("还可输入 1000 字").waitFor();
    await purpose.click();
    await page.keyboard.type("用于房间空气调节器的能效对比测试");
    await page.getByText("还可输入 984 字").waitFor();
    await purpose.fill("长".repeat(1003));
    await page.getByText("超出 3 字，请删减").waitFor();
    await purpose.fill("用于房间空气调节器的能效对比测试");

    const question = s.answerDialog(page, false);
    await main.getByRole("link", { name: "返回申请列表" }).click();
    assert.equal(await question, "beforeunload", "leaving is asked about");
    assert.equal(await purpose.inputValue(), "用于房间空气调节器的能效对比测试");
    await s.fillBasics(page); // saving leaves without a question

    await main.getByRole("link", { name: "添加", exact: true }).first().click();
    await s.field(page, "编码").fill("84");
    await s.press(page, "查询");
    await page.getByText(/^查到 \d+ 种/).waitFor();
    await s.press(page, "重填", page.getByRole("search"));
    assert.equal(await s.field(page, "编码").inputValue(), "");
    await s.field(page, "名称").fill("展示");
    await s.press(page, "查询");
    await s.at(page, "免办产品信息"); // the only one
    await s.fill(main, { ...s.PRODUCT, ...s.REFRIGERATOR });
    await s.press(page, "重填");
    for (const label of ["需免办产品名称", "规格型号", "数量/重量", "总价", "容积", "制冷方式"]) assert.equal(await s.field(page, label).inputValue(), "", `重填 empties ${label}`);
    const again = s.answerDialog(page, true);
    await main.getByRole("link", { name: "返回", exact: true }).click();
    assert.equal(await again, "beforeunload");
    await s.at(page, "附表产品信息");
    await page.getByText("共 0 项").waitFor();
  });

  journey("重新选择产品类型：填写的内容带回，同名特性保留", async (tools) => {
    const { page, main } = await draft(tools);
    await s.fillBasics(page);
    await main.getByRole("link", { name: "添加", exact: true }).first().click();
    await s.field(page, "编码").fill("8415101000");
    await s.press(page, "查询");
    await s.fill(main, { ...s.PRODUCT, ...s.AIR_CONDITIONER, "总价": "1" });
    await s.press(page, "保存并关闭");
    const warning = page.getByRole("alert").filter({ hasText: "不一致，请核对" });
    await warning.waitFor();
    await tools.both(page, "07b-product-warning");
    await s.press(page, "重新选择");
    await s.at(page, "选择免办产品");
    await page.getByText("已填写的产品信息已临时保存").waitFor();
    await s.field(page, "编码").fill("8418500000");
    await s.press(page, "查询");
    await s.at(page, "免办产品信息");
    await main.getByText("用于存储和展示的其他冷藏或冷冻设备").waitFor();
    assert.equal(await s.field(page, "需免办产品名称").inputValue(), "窗式空调器样机");
    assert.equal(await s.field(page, "额定电压").inputValue(), "220");
    assert.equal(await s.field(page, "容积").inputValue(), "");
    await s.press(page, "保存并关闭");
    await page.getByRole("alert").filter({ hasText: "有 3 处需要修改" }).waitFor();
    await tools.both(page, "07b-product-errors");
    await s.fill(main, { ...s.REFRIGERATOR, "总价": "1202.40" });
    await s.press(page, "保存并关闭");
    await page.getByText("已保存产品“窗式空调器样机”").waitFor();
  });

  journey("两个页面改同一份草稿：第二个看到两边的内容", async (tools) => {
    const { page } = await draft(tools);
    const other = await page.context().newPage();
    await other.goto(page.url());
    await s.fill(other.getByRole("main"), { ...s.BASICS, "合同号": "HT-先保存" });
    await s.press(other, "保存");
    await other.getByRole("status").filter({ hasText: "已保存申请基本信息" }).waitFor();
    await s.fill(page.getByRole("main"), { ...s.BASICS, "合同号": "HT-后保存" });
    await s.press(page, "保存");
    const alert = page.getByRole("alert").filter({ hasText: "本次没有保存" });
    await alert.waitFor();
    assert.ok(await alert.evaluate((e) => e === document.activeElement), "the page says so first");
    const row = alert.getByRole("row").filter({ hasText: "合同号" });
    assert.ok(await row.getByRole("radio", { name: "合同号：保留您填写的 HT-后保存" }).isChecked(), "yours, unless told otherwise");
    assert.ok(await row.getByRole("radio", { name: "合同号：保留已保存的 HT-先保存" }).isVisible());
    assert.equal(await s.field(page, "合同号").inputValue(), "HT-后保存");
    await tools.both(page, "05-basic-info-conflict");
    await s.press(page, "保存");
    await page.getByRole("status").filter({ hasText: "已保存申请基本信息" }).waitFor();
    assert.equal(await s.field(page, "合同号").inputValue(), "HT-后保存");
  });
});

journey("填写期间登录失效：重新登录后继续提交，内容不丢", async (tools) => {
  const { company, page } = await draft(tools);
  try {
    await s.cascade(page, "产品最终使用地行政区划", ["上海市", "市辖区", "浦东新区"]);
    await s.fill(page.getByRole("main"), { ...s.BASICS, "备注": "第一行“引号”<b>&amp;" });
    tools.setClock(new Date(Date.now() + 31 * 60_000).toISOString());
    await s.press(page, "保存");
    await s.at(page, "登录已失效");
    await page.getByText("刚才提交的内容没有丢失").waitFor();
    await tools.both(page, "21d-session-expired");
    await s.fill(page.getByRole("main"), { "用户名": company.user, "密码": "not-the-password-1" });
    await s.press(page, "重新登录");
    await page.getByRole("alert").filter({ hasText: "用户类型、用户名或密码不正确" }).waitFor();
    await s.fill(page.getByRole("main"), { "用户名": company.user, "密码": s.PASSWORD });
    await s.press(page, "登录");
    await s.at(page, "继续提交");
    await tools.both(page, "21d-resume");
    await s.press(page, "继续提交");
    await page.getByRole("status").filter({ hasText: "已保存申请基本信息" }).waitFor();
    assert.equal(await s.field(page, "备注").inputValue(), "第一行“引号”<b>&amp;");
    assert.equal(await s.field(page, "用途及免办理由").inputValue(), s.BASICS["用途及免办理由"]);
  } finally {
    tools.resetClock();
  }
});
