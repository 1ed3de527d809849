// After the issue: a certificate is changed and sent back once, a surrender is refused, and two persons revoke it.
import assert from "node:assert/strict";
import { journey, together } from "./harness.mjs";
import * as s from "./steps.mjs";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("./harness.mjs").Tools} Tools */

/** Who takes an application to its certificate. */
const COURSE = /** @type {const} */ ([
  ["demo_accept", "受理", "受理"],
  ["demo_first", "初审", "初审通过"],
  ["demo_final", "终审", "终审通过"],
  ["demo_compare", "文件对比", "文件对比通过"],
  ["demo_issue", "发证", "发证"],
]);

/** An officer at a computer of their own. @param {Tools} tools @param {string} user */
async function officer({ open, login }, user) {
  const page = await open();
  await login(page, "检验检疫局", user);
  return page;
}

/** A company with a certificate; ends on its page. @param {Tools} tools */
async function issued(tools) {
  const page = await tools.open("/");
  await s.register(page, s.newCompany());
  const number = await s.fileApplication(page, tools.file);
  for (const [user, post, decision] of COURSE) {
    const desk = await officer(tools, user);
    await s.openCase(desk, post, number);
    await s.decide(desk, decision, { "意见": "同意。" });
    await desk.close();
  }
  const row = await s.findMine(page, number);
  await row.getByRole("link", { name: /^证明 / }).click();
  await s.at(page, /^免办证明/);
  const certificate = /(\d{17})/.exec(await page.getByRole("heading", { level: 1 }).innerText())?.[1] ?? "";
  assert.match(certificate, /^\d{17}$/);
  return { page, number, certificate };
}

/** A desk of the menu, the tab, the certificate opened. @param {Page} page @param {string} desk @param {string} tab @param {string} certificate @param {string} verb */
async function openAt(page, desk, tab, certificate, verb) {
  await s.menu(page, desk);
  await s.at(page, desk);
  const link = page.getByRole("main").getByRole("link", { name: new RegExp(`^${tab}`) }).first();
  await link.click();
  await page.getByRole("main").getByRole("link", { name: `${verb} ${certificate}` }).click();
}

/** 提交意见. @param {Page} page @param {string} decision @param {string} opinion */
async function decide(page, decision, opinion) {
  await page.getByRole("radio", { name: new RegExp(`^${decision}`) }).check();
  await s.field(page, "意见").fill(opinion);
  await s.press(page, "提交意见");
}

together("证明修改、注销和撤销", () => {
  journey("在线申请、修改、退回、重新修改、确认；注销未获同意；两人撤销", async (tools) => {
    const { page, number, certificate } = await issued(tools);
    const main = page.getByRole("main");
    const later = (/** @type {number} */ days) => new Date(Date.now() + (8 + 24 * days) * 3_600_000).toISOString().slice(0, 10);

    // 申请修改证明, 同意修改
    await main.getByRole("link", { name: "申请修改证明" }).click();
    await s.at(page, "申请修改证明");
    await s.press(page, "提交申请");
    await page.getByRole("alert").filter({ hasText: "有 1 处需要修改" }).waitFor();
    await tools.both(page, "13-amendment-request");
    await s.field(page, "需要修改的内容和原因").fill("境外交货延期，申请延长有效期；型号按最终发票更正。");
    await s.press(page, "提交申请");
    await page.getByText("已申请修改证明，等待检验检疫局答复").waitFor();
    await tools.both(page, "13-certificate-requested");
    const approve = await officer(tools, "demo_amend");
    await openAt(approve, "证明修改", "待批准", certificate, "办理");
    await s.at(approve, "办理证明修改");
    await tools.both(approve, "13-amendment-case-requested");
    await decide(approve, "同意修改", "同意，请尽快修改。");
    await approve.getByRole("status").filter({ hasText: "已返回企业修改" }).waitFor();
    await tools.both(approve, "13-amendments");
    await approve.getByRole("link", { name: "企业来电申请修改" }).click();
    await s.at(approve, "企业来电申请修改");
    await s.field(approve, "证明号").fill(certificate);
    await s.press(approve, "查找");
    await approve.getByText("尚未办结").waitFor();
    await tools.both(approve, "13-amendment-opening");

    // 修改证明: validity, a product, another HS 编码 looked at and left
    await s.menu(page, "主页");
    await page.getByRole("region", { name: "今日提醒" }).getByText("证明可以修改").waitFor();
    const row = await s.findMine(page, number);
    await row.getByRole("link", { name: `修改证明 ${number}` }).click();
    await s.at(page, /^修改证明/);
    await tools.both(page, "13a-certificate-edit-empty");
    await s.field(page, "证明有效期（止）").fill(later(400));
    await s.press(page, "保存");
    await page.getByRole("alert").filter({ hasText: "证明有效期最长 365 天" }).waitFor();
    await s.field(page, "证明有效期（止）").fill(later(200));
    await s.field(page, "修改原因").fill("境外工厂交货延期。");
    await s.press(page, "保存");
    await page.getByText("1 处修改").waitFor();
    await main.getByRole("link", { name: "查看申请产品信息" }).click();
    await s.at(page, /^证明产品信息/);
    await tools.both(page, "13-amendment-items");
    await main.getByRole("link", { name: /^修改第 1 项/ }).first().click();
    await s.at(page, "修改第 1 项产品");
    await s.fill(main, { "HS 编码": "8418500000" });
    await s.press(page, "更换");
    await s.field(page, "结构类型").waitFor();
    await tools.both(page, "13-amendment-item-other-type");
    await main.getByRole("link", { name: "取消", exact: true }).click();
    const question = page.getByRole("dialog");
    if (await question.isVisible()) await question.getByRole("button").last().click();
    await s.at(page, /^证明产品信息/);
    await main.getByRole("link", { name: /^修改第 1 项/ }).first().click();
    await s.at(page, "修改第 1 项产品");
    await s.fill(main, { "规格/型号": "KC-26/ZW-T2", "数量/重量": "10", "HS 标准量": "10" });
    await tools.both(page, "13-amendment-item");
    await s.press(page, "保存");
    await page.getByText("已改 3 项").waitFor();
    await tools.both(page, "13-amendment-items-changed");
    await main.getByRole("link", { name: "返回", exact: true }).click();
    await s.at(page, /^修改证明/);
    await tools.both(page, "13a-certificate-edit");
    await s.press(page, "提交");
    await s.at(page, "申请列表");

    // 不通过, 重新修改证明, 已提交新证明（查看）
    const confirm = await officer(tools, "demo_amend2");
    await openAt(confirm, "证明修改", "待确认", certificate, "办理");
    await s.at(confirm, "办理证明修改");
    await confirm.getByRole("radio", { name: /^不通过/ }).check();
    await s.press(confirm, "提交意见");
    await confirm.getByRole("alert").filter({ hasText: "请填写意见" }).waitFor();
    await tools.both(confirm, "13b-certificate-diff");
    await confirm.getByRole("link", { name: "查看全部产品" }).click();
    await confirm.getByRole("link", { name: "只看修改的内容" }).waitFor();
    await tools.both(confirm, "13b-certificate-diff-all");
    await decide(confirm, "不通过", "型号与发票不一致，请核对。");
    await confirm.getByRole("status").filter({ hasText: "已退回企业" }).waitFor();
    const back = await s.findMine(page, number);
    await back.getByRole("link", { name: `重新修改证明 ${number}` }).click();
    await s.at(page, /^重新修改证明/);
    await page.getByText("型号与发票不一致，请核对。").waitFor();
    await tools.both(page, "13a-certificate-edit-again");
    await main.getByRole("link", { name: "查看申请产品信息" }).click();
    await main.getByRole("link", { name: /^修改第 1 项/ }).first().click();
    await s.fill(main, { "规格/型号": "KC-26/ZW-T3" });
    await s.press(page, "保存");
    await main.getByRole("link", { name: "返回", exact: true }).click();
    await s.press(page, "提交");
    await s.at(page, "申请列表");
    const sent = await s.findMine(page, number);
    await sent.getByRole("link", { name: `已提交新证明（查看） ${number}` }).click();
    await s.at(page, /^已提交新证明/);
    await page.getByText("KC-26/ZW-T3").first().waitFor();
    await tools.both(page, "13-amendment-submitted");
    await main.getByRole("link", { name: "返回", exact: true }).click();
    await s.at(page, "申请列表");
    await openAt(confirm, "证明修改", "待确认", certificate, "办理");
    await decide(confirm, "通过", "属实，同意。");
    await confirm.getByRole("status").filter({ hasText: "第 2 版已生效" }).waitFor();
    const done = await s.findMine(page, number);
    assert.equal(await done.getByRole("link", { name: /修改证明|新证明/ }).count(), 0);
    await done.getByRole("link", { name: /^证明 / }).click();
    await s.at(page, /^免办证明/);
    await page.getByText("KC-26/ZW-T3").first().waitFor();

    // 注销 is asked for and refused
    await main.getByRole("link", { name: "申请注销" }).click();
    await s.at(page, "申请注销证明");
    await s.field(page, "注销原因").fill("合同取消，不再进口。");
    await tools.both(page, "13-surrender");
    await s.press(page, "提交申请");
    await page.getByText("等待发证机关确认").first().waitFor();
    await tools.both(page, "13-surrender-asked");
    const issue = await officer(tools, "demo_issue");
    await openAt(issue, "证明注销", "待确认", certificate, "办理");
    await s.at(issue, "办理注销");
    await tools.both(issue, "13-surrender-case");
    await decide(issue, "不同意注销", "请先说明已到港产品的去向。");
    await issue.getByRole("status").filter({ hasText: "不同意注销" }).waitFor();
    await tools.both(issue, "13-surrenders-empty");

    // 撤销 by two persons; the company reads the notice
    const first = await officer(tools, "demo_supervise");
    await s.menu(first, "证明撤销");
    await tools.both(first, "13-revocations-empty");
    await first.getByRole("link", { name: "提出撤销" }).click();
    await s.field(first, "证明号").fill(certificate);
    await s.press(first, "查找");
    await s.field(first, "撤销原因").fill("现场检查发现产品未按申报用途使用。");
    await tools.both(first, "13-revocation-new");
    await s.press(first, "提出撤销");
    await s.at(first, "审核撤销");
    await first.getByText("须由本局另一名后续监管人员审核").first().waitFor();
    const second = await officer(tools, "demo_supervise2");
    await openAt(second, "证明撤销", "待审核", certificate, "审核");
    await s.at(second, "审核撤销");
    await second.getByRole("radio", { name: /^同意撤销/ }).check();
    await s.press(second, "提交意见");
    await second.getByRole("alert").filter({ hasText: "以确认" }).waitFor();
    await tools.both(second, "13-revocation-case");
    await s.field(second, "证明号").fill(certificate);
    await s.press(second, "提交意见");
    await second.getByRole("status").filter({ hasText: "已撤销" }).waitFor();
    await s.menu(page, "主页");
    const reminder = page.getByRole("region", { name: "今日提醒" });
    await reminder.getByText("证明已被撤销").waitFor();
    await tools.both(page, "03-enterprise-home-revoked");
    await reminder.getByRole("link", { name: certificate }).first().click();
    await s.at(page, "证明撤销通知");
    await tools.both(page, "13-revocation-notice");
    await main.getByRole("link", { name: "返回证明" }).click();
    await page.getByText("该证明已被撤销").waitFor();
    await tools.both(page, "12-certificate-revoked");
  }, { timeout: 420_000 });
});
